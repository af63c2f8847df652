"""How long a training will take on this machine, from twenty steps of it."""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrview.core.manifest import Task
from cxrview.io.atomic import write_text
from cxrview.training.examples import Example, read_collection
from cxrview.training.harmonise import before_matching
from cxrview.training.hierarchy import leaves
from cxrview.training.pictures import Pictures, load_pictures
from cxrview.training.recipe import Recipe
from cxrview.training.search import grid_points

if TYPE_CHECKING:
    from torch import nn

FILE_NAME = "estimate.json"
STEPS = 20
MOST_IMAGES = 96
JUDGED_TWICE = 2.0  # reading again for the baselines, and bootstraps, cost about as much as reading and running once more


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will take.

    Attributes:
        read_s, train_s, judge_s: for everything: reading the images, all epochs, judging and export.
        step_s: one step with everything learning. batch: images in it.
        memory_bytes: of the whole process at its peak; 0 where it cannot be told.
        disk_bytes: checkpoints, package and cache.
        parameters: of the network.
    """

    read_s: float
    train_s: float
    judge_s: float
    step_s: float
    batch: int
    images: int
    memory_bytes: int
    disk_bytes: int
    parameters: int
    device: str

    @property
    def total_s(self) -> float:
        """All of it, if it does not end earlier because nothing gets better."""
        return self.read_s + self.train_s + self.judge_s


def estimate(data: Path, recipe: Recipe, *, device: str = "auto", report: Callable[[str], None] = lambda _: None) -> Estimate:
    """Read some of the images, take twenty steps of the training, and reckon up.

    Raises:
        DataError: no usable images. RecipeError: weights that are not there.
    """
    import torch

    from cxrview.training.fit import accelerator_of, is_bf16_chosen
    from cxrview.training.initial import initial_network
    from cxrview.training.task import freeze

    rounds = rounds_of(recipe)
    if recipe.stages:  # each network of a hierarchy is about as large as one that tells all classes apart
        recipe = replace(recipe, task=Task.MULTICLASS, stages=(), data=replace(recipe.data, labels=leaves(recipe.stages)))
    collection = read_collection(data, recipe.data)
    sample = _sample(collection.examples)
    report(f"Reading {len(sample)} of {len(collection.examples)} images.")
    began = time.monotonic()
    loaded = load_pictures(sample, before_matching(recipe.input))
    read_s = (time.monotonic() - began) / len(sample)
    kind = accelerator_of(device)
    place = torch.device("cuda" if kind == "gpu" else "cpu")
    network = initial_network(_with_statistics(recipe), collection.labels).to(place)
    is_half = is_bf16_chosen(recipe.fit.precision, kind)
    began = time.monotonic()
    batches = _batches(loaded.examples, loaded.pictures, collection.labels, recipe, place)
    augment_s = (time.monotonic() - began) / len(batches)
    report(f"Taking {STEPS} steps of {recipe.fit.batch} images.")
    frozen_epochs = min(recipe.fit.freeze_epochs, recipe.fit.epochs)
    frozen_s = 0.0
    if frozen_epochs:
        freeze(network, recipe.fit, epoch=0)
        frozen_s = _step_seconds(network, batches, recipe, is_half=is_half, steps=STEPS // 2)
    freeze(network, recipe.fit, epoch=recipe.fit.epochs)
    whole_s = _step_seconds(network, batches, recipe, is_half=is_half, steps=STEPS // 2 if frozen_epochs else STEPS)
    forward_s = _forward_seconds(network, batches[0][0], is_half=is_half)
    images = len(collection.examples)
    held_out = sum(example.split == "val" for example in collection.examples) or round(images * recipe.data.val_fraction)
    training = sum(example.split == "train" for example in collection.examples) or round(
        images * (1 - recipe.data.val_fraction - recipe.data.test_fraction)
    )
    steps = max(1, (recipe.fit.epoch_images or training) // recipe.fit.batch)
    train_s = steps * (recipe.fit.epochs * augment_s + frozen_epochs * frozen_s + (recipe.fit.epochs - frozen_epochs) * whole_s)
    train_s += recipe.fit.epochs * held_out * forward_s
    if recipe.fit.minutes > 0:
        train_s = min(train_s, 60 * recipe.fit.minutes)
    train_s = train_s * rounds + recipe.range_test.steps * whole_s
    parameters = sum(parameter.numel() for parameter in network.parameters())
    stack = images * loaded.pictures.stack[0].nbytes
    return Estimate(
        read_s=images * read_s,
        train_s=train_s,
        judge_s=JUDGED_TWICE * images * (read_s + forward_s),
        step_s=augment_s + whole_s,
        batch=recipe.fit.batch,
        images=images,
        memory_bytes=_peak_memory(kind) + stack,
        disk_bytes=2 * parameters * (12 + 4 * (recipe.fit.average > 0)) + 4 * parameters + stack,
        parameters=parameters,
        device="cuda" if kind == "gpu" else "cpu",
    )


def rounds_of(recipe: Recipe) -> float:
    """Tell how many times `fit.epochs` epochs a recipe goes through at most: phases, tries, a final fit, repeats and stages."""
    fit, search = recipe.fit, recipe.search
    planned = [phase.epochs or fit.epochs for phase in recipe.phases] or [fit.epochs]
    tried = [min(epochs, search.epochs or epochs) for epochs in planned[: search.phases]]
    tries = len(grid_points(search)) if search.grid else 0
    epochs = sum(planned) * (2 if recipe.final_fit else 1) + tries * sum(tried)
    return epochs / fit.epochs * max(1, len(recipe.stages)) * recipe.repeat.count


def write_estimate(folder: Path, found: Estimate) -> None:
    """Leave an estimate in a folder, complete or not at all."""
    write_text(folder / FILE_NAME, json.dumps(asdict(found), indent=1) + "\n")


def read_estimate(folder: Path) -> Estimate | None:
    """Read the estimate in a folder; None when there is none."""
    try:
        return Estimate(**json.loads((folder / FILE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def in_words(seconds: float) -> str:
    """Say a duration as people do."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def _sample(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Take some images of each label in turn."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    turns = [[(place, kind, example) for place, example in enumerate(members)] for kind, members in enumerate(by_label.values())]
    mixed = sorted((entry for members in turns for entry in members), key=lambda entry: entry[:2])
    return tuple(example for _place, _kind, example in mixed[:MOST_IMAGES])


def _with_statistics(recipe: Recipe) -> Recipe:
    """Give a recipe whose mean and std come from the training images any others: they cost nothing."""
    if any(recipe.input.std):
        return recipe
    planes = recipe.input.channels.planes
    return replace(recipe, input=replace(recipe.input, mean=(0.5,) * planes, std=(0.25,) * planes))


def _batches(examples: Sequence[Example], pictures: Pictures, labels: Sequence[str], recipe: Recipe, place: Any) -> list[tuple[Any, ...]]:
    from cxrview.training.data import training_batches
    from cxrview.training.targets import draw_chances, make_targets

    recipe = _with_statistics(recipe)
    loader = training_batches(
        pictures.stack,
        make_targets(examples, labels, recipe.fit, recipe.task),
        draw_chances(examples, recipe.fit.balance),
        recipe.input,
        recipe.augment,
        batch=recipe.fit.batch,
        epoch_images=recipe.fit.batch * 4,
        seed=recipe.fit.seed,
    )
    return [tuple(part.to(place) for part in batch) for batch in loader]


def _step_seconds(network: nn.Module, batches: Sequence[tuple[Any, ...]], recipe: Recipe, *, is_half: bool, steps: int) -> float:
    import torch

    from cxrview.training.task import loss

    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=recipe.fit.learning_rate)
    network.train()
    taken: list[float] = []
    for number in range(steps):
        x, wanted, weight, *_lungs = batches[number % len(batches)]
        began = time.monotonic()
        with _autocast(x, is_half=is_half):
            logits = network(x.to(memory_format=torch.channels_last))[0]
            cost = loss(logits.float(), wanted, weight, task=recipe.task, fit=recipe.fit)
        optimiser.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        taken.append(time.monotonic() - began)
    # The first steps warm caches up.
    return float(np.median(taken[len(taken) // 4 :]))


def _forward_seconds(network: nn.Module, x: Any, *, is_half: bool) -> float:
    import torch

    network.eval()
    with torch.no_grad(), _autocast(x, is_half=is_half):
        network(x)
        began = time.monotonic()
        network(x)
    return (time.monotonic() - began) / len(x)


def _autocast(x: Any, *, is_half: bool) -> Any:  # Any: torch's context managers have no common stub
    import torch

    return torch.autocast(x.device.type, dtype=torch.bfloat16) if is_half else nullcontext()


def _peak_memory(kind: str) -> int:
    import torch

    if kind == "gpu":
        return int(torch.cuda.max_memory_allocated())
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
