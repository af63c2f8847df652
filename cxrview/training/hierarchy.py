"""Train the networks of a hierarchy on one split, and write them as one package whose probabilities are products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import Combination, InputSpec, Task
from cxrview.training.control import Wish, read_wish, write_wish
from cxrview.training.events import EventLog
from cxrview.training.examples import Example
from cxrview.training.pictures import chosen_pictures
from cxrview.training.procedure import Stage
from cxrview.training.recipe import Recipe
from cxrview.training.run import Plan, make_plan

Report = Callable[[str], None]


def train_hierarchy(data: Path, run: Path, recipe: Recipe, *, resume: bool, device: str, report: Report) -> Path:
    """Train each stage in `run/NAME`, one split for all, and join them in `run/package`; return that folder.

    Raises:
        RecipeError: the stages do not end in the labels of the recipe.
    """
    from cxrview.training.finish import finish
    from cxrview.training.finish_composite import Whole, finish_composite
    from cxrview.training.phases import fit_phases

    flat = replace(recipe, task=Task.MULTICLASS, stages=(), data=replace(recipe.data, labels=leaves(recipe.stages)))
    if recipe.data.labels and set(recipe.data.labels) != set(flat.data.labels):
        raise RecipeError(f"The stages end in {', '.join(flat.data.labels)}; data.labels are others.", hint="Leave data.labels out.")
    plan = make_plan(data, run, flat, report)
    EventLog(run / "events.jsonl").write("plan", labels=list(plan.labels), images=len(plan.examples), resumed=resume)
    spec = plan.recipe.input
    for stage in recipe.stages:
        folder = run / stage.name
        if resume and (folder / "package" / "model.toml").is_file():
            report(f"Stage {stage.name} is finished.")
            continue
        if read_wish(run) is Wish.STOP:  # it ended the network before; one step would teach this one nothing
            write_wish(run, Wish.RUN)
            report("The next network of the hierarchy begins; it can be stopped in its turn.")
        part = stage_plan(plan, stage, spec)
        report(f"Stage {stage.name}: {', '.join(stage.labels)}, {len(part.examples)} images.")
        folder.mkdir(exist_ok=True)
        trained = fit_phases(part, folder, device=device, resume=resume, report=report, lead=run)
        finish(part, trained.network, folder, report, held_out=trained.held_out)
    EventLog(run / "events.jsonl").write("fitted")
    members = {stage.name: run / stage.name / "package" for stage in recipe.stages}
    whole = Whole(Combination.PRODUCT, members, {stage.name: stage.splits for stage in recipe.stages if stage.splits})
    package = finish_composite(plan, whole, run, report)
    EventLog(run / "events.jsonl").write("done", package=str(package))
    return package


def leaves(stages: tuple[Stage, ...]) -> tuple[str, ...]:
    """List the labels that no later stage divides, in the order of the stages, each division in the place of what it divides.

    Raises:
        RecipeError: a stage divides a label that no earlier one gives.
    """
    left: list[str] = []
    for number, stage in enumerate(stages):
        if bool(number) != bool(stage.splits) or (stage.splits and stage.splits not in left):
            raise RecipeError(
                f"Stage '{stage.name}' must divide a label of an earlier stage, and the first stage none.", hint="Check stages.splits."
            )
        at = left.index(stage.splits) if stage.splits else 0
        left[at : at + bool(stage.splits)] = stage.labels
    return tuple(left)


def stage_plan(plan: Plan, stage: Stage, spec: InputSpec) -> Plan:
    """Give the part of a plan that a stage learns from: the images that are one of its labels, in the splits they have.

    All stages take the contract `spec`, since one prepared picture goes through all networks.
    """
    named = [_as_stage(example, stage) for example in plan.examples]
    index = np.array([number for number, example in enumerate(named) if example is not None], np.intp)
    recipe = plan.recipe
    own = replace(
        recipe,
        input=spec,
        data=replace(recipe.data, labels=stage.labels),
        package=replace(
            recipe.package, id=f"{recipe.package.id}-{stage.name}", title=f"{recipe.package.title}: {stage.name}", is_audited=False
        ),
    )
    examples = tuple(example for example in named if example is not None)
    return Plan(own, stage.labels, examples, chosen_pictures(plan.pictures, index), plan.split_sha256, plan.root)


def _as_stage(example: Example, stage: Stage) -> Example | None:
    positive = frozenset(stage.label_map.get(example.label, (example.label,))) & frozenset(stage.labels)
    return replace(example, positive=positive, known=frozenset(stage.labels)) if positive else None
