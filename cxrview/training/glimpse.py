"""A glimpse of how a training fares: a few validation images with the heatmaps of each epoch's network, left in the run folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from cxrview.core.colour import overlay
from cxrview.core.frame import Frame
from cxrview.core.manifest import Task
from cxrview.core.prepare import normalise
from cxrview.core.results import FloatArray

if TYPE_CHECKING:
    from lightning.pytorch import Callback
    from torch import nn

    from cxrview.training.run import Plan

FILE_NAME = "glimpse.npz"
SHOWN = 6


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """Validation images as the network sees them, with what speaks for what it calls them.

    Attributes:
        epoch: of the phase, counted from 1.
        pictures: (n, H, W, 3) uint8 RGB. words: what each is and is called.
    """

    epoch: int
    pictures: npt.NDArray[np.uint8]
    words: tuple[str, ...]


def glimpses(plan: Plan, run: Path) -> Callback:
    """Make the callback that leaves a glimpse in `run` after each epoch; nothing of the training depends on it."""
    from lightning.pytorch import Callback

    chosen = _some_of_each_label(plan)

    class Glimpses(Callback):
        """Draws after each epoch."""

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # Any: Lightning's hook
            try:
                write_glimpse(run, take_glimpse(plan, pl_module.best_network, chosen, epoch=trainer.current_epoch + 1))
            except OSError:  # a full disk is told by what must be written
                return

    return Glimpses()


def take_glimpse(plan: Plan, network: nn.Module, chosen: Sequence[int], *, epoch: int) -> Glimpse:
    """Run the network on some examples of a plan and draw them; its mode and its gradients stay as they are."""
    import torch

    modes = [(module, module.training) for module in network.modules()]
    device = next(network.parameters()).device
    pictures, words = [], []
    try:
        network.eval()
        for number in chosen:
            x = torch.from_numpy(normalise(plan.pictures.stack[number], plan.recipe.input)).to(device).requires_grad_()
            with torch.enable_grad():
                logits, features = network(x)
                heat = [_heat(logits[0, label], features) for label in range(logits.shape[1])]
            values = logits.detach().float()[0]
            chances = torch.softmax(values, 0) if plan.recipe.task is Task.MULTICLASS else torch.sigmoid(values)
            label = int(chances.argmax())
            pictures.append(_drawn(plan.pictures.stack[number][0], heat[label], scale=max(float(each.max()) for each in heat)))
            words.append(_words(plan, number, label, float(chances[label])))
    finally:
        for module, mode in modes:
            module.training = mode
    return Glimpse(epoch, np.stack(pictures), tuple(words))


def write_glimpse(run: Path, glimpse: Glimpse) -> None:
    """Leave a glimpse in a run folder; who reads meanwhile sees the one before, whole."""
    partial = run / f".{FILE_NAME}"
    with partial.open("wb") as stream:
        words = np.array(glimpse.words, np.str_)
        np.savez(stream, allow_pickle=False, epoch=np.array(glimpse.epoch), pictures=glimpse.pictures, words=words)
    partial.replace(run / FILE_NAME)


def read_glimpse(run: Path) -> Glimpse | None:
    """Read the last glimpse of a run; None when there is none."""
    try:
        with (run / FILE_NAME).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return Glimpse(int(stored["epoch"]), stored["pictures"], tuple(str(each) for each in stored["words"]))
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _some_of_each_label(plan: Plan) -> tuple[int, ...]:
    """Choose validation images, of each label of the data in turn; always the same ones."""
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for number in plan.members("val").tolist():
        by_label[plan.examples[number].label].append(number)
    turns = [(place, label, number) for label, members in sorted(by_label.items()) for place, number in enumerate(members)]
    return tuple(number for _place, _label, number in sorted(turns)[:SHOWN])


def _heat(logit: Any, features: Any) -> FloatArray:  # Any: tensors
    """Give Grad-CAM of a logit, (h, w): what each cell adds to it where the head is linear, and nothing below zero."""
    import torch

    (gradient,) = torch.autograd.grad(logit, features, retain_graph=True)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    heat: FloatArray = (weights * features).sum(dim=1)[0].clamp_min(0.0).detach().float().cpu().numpy()
    return heat


def _drawn(gray: npt.NDArray[np.uint8], heat: FloatArray, *, scale: float) -> npt.NDArray[np.uint8]:
    height, width = gray.shape
    return overlay(gray, heat, Frame(1.0, 1.0, 0.0, 0.0, width, height, width, height), scale=scale, has_bar=False)


def _words(plan: Plan, number: int, label: int, chance: float) -> str:
    names = plan.recipe.data.names
    example = plan.examples[number]
    truth = " + ".join(names.get(each, each) for each in sorted(example.positive)) or "none of them"
    return f"is {truth}\ncalled {names.get(plan.labels[label], plan.labels[label])} {chance:.2f}"
