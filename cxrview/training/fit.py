"""The training loop: Lightning with checkpoints after each epoch, so that a run can stop and go on at any time."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrview.core.errors import DataError, EngineUnavailable
from cxrview.training.control import obedience
from cxrview.training.events import EventLog, Value
from cxrview.training.recipe import FitRecipe, Precision

if TYPE_CHECKING:
    from typing import TypeAlias

    from lightning.pytorch import Callback, LightningModule
    from torch import Tensor
    from torch.utils.data import DataLoader

    Batches: TypeAlias = DataLoader[tuple[Tensor, ...]]

COMPLETE_NAME = "complete"  # a file beside the checkpoints: training has ended of itself


def fit_network(
    learner: LightningModule,
    batches: tuple[Batches, Batches],
    fit: FitRecipe,
    run: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
    folder: Path | None = None,
    phase: str = "",
    lead: Path | None = None,
    more: Sequence[Callback] = (),
) -> Path:
    """Train on the first of `batches`, judge on the second; return the best checkpoint.

    It ends when the epochs, the patience or the minutes are used up.

    Writes `last.ckpt` and `best.ckpt` into `folder` (the run's `checkpoints/`) after each epoch and appends to `events.jsonl`,
    with the name of the `phase` if there is one. Where the run is a part of a larger one, `lead` is the folder of the whole:
    its wishes are obeyed, and steps and epochs are told there too. `more` callbacks are run as well.

    Raises:
        DataError: resuming was asked for and there is no checkpoint.
        EngineUnavailable: CUDA was asked for and is not here.
    """
    import torch
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, Timer

    training, validation = batches
    folder = folder or run / "checkpoints"
    last = folder / "last.ckpt"
    if resume and not last.is_file():
        raise DataError("There is no checkpoint to resume from.", hint="Start without --resume.", subject=str(run))
    complete = folder / COMPLETE_NAME
    if resume and complete.is_file():  # cut off while it was being judged: another epoch would make another network of it
        return folder / "best.ckpt" if (folder / "best.ckpt").is_file() else last
    accelerator = accelerator_of(device)
    best = ModelCheckpoint(
        folder, filename="best", monitor="monitor", mode="max", enable_version_counter=False, save_on_train_epoch_end=True
    )
    latest = ModelCheckpoint(folder, filename="last", every_n_epochs=1, enable_version_counter=False, save_on_train_epoch_end=True)
    logs = {EventLog(run / "events.jsonl"): phase}
    if lead is not None and lead != run:
        logs[EventLog(lead / "events.jsonl")] = f"{run.relative_to(lead).as_posix()} {phase}".strip()
    callbacks: list[Callback] = [_reporter(logs, training, fit, report), obedience(lead or run), best, latest, *more]
    if fit.patience > 0:
        callbacks.append(EarlyStopping("monitor", mode="max", patience=fit.patience))
    if fit.minutes > 0:
        callbacks.append(Timer(timedelta(minutes=fit.minutes), interval="epoch"))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(fit.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning advises on workers and loggers; nothing here follows from it
        trainer = Trainer(
            accelerator=accelerator,
            devices=1,
            max_epochs=fit.epochs,
            precision="bf16-mixed" if is_bf16_chosen(fit.precision, accelerator) else "32-true",
            callbacks=callbacks,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            gradient_clip_val=5.0,
        )
        trainer.fit(
            learner.to(memory_format=torch.channels_last), training, validation, ckpt_path=str(last) if resume else None, weights_only=True
        )
    complete.touch()
    EventLog(run / "events.jsonl").write("fitted")
    return folder / "best.ckpt" if (folder / "best.ckpt").is_file() else last


@dataclass(frozen=True, slots=True)
class Best:
    """What a checkpoint says of itself: its epoch, counted from 1, and the best `fit.monitor` until then."""

    epoch: int
    monitor: float


def load_best(learner: LightningModule, checkpoint: Path) -> Best:
    """Put the weights of a checkpoint into the learner; nothing but tensors and plain values is read."""
    import torch

    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    learner.load_state_dict(stored["state_dict"])
    scores = [state["best_model_score"] for state in stored.get("callbacks", {}).values() if state.get("best_model_score") is not None]
    return Best(int(stored["epoch"]) + 1, float(scores[0]) if scores else float("nan"))


def _reporter(logs: Mapping[EventLog, str], training: Batches, fit: FitRecipe, report: Callable[[str], None]) -> Callback:
    from lightning.pytorch import Callback, Trainer

    class Reporter(Callback):
        """Writes an event after each epoch, into each log under the name that the phase has there."""

        def __init__(self) -> None:
            self._started = 0.0

        def on_train_epoch_start(self, *_: Any) -> None:
            self._started = time.monotonic()

        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            seconds = time.monotonic() - self._started
            figures = {key: float(value) for key, value in trainer.callback_metrics.items()}
            found: Any = pl_module
            sampler: Any = training.batch_sampler  # Any: DataLoader does not say that it is ours
            told: dict[str, Value] = {
                "epoch": trainer.current_epoch + 1,
                "epochs": fit.epochs,
                "seconds": seconds,
                "images_per_second": len(sampler) * fit.batch / seconds,
                "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
                "train_loss": figures.get("train_loss"),
                "val_loss": figures.get("val_loss"),
                "monitor": figures.get("monitor"),
                "auroc": dict(found.aurocs),
            }
            for events, phase in logs.items():
                events.write("epoch", **({"phase": phase} if phase else {}), **told)
            shown = "  ".join(f"{key} {value:.3f}" for key, value in found.aurocs.items() if "@" in key) or "-"
            report(
                f"epoch {trainer.current_epoch + 1}/{fit.epochs}  train {figures.get('train_loss', 0):.4f}  "
                f"val {figures.get('val_loss', 0):.4f}  monitor {figures.get('monitor', 0):.4f}  {seconds:.0f} s  {shown}"
            )

    return Reporter()


def accelerator_of(device: str) -> str:
    """Give Lightning's name of where to train; `auto` is CUDA where it is.

    Raises:
        EngineUnavailable: CUDA was asked for and is not here.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable(
            "CUDA was asked for and torch sees no CUDA device.", hint="Use --device cpu, or install a CUDA build of torch."
        )
    return "gpu" if device != "cpu" and torch.cuda.is_available() else "cpu"


def is_bf16_chosen(precision: Precision, accelerator: str) -> bool:
    """Tell whether to train in bf16: asked for, or faster on this machine (matrix units for it in the processor)."""
    import torch

    if precision is not Precision.AUTO:
        return precision is Precision.BF16
    if accelerator == "gpu":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_amx_tile_supported())
