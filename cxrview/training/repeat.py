"""The same training several times: folds or seeds, with an interval around each figure; seeds also become an ensemble."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cxrview.core.manifest import Combination
from cxrview.training.events import EventLog
from cxrview.training.figures import MeanInterval, intervals, read_figures
from cxrview.training.procedure import Repeat
from cxrview.training.recipe import Recipe, recipe_document
from cxrview.training.run import make_plan, train

Report = Callable[[str], None]


def member_recipes(recipe: Recipe) -> dict[str, Recipe]:
    """Give the recipe of each training by the name of its folder; each is complete in itself and can be run alone."""
    data, seed = recipe.data, recipe.data.split_seed or recipe.fit.seed
    once = replace(recipe, repeat=Repeat(), package=replace(recipe.package, is_audited=False))
    if recipe.repeat.folds:
        return {
            f"fold-{fold + 1}": replace(once, data=replace(data, folds=recipe.repeat.folds, fold=fold, split_seed=seed))
            for fold in range(recipe.repeat.folds)
        }
    return {
        f"seed-{number + 1}": replace(once, data=replace(data, split_seed=seed), fit=replace(recipe.fit, seed=recipe.fit.seed + number))
        for number in range(recipe.repeat.count)
    }


def train_repeatedly(data: Path, run: Path, recipe: Recipe, *, resume: bool, device: str, report: Report) -> Path:
    """Train every member in a folder of its own, write `summary.md` and `summary.json`, and return what is to be shown.

    Trainings from several seeds share their test split, and become an ensemble in `run/package`. Folds do not: every
    image of theirs was in training for some of them, so there is nothing here that the whole could be measured on.
    """
    from cxrview.training.finish_composite import Whole, finish_composite

    run.mkdir(parents=True, exist_ok=True)
    members = member_recipes(recipe)
    (run / "recipe.toml").write_text(recipe_document(recipe), encoding="utf-8")
    (run / "plan.json").write_text(json.dumps({"recipe": recipe.name, "members": list(members)}, indent=1), encoding="utf-8")
    for name, own in members.items():
        folder = run / name
        if resume and (folder / "report" / "figures.json").is_file() and (folder / "package" / "model.toml").is_file():
            report(f"{name} is finished.")
            continue
        report(f"Training {name} of {len(members)}.")
        train(data, folder, own, resume=resume and (folder / "plan.json").is_file(), device=device, report=report, lead=run)
    found = intervals([read_figures(run / name / "report") for name in members])
    write_summary(run, recipe, found)
    if recipe.repeat.folds:
        return run / "summary.md"
    first = replace(next(iter(members.values())), package=recipe.package)
    EventLog(run / "events.jsonl").write("fitted")
    plan = make_plan(data, run, first, report)
    whole = Whole(Combination.MEAN_PROBABILITY, {name: run / name / "package" for name in members})
    package = finish_composite(plan, whole, run, report)
    EventLog(run / "events.jsonl").write("done", package=str(package))
    return package


def write_summary(run: Path, recipe: Recipe, found: Mapping[str, MeanInterval]) -> None:
    """Write the mean of each figure with its interval, for people and for programs."""
    (run / "summary.md").write_text("\n".join(_page(recipe, found)), encoding="utf-8")
    document = {name: {"mean": each.mean, "low": _plain(each.low), "high": _plain(each.high), "n": each.n} for name, each in found.items()}
    (run / "summary.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _page(recipe: Recipe, found: Mapping[str, MeanInterval]) -> Sequence[str]:
    count = recipe.repeat.count
    kind = f"{count} folds by patient" if recipe.repeat.folds else f"{count} seeds on one split"
    return [
        f"# {recipe.title}: {kind}",
        "",
        "Means over the trainings with 95 % intervals by Student's t. They tell how much a figure changes when the training is",
        "repeated on these sources, not how it would be at another hospital. Folds share training images, which makes their",
        "intervals somewhat too narrow. Only figures with @ stand inside one source.",
        "",
        "| Figure | Mean and interval |",
        "|---|---|",
        *(f"| {name} | {each} |" for name, each in found.items()),
        "",
    ]


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
