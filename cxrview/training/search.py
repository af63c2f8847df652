"""A grid search: every combination of a few values is tried in short, and the best on the validation split is kept."""

from __future__ import annotations

import csv
import itertools
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrview.core.errors import DataError
from cxrview.training.events import EventLog
from cxrview.training.procedure import Search
from cxrview.training.recipe import Recipe, recipe_document, recipe_from

if TYPE_CHECKING:
    from cxrview.training.run import Plan

TABLE = "search.csv"
Point = Mapping[str, Any]  # Any: a value of any field


@dataclass(frozen=True, slots=True)
class Try:
    """One combination and what it reached: the best `fit.monitor`, in which epoch of the last phase tried."""

    point: Point
    monitor: float
    epoch: int


def grid_points(search: Search) -> tuple[Point, ...]:
    """List every combination, the last field changing fastest."""
    return tuple(dict(zip(search.grid, values, strict=True)) for values in itertools.product(*search.grid.values()))


def recipe_at(recipe: Recipe, point: Point) -> Recipe:
    """Put the values of a combination into the recipe.

    Raises:
        RecipeError: a field does not exist, or a value does not fit it.
    """
    document = tomllib.loads(recipe_document(recipe))
    for name, value in point.items():
        section, _, field = name.partition(".")
        document.setdefault(section, {})[field] = value
    return recipe_from(document, subject=recipe.name)


def search_grid(plan: Plan, run: Path, *, device: str, resume: bool, report: Callable[[str], None]) -> Recipe:
    """Try every combination of the recipe's grid and give the recipe with the best one.

    Writes `search.csv`, a row for each try as it ends; tries that stand there are not repeated when a run is resumed.
    The checkpoints of a try are deleted.

    Raises:
        DataError: the table of an earlier search does not belong to this grid.
    """
    recipe = plan.recipe
    points = grid_points(recipe.search)
    done = _read(run / TABLE, points) if resume else []
    for number, point in enumerate(points[len(done) :], start=len(done) + 1):
        tried = _try(plan, recipe_at(recipe, point), run / "search" / f"{number}", device=device, report=report)
        done.append(Try(point, *tried))
        _write(run / TABLE, done)
        said = ", ".join(f"{name} {value}" for name, value in point.items())
        report(f"Try {number} of {len(points)}: {said}: monitor {done[-1].monitor:.4f} in epoch {done[-1].epoch}.")
        EventLog(run / "events.jsonl").write("try", number=number, tries=len(points), tried=said, monitor=done[-1].monitor)
    best = max(done, key=lambda each: each.monitor)
    report(f"The best of {len(done)} tries: {', '.join(f'{name} {value}' for name, value in best.point.items())}.")
    return recipe_at(recipe, best.point)


def _try(plan: Plan, recipe: Recipe, folder: Path, *, device: str, report: Callable[[str], None]) -> tuple[float, int]:
    from cxrview.training.phases import fit_phases

    search = recipe.search
    fit = replace(recipe.fit, epochs=min(recipe.fit.epochs, search.epochs or recipe.fit.epochs))
    phases = tuple(
        replace(phase, epochs=min(phase.epochs or recipe.fit.epochs, search.epochs or recipe.fit.epochs))
        for phase in recipe.phases[: search.phases]
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    short = replace(plan, recipe=replace(recipe, fit=fit, phases=phases, final_fit=False))
    # The search stands two folders below the run that people follow.
    trained = fit_phases(short, folder, device=device, resume=False, report=lambda _: None, lead=folder.parent.parent)
    report(f"  {folder.name}: {sum(trained.epochs)} epochs to the best.")
    shutil.rmtree(folder / "checkpoints")
    return trained.monitor, trained.epochs[-1]


def _write(path: Path, tries: list[Try]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*tries[0].point, "monitor", "epoch"])
        writer.writerows([*each.point.values(), f"{each.monitor!r}", each.epoch] for each in tries)


def _read(path: Path, points: tuple[Point, ...]) -> list[Try]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row, point in zip(rows, points, strict=False):
        if any(row.get(name) != str(value) for name, value in point.items()):
            raise DataError(
                "The search in this folder was made with another grid.", hint="Take the same recipe, or another folder.", subject=str(path)
            )
    return [Try(point, float(row["monitor"]), int(row["epoch"])) for row, point in zip(rows, points, strict=False)]
