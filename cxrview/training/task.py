"""What one training step does: network, loss, weight average, optimiser and the figures after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Task
from cxrview.engine.torchvision_ops import make_importable
from cxrview.training.recipe import FitRecipe, Loss, Monitor

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule
    from torch import Tensor, nn

WORST = -1e9


@dataclass(frozen=True, slots=True, eq=False)
class ValidationSet:
    """What the figures after an epoch need to know of the validation images, in their order.

    Attributes:
        known: (N, L) bool, whether the image says anything of the label.
        sources: (N,) source of each image.
    """

    known: npt.NDArray[np.bool_]
    sources: npt.NDArray[np.str_]


def make_task(network: nn.Module, task: Task, labels: Sequence[str], fit: FitRecipe, validation: ValidationSet) -> LightningModule:
    """Wrap a network as a Lightning module that logs `monitor` (larger is better), `val_loss` and AUROCs."""
    make_importable()
    import torch
    from lightning.pytorch import LightningModule
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    class Learner(LightningModule):
        """Network, average and optimiser."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            averaging = get_ema_multi_avg_fn(fit.average)  # type: ignore[no-untyped-call]
            self.kept = AveragedModel(network, multi_avg_fn=averaging, use_buffers=True) if fit.average > 0 else None
            self._outputs: list[tuple[Tensor, Tensor, Tensor]] = []
            self.aurocs: dict[str, float] = {}

        @property
        def best_network(self) -> nn.Module:
            """The network that is kept: the average of the weights where there is one."""
            kept: nn.Module = self.kept.module if self.kept is not None else self.network
            return kept

        def loss_of(self, batch: tuple[Tensor, ...]) -> Tensor:
            """Compute the loss of one batch."""
            x, wanted, weight, *lungs = batch
            logits, features = self.network(x.to(memory_format=torch.channels_last))
            value = loss(logits.float(), wanted, weight, task=task, fit=fit)
            if lungs:
                value = value + fit.heat_outside * heat_outside(features.float(), self.network.get_submodule("head.dense.0"), lungs[0])
            return value

        def optimiser(self) -> Any:  # Any: torch's optimisers have no common stub
            """Make the recipe's optimiser over all weights."""
            return _optimiser(self.network, fit)

        def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
            value = self.loss_of(batch)
            self.log("train_loss", value, on_step=False, on_epoch=True, batch_size=len(batch[0]))
            return value

        def on_train_batch_end(self, *_: Any) -> None:  # Any: Lightning's hook
            if self.kept is not None:
                self.kept.update_parameters(self.network)

        def on_train_batch_start(self, _: Any, batch_index: int) -> None:  # Any: Lightning's hook
            torch.default_generator.manual_seed((fit.seed * 10_007 + self.current_epoch) * 1_000_003 + batch_index)  # for dropout

        def on_train_epoch_start(self) -> None:
            freeze(self.network, fit, epoch=self.current_epoch)

        def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
            x, wanted, weight = batch
            logits, _features = self.best_network(x.to(memory_format=torch.channels_last))
            self._outputs.append((logits.float().cpu(), wanted.cpu(), weight.cpu()))

        def on_validation_epoch_end(self) -> None:
            logits, wanted, weight = (torch.cat(parts) for parts in zip(*self._outputs, strict=True))
            self._outputs.clear()
            if len(logits) != len(validation.sources):  # Lightning's sanity check sees a part only
                return
            val_loss = loss(logits, wanted, weight, task=task, fit=fit)
            self.aurocs = aurocs(logits, wanted, validation, labels)
            within = [value for key, value in self.aurocs.items() if "@" in key]
            overall = [value for key, value in self.aurocs.items() if "@" not in key]
            chosen = {Monitor.AUROC_WITHIN_SOURCE: within or overall, Monitor.AUROC: overall, Monitor.LOSS: [-float(val_loss)]}[fit.monitor]
            self.log("val_loss", val_loss)
            self.log("monitor", float(np.mean(chosen)) if chosen else WORST)

        def configure_gradient_clipping(  # Any: Lightning's hook, with its names
            self,
            optimizer: Any,  # noqa: ARG002
            gradient_clip_val: Any = None,
            gradient_clip_algorithm: Any = None,  # noqa: ARG002
        ) -> None:
            """Scale gradients down where their norm is too large; where it is not, which is nearly always, they are not touched."""
            gradients = [each.grad for each in self.network.parameters() if each.grad is not None]
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            if gradient_clip_val and not float(norm) <= gradient_clip_val:
                torch._foreach_mul_(gradients, float(gradient_clip_val / (norm + 1e-6)))

        def configure_optimizers(self) -> Any:  # Any: Lightning takes many forms
            optimiser = self.optimiser()
            if fit.schedule == "constant":
                return optimiser
            steps = int(self.trainer.estimated_stepping_batches)
            warmup = max(1, int(fit.warmup_epochs * steps / fit.epochs))
            schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: cosine(step, warmup=warmup, steps=steps))
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    return Learner()


def cosine(step: int, *, warmup: int, steps: int) -> float:
    """Give the factor on the learning rate: a straight rise, then half a cosine down to a hundredth."""
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.01 + 0.99 * 0.5 * (1.0 + float(np.cos(np.pi * done)))


def loss(logits: Tensor, wanted: Tensor, weight: Tensor, *, task: Task, fit: FitRecipe) -> Tensor:
    """Compute the weighted loss, averaged over images and labels; unknown labels have a weight of 0."""
    import torch
    from torch.nn import functional

    if task is Task.MULTICLASS:
        log_p = functional.log_softmax(logits, dim=1)
        smooth = wanted * (1 - fit.label_smoothing) + fit.label_smoothing / wanted.shape[1]
        focal = (1 - log_p.exp()) ** fit.focal_gamma if fit.loss is Loss.FOCAL else torch.ones_like(log_p)
        return (-(smooth * focal * log_p).sum(dim=1) * weight[:, 0]).mean()
    smooth = wanted * (1 - fit.label_smoothing) + 0.5 * fit.label_smoothing
    each = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
    if fit.loss is Loss.FOCAL:
        p = torch.sigmoid(logits)
        each = each * (wanted * (1 - p) + (1 - wanted) * p) ** fit.focal_gamma
    return (each * weight).mean()


def heat_outside(features: Tensor, dense: nn.Module, lungs: Tensor) -> Tensor:
    """Give the share of the positive heat of all labels that lies outside the lungs, 0 to 1, averaged over images and labels.

    The heat is Grad-CAM's for a pooled head of one dense layer: what each cell adds to the logit. Holding it down keeps
    the network from reading collimators, letters and shoulders ("right for the right reasons", Ross et al., IJCAI 2017).

    Args:
        features: (N, K, h, w).
        dense: the layer from K means to L logits.
        lungs: (N, H, W), 0 to 1; an image without any lung counts nothing. A border of one cell around them is lung too.
    """
    import torch
    from torch.nn import functional

    weight: Any = dense.weight  # Any: torch types every attribute of a module as a tensor or a module
    heat = torch.einsum("lk,nkhw->nlhw", weight, features).clamp_min(0.0)
    cells = functional.adaptive_avg_pool2d(lungs[:, None], (heat.shape[2], heat.shape[3]))
    inside = torch.maximum(cells, 0.5 * functional.max_pool2d(cells, 3, stride=1, padding=1))
    share = (heat * (1.0 - inside)).sum((2, 3)) / (heat.sum((2, 3)) + 1e-3)
    has_lungs = (cells.amax((1, 2, 3)) > 0).float()[:, None]
    return (share * has_lungs).sum() / (has_lungs.sum() * heat.shape[1]).clamp_min(1.0)


def aurocs(logits: Tensor, wanted: Tensor, validation: ValidationSet, labels: Sequence[str]) -> dict[str, float]:
    """Give AUROC by label, and by `label@source` for sources with at least four positives and four negatives."""
    make_importable()
    import torch
    from torchmetrics.functional.classification import binary_auroc

    known = torch.from_numpy(validation.known)
    found: dict[str, float] = {}
    for column, label in enumerate(labels):
        for source in ("", *np.unique(validation.sources)):
            members = known[:, column] if not source else known[:, column] & torch.from_numpy(validation.sources == source)
            truth = wanted[members, column] > 0
            if min(int(truth.sum()), int((~truth).sum())) >= (4 if source else 1):
                key = f"{label}@{source}" if source else label
                found[key] = float(binary_auroc(torch.sigmoid(logits[members, column]), truth.int()))
    return found


def freeze(network: nn.Module, fit: FitRecipe, *, epoch: int) -> None:
    """Freeze what the recipe wants frozen in this epoch: the whole backbone, or the first part of it.

    A frozen batch norm neither learns nor counts: it takes the statistics that it came with.
    """
    backbone = network.get_submodule("backbone")
    parameters = list(backbone.parameters())
    still = len(parameters) if epoch < fit.freeze_epochs else round(len(parameters) * fit.frozen_layers)
    for number, parameter in enumerate(parameters):
        parameter.requires_grad_(number >= still)
    for module in backbone.modules():
        own = list(module.parameters(recurse=False))
        if own:
            module.train(any(parameter.requires_grad for parameter in own))


def _optimiser(network: nn.Module, fit: FitRecipe) -> Any:  # Any: torch's optimisers have no common stub
    import torch

    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": fit.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    if fit.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=fit.learning_rate, momentum=0.9, nesterov=True)
    kind = torch.optim.AdamW if fit.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=fit.learning_rate, fused=True)  # a third of the time of the plain one on a processor
