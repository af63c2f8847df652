"""Wishes for a run that is under way, and how far it is: two small files in its folder, so that any process can ask and look."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning.pytorch import Callback, LightningModule, Trainer

WISH_NAME = "control"
STEP_NAME = "step.json"
POLL_S = 0.2  # between looks at the wish while a run is paused
SHOWN_EVERY_S = 0.5


class Wish(StrEnum):
    """What the run is to do: go on, wait between two steps, or end now and keep the best weights."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Step:
    """Where in an epoch a run is; `epoch` counts from 1, `seconds` are those of one step."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds: float
    is_paused: bool = False


def write_wish(run: Path, wish: Wish) -> None:
    """Ask a run for something; it looks after each step."""
    _put(run / WISH_NAME, str(wish))


def read_wish(run: Path) -> Wish:
    """Tell what was asked of a run last; to go on, when nothing was."""
    try:
        return Wish((run / WISH_NAME).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return Wish.RUN


def read_step(run: Path) -> Step | None:
    """Tell where in its epoch a run is; None before the first step."""
    try:
        stored: Mapping[str, Any] = json.loads((run / STEP_NAME).read_text(encoding="utf-8"))  # Any: values of a JSON document
        return Step(**stored)
    except (OSError, ValueError, TypeError):
        return None


def obedience(run: Path) -> Callback:
    """Make the callback that shows each step and obeys wishes between two of them."""
    from lightning.pytorch import Callback

    class Obedience(Callback):
        """Waits or stops where it was asked to; a pause changes nothing of what is learned."""

        def __init__(self) -> None:
            self._shown = 0.0
            self._began = time.monotonic()
            self._done = 0

        def on_train_epoch_start(self, *_: Any) -> None:
            self._began, self._done = time.monotonic(), 0

        def on_train_batch_end(self, trainer: Trainer, _module: LightningModule, outputs: Any, _batch: Any, batch_idx: int) -> None:
            self._done += 1
            seconds = (time.monotonic() - self._began) / self._done
            loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
            steps = int(trainer.num_training_batches)
            step = Step(trainer.current_epoch + 1, int(trainer.max_epochs or 0), batch_idx + 1, steps, float(loss), seconds)
            if time.monotonic() - self._shown >= SHOWN_EVERY_S or step.step == steps:
                self._shown = time.monotonic()
                _put(run / STEP_NAME, json.dumps(asdict(step)))
            wish = read_wish(run)
            if wish is Wish.PAUSE:
                self._wait(step)
                wish = read_wish(run)
            if wish is Wish.STOP:
                trainer.should_stop = True

        def _wait(self, step: Step) -> None:
            before = time.monotonic()
            _put(run / STEP_NAME, json.dumps(asdict(step) | {"is_paused": True}))
            while read_wish(run) is Wish.PAUSE:
                time.sleep(POLL_S)
            self._began += time.monotonic() - before
            _put(run / STEP_NAME, json.dumps(asdict(step)))

    return Obedience()


def _put(path: Path, text: str) -> None:
    """Write a small file whole; a reader sees the old or the new one. A full disk is not worth ending a training for."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        return
