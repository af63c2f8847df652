"""Images a second of a training against a bare torch loop over tensors in memory: `python -m tests.benchmarks.bench_train`.

Same network, optimiser, precision, batch and threads, in interleaved rounds of one process. On a machine that has other things to
do, `--cpu-time` counts the processor's time of this process instead of the clock's. The training draws, augments and
normalises every image, keeps the average of the weights and logs; the bare loop does nothing of it. Counted is the last of two
epochs, from step to step: validation and checkpoints between epochs are not in it, as the bare loop has none.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cxrview.core.manifest import Task
from cxrview.engine.nets import build
from cxrview.training.data import training_batches, validation_batches
from cxrview.training.fit import fit_network, is_bf16_chosen
from cxrview.training.recipe import Recipe, load_recipe
from cxrview.training.targets import Targets
from cxrview.training.task import ValidationSet, loss, make_task

AT_LEAST = 0.9
VALIDATION = 16


def prepared(recipe: Recipe, images: int) -> np.ndarray:  # type: ignore[type-arg]
    spec = recipe.input
    return np.random.default_rng(1).integers(0, 256, (images, spec.channels.planes, spec.height, spec.width), dtype=np.uint8)


def targets(images: int, labels: int) -> Targets:
    wanted = (np.random.default_rng(2).random((images, labels)) < 0.5).astype(np.float32)
    return Targets(wanted, np.ones_like(wanted))


def network_of(recipe: Recipe, labels: int) -> torch.nn.Module:
    spec = recipe.input
    torch.manual_seed(1)
    return build(recipe.architecture, labels=labels, channels=spec.channels.planes, height=spec.height, width=spec.width)


def train(recipe: Recipe, stack: np.ndarray, labels: int, clock: Callable[[], float]) -> float:  # type: ignore[type-arg]
    """Train as `cxrview train` does; give images a second of the last epoch, from its first step to its last."""
    truth, fit = targets(len(stack), labels), recipe.fit
    facts = ValidationSet(np.ones((VALIDATION, labels), np.bool_), np.array(["a"] * VALIDATION))
    learner: Any = make_task(network_of(recipe, labels), Task.MULTILABEL, tuple("abcdefgh"[:labels]), fit, facts)
    chances = np.full(len(stack), 1 / len(stack))
    learn = training_batches(stack, truth, chances, recipe.input, recipe.augment, batch=fit.batch, epoch_images=len(stack), seed=1)
    held = Targets(truth.wanted[:VALIDATION], truth.weight[:VALIDATION])
    watch = validation_batches(stack[:VALIDATION], held, recipe.input, batch=fit.batch)
    stamps: list[float] = []
    at_start = learner.on_train_batch_start

    def stamped(batch: Any, index: int) -> None:
        stamps.append(clock())
        at_start(batch, index)

    learner.on_train_batch_start = stamped
    with tempfile.TemporaryDirectory() as folder:
        fit_network(learner, (learn, watch), fit, Path(folder), device="cpu")
    return _rate(stamps, len(stack) // fit.batch, fit.batch)


def _rate(stamps: Sequence[float], steps: int, batch: int) -> float:
    return (steps - 1) * batch / (stamps[-1] - stamps[-steps])


def bare(recipe: Recipe, stack: np.ndarray, labels: int, clock: Callable[[], float], *, is_fused: bool) -> float:  # type: ignore[type-arg]
    """Run the shortest loop that trains the same network on tensors that are ready, with torch's plain AdamW or its fused one."""
    fit = recipe.fit
    network = network_of(recipe, labels).to(memory_format=torch.channels_last).train()
    truth = targets(len(stack), labels)
    wanted, weight = torch.from_numpy(truth.wanted), torch.from_numpy(truth.weight)
    x = torch.from_numpy((stack.astype(np.float32) / 255 - 0.5) / 0.25).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay, fused=is_fused)
    is_bf16 = is_bf16_chosen(fit.precision, "cpu")
    stamps: list[float] = []
    for _ in range(fit.epochs):
        for start in range(0, len(stack) - fit.batch + 1, fit.batch):
            stamps.append(clock())
            part = slice(start, start + fit.batch)
            with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
                logits, _ = network(x[part])
            optimiser.zero_grad(set_to_none=True)
            loss(logits.float(), wanted[part], weight[part], task=Task.MULTILABEL, fit=fit).backward()
            optimiser.step()
    return _rate(stamps, len(stack) // fit.batch, fit.batch)


def main() -> int:
    """Print the ratio of the medians; the exit status is 1 when it is below 0.9."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="covid-cxnet")
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--cpu-time", action="store_true")
    asked = parser.parse_args()
    clock = time.process_time if asked.cpu_time else time.perf_counter
    recipe = load_recipe(asked.recipe, asked.changes)
    recipe = replace(recipe, fit=replace(recipe.fit, epochs=2, patience=0, minutes=0.0, freeze_epochs=0, frozen_layers=0.0))
    stack, labels = prepared(recipe, asked.images), 4
    found: dict[str, list[float]] = {"training": [], "bare": [], "bare, fused": []}
    for _ in range(asked.rounds):
        found["bare"].append(bare(recipe, stack, labels, clock, is_fused=False))
        found["bare, fused"].append(bare(recipe, stack, labels, clock, is_fused=True))
        found["training"].append(train(recipe, stack, labels, clock))
    medians = {name: statistics.median(each) for name, each in found.items()}
    ratio = medians["training"] / medians["bare"]
    print(
        f"{recipe.name}: {recipe.architecture.name}, {recipe.input.width} px, batch {recipe.fit.batch}, {torch.get_num_threads()} threads"
    )
    for name, rate in medians.items():
        print(f"  {name:12} {rate:7.2f} images/s   training is {medians['training'] / rate:.2f} of it")
    return 0 if ratio >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
