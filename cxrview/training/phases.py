"""A training as one fit or as several phases, and once more on training and validation images where the recipe asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrview.core.manifest import Task
from cxrview.core.results import FloatArray
from cxrview.training.procedure import Phase
from cxrview.training.recipe import FitRecipe

if TYPE_CHECKING:
    from lightning.pytorch import Callback, LightningModule
    from torch import nn

    from cxrview.training.fit import Batches, Best
    from cxrview.training.run import Plan

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        held_out: (n, L) logits of the validation images, in the order of the plan, from a network that did not learn from
            them; None where `network` itself did not.
        monitor: the best `fit.monitor` of the last phase that was watched.
        epochs: the best epoch of each phase, counted from 1.
    """

    network: nn.Module
    held_out: FloatArray | None
    monitor: float
    epochs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A phase with everything settled: where its checkpoints go and how it learns."""

    name: str
    folder: Path
    fit: FitRecipe


@dataclass(frozen=True, slots=True)
class _Within:
    """What all phases of a run share."""

    run: Path
    lead: Path
    device: str
    resume: bool
    report: Report


def fit_phases(plan: Plan, run: Path, *, device: str, resume: bool, report: Report, lead: Path | None = None) -> Trained:
    """Train as the recipe says; a run that was cut off goes on in the phase where it was.

    Where the run is a part of a larger one, `lead` is the folder of the whole, which people follow.
    Writes `checkpoints/` (with phases `checkpoints/1-NAME/` and so on, and `checkpoints/final-1-NAME/`) and `events.jsonl`.
    """
    from cxrview.training.initial import initial_network

    recipe = plan.recipe
    stretches = _stretches(recipe.phases, recipe.fit, run / "checkpoints")
    network = initial_network(recipe, plan.labels, report)
    within = _Within(run, lead or run, device, resume, report)
    chosen = _fit_all(plan, network, stretches, plan.members("train"), within)
    if not recipe.final_fit:
        return chosen
    report("Once more, on training and validation images together, for as many epochs as were best.")
    held_out = _validation_logits(plan, chosen.network)
    fixed = [
        replace(each, folder=each.folder.parent / f"final-{each.folder.name}", fit=replace(each.fit, epochs=epochs, patience=0, minutes=0))
        for each, epochs in zip(_stretches(recipe.phases or (Phase("all"),), recipe.fit, run / "checkpoints"), chosen.epochs, strict=True)
    ]
    both = np.concatenate([plan.members("train"), plan.members("val")])
    again = initial_network(recipe, plan.labels)
    final = _fit_all(plan, again, fixed, both, within, is_watched=False)
    return replace(final, held_out=held_out, monitor=chosen.monitor)


def phase_fit(phase: Phase, fit: FitRecipe) -> FitRecipe:
    """Give the fit of a phase: what it does not say is as in the recipe."""
    return replace(
        fit,
        epochs=phase.epochs or fit.epochs,
        learning_rate=phase.learning_rate or fit.learning_rate,
        patience=fit.patience if phase.patience < 0 else phase.patience,
        frozen_layers=phase.frozen_layers,
        freeze_epochs=0,
    )


def _stretches(phases: tuple[Phase, ...], fit: FitRecipe, folder: Path) -> list[_Stretch]:
    if not phases:
        return [_Stretch("", folder, fit)]
    return [
        _Stretch(phase.name, folder / f"{number}-{phase.name}", phase_fit(phase, fit) if phase != Phase("all") else fit)
        for number, phase in enumerate(phases, start=1)
    ]


def _fit_all(
    plan: Plan,
    network: nn.Module,
    stretches: list[_Stretch],
    learned_from: Any,  # Any: an index array
    within: _Within,
    *,
    is_watched: bool = True,
) -> Trained:
    from cxrview.training.glimpse import glimpses

    epochs: list[int] = []
    monitor = float("nan")
    for stretch in stretches:
        learner, batches = assemble(plan, network, stretch.fit, learned_from)
        best = _fit_one(learner, batches, stretch, within, glimpses(plan, within.lead), is_watched=is_watched)
        kept: Any = learner  # Any: torch types every attribute of a module as a tensor or a module
        network = kept.best_network
        epochs.append(best.epoch)
        monitor = best.monitor
    return Trained(network, None, monitor, tuple(epochs))


def _fit_one(
    learner: LightningModule,
    batches: tuple[Batches, Batches],
    stretch: _Stretch,
    within: _Within,
    shown: Callback,
    *,
    is_watched: bool,
) -> Best:
    """Train one phase, or take it from the disk when it is complete; leave its chosen weights in the learner."""
    from cxrview.training.fit import fit_network, load_best

    if stretch.name:
        within.report(f"Phase {stretch.folder.name}: at most {stretch.fit.epochs} epochs, learning rate {stretch.fit.learning_rate:g}.")
    goes_on = within.resume and (stretch.folder / "last.ckpt").is_file()
    phase = stretch.folder.name if stretch.name else ""
    best = fit_network(
        learner,
        batches,
        stretch.fit,
        within.run,
        device=within.device,
        resume=goes_on,
        report=within.report,
        folder=stretch.folder,
        phase=phase,
        lead=within.lead,
        more=(shown,),
    )
    return load_best(learner, best if is_watched else stretch.folder / "last.ckpt")


def assemble(
    plan: Plan,
    network: nn.Module,
    fit: FitRecipe,
    learned_from: Any,  # Any: an index array
) -> tuple[LightningModule, tuple[Batches, Batches]]:
    """Wrap a network for training, with its batches: the images at `learned_from`, and the validation split."""
    from cxrview.training.data import training_batches, validation_batches
    from cxrview.training.targets import draw_chances, make_targets
    from cxrview.training.task import ValidationSet, make_task

    recipe, labels = plan.recipe, plan.labels
    held_out = plan.members("val")
    training = [plan.examples[i] for i in learned_from]
    validation = [plan.examples[i] for i in held_out]
    known = np.array([[label in example.known for label in labels] for example in validation])
    facts = ValidationSet(known | (recipe.task is Task.MULTICLASS), np.array([example.source for example in validation]))
    learner = make_task(network, recipe.task, labels, fit, facts)
    batches = (
        training_batches(
            plan.pictures.stack[learned_from],
            make_targets(training, labels, fit, recipe.task),
            draw_chances(training, fit.balance),
            recipe.input,
            recipe.augment,
            batch=fit.batch,
            epoch_images=fit.epoch_images or len(training),
            seed=fit.seed,
            lungs=plan.pictures.lungs[learned_from] if fit.heat_outside > 0 and plan.pictures.lungs is not None else None,
        ),
        validation_batches(
            plan.pictures.stack[held_out], make_targets(validation, labels, fit, recipe.task), recipe.input, batch=fit.batch
        ),
    )
    return learner, batches


def _validation_logits(plan: Plan, network: nn.Module) -> FloatArray:
    import torch

    from cxrview.core.prepare import normalise

    network = network.eval().to("cpu")
    pictures = plan.pictures.stack[plan.members("val")]
    with torch.no_grad():
        logits = [network(torch.from_numpy(normalise(picture, plan.recipe.input)))[0].numpy() for picture in pictures]
    return np.concatenate(logits).astype(np.float32)
