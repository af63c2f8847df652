"""A training run from data to a finished package, readable from top to bottom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview import __version__
from cxrview.core.errors import DataError
from cxrview.training.events import EventLog
from cxrview.training.examples import Example, read_collection, regrouped
from cxrview.training.harmonise import before_matching, harmonise
from cxrview.training.pictures import Pictures, load_pictures, near_duplicates
from cxrview.training.recipe import Recipe, recipe_document
from cxrview.training.split import assign_folds, assign_splits, check_splits, find_leaks, write_split

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a run is about, settled before the first step; the same data and recipe give the same plan."""

    recipe: Recipe
    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    pictures: Pictures
    split_sha256: str
    root: Path

    def members(self, split: str) -> npt.NDArray[np.intp]:
        """Give the indices of the examples of a split."""
        return np.flatnonzero(np.array([example.split == split for example in self.examples]))


def train(
    data: Path,
    run: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    device: str = "auto",
    report: Report = lambda _: None,
    lead: Path | None = None,
) -> Path:
    """Train on `data` and leave everything in `run`; return the folder of the finished package.

    Where the run is a part of a larger one, `lead` is the folder of the whole, which people follow.

    `run` gets `plan.json`, `recipe.toml`, `split.csv`, `events.jsonl`, `checkpoints/`, `report/` and `package/`.

    Raises:
        DataError: the data cannot be used, or `run` holds another run and `resume` is not set.
        RecipeError: the recipe does not fit the data.
    """
    from cxrview.training.finish import finish
    from cxrview.training.phases import fit_phases
    from cxrview.training.settle import settled

    if (run / "plan.json").exists() and not resume:
        raise DataError("This folder already holds a run.", hint="Add --resume to go on with it, or name another folder.", subject=str(run))
    if resume and not (run / "plan.json").exists():
        raise DataError("There is no run to go on with: no plan and no checkpoint.", hint="Start without --resume.", subject=str(run))
    run.mkdir(parents=True, exist_ok=True)
    several = _several(recipe)
    if several is not None:
        return several(data, run, recipe, resume=resume, device=device, report=report)
    plan = make_plan(data, run, recipe, report)
    events = EventLog(run / "events.jsonl")
    events.write("plan", labels=list(plan.labels), images=len(plan.examples), resumed=resume)
    plan = settled(plan, run, device=device, resume=resume, report=report)
    trained = fit_phases(plan, run, device=device, resume=resume, report=report, lead=lead)
    report("Training done. Exporting and judging.")
    package = finish(plan, trained.network, run, report, held_out=trained.held_out)
    events.write("done", package=str(package))
    return package


def _several(recipe: Recipe) -> Callable[..., Path] | None:
    """Choose who trains a recipe that is more than one training; None for one."""
    if recipe.repeat.count > 1:
        from cxrview.training.repeat import train_repeatedly

        return train_repeatedly
    if recipe.stages:
        from cxrview.training.hierarchy import train_hierarchy

        return train_hierarchy
    return None


def make_plan(data: Path, run: Path, recipe: Recipe, report: Report = lambda _: None) -> Plan:
    """Read the data, join duplicates, split by group and write the plan down.

    Raises:
        DataError: no usable images, or a ready-made split that leaks.
    """
    if "|" in recipe.init:
        recipe = replace(recipe, init=_usable_init(recipe))
    collection = read_collection(data, recipe.data)
    recipe = replace(recipe, data=replace(recipe.data, names={**collection.names, **recipe.data.names}))
    report(f"{len(collection.examples)} images, labels {', '.join(collection.labels)}.")
    for reason, count in sorted(collection.left_out.items(), key=lambda item: -item[1]):
        report(f"  left out {count}: {reason}")
    _refuse_leaks(collection.examples, ready_only=bool(recipe.data.columns.split))
    loaded = load_pictures(collection.examples, before_matching(recipe.input), report=report)
    for problem in loaded.problems:
        report(f"  left out: {problem}")
    pairs = near_duplicates(loaded.pictures, recipe.data.duplicate_distance)
    names = [(loaded.examples[a].group, loaded.examples[b].group) for a, b in pairs]
    report(f"{len(pairs)} pairs of pictures look the same; they stay together in the split.")
    grouped = regrouped(loaded.examples, names)
    split = _split(grouped, recipe)
    check_splits(split, collection.labels)
    root = data if data.is_dir() else data.parent
    hashes = dict(zip((example.path for example in split), loaded.pictures.sha256, strict=True))
    sha256 = write_split(run / "split.csv", split, hashes, root=root)
    made = harmonise(recipe, split, loaded.pictures, root)
    plan = Plan(_with_statistics(made.recipe, split, made.pictures), collection.labels, split, made.pictures, sha256, root)
    _write_plan(plan, run, collection.left_out, len(pairs))
    _report_counts(plan, report)
    return plan


def _usable_init(recipe: Recipe) -> str:
    from cxrview.training.initial import usable_init

    return usable_init(recipe)


def _split(examples: tuple[Example, ...], recipe: Recipe) -> tuple[Example, ...]:
    data, seed = recipe.data, recipe.data.split_seed or recipe.fit.seed
    if data.folds > 1:
        return assign_folds(examples, folds=data.folds, fold=data.fold, val_fraction=data.val_fraction, seed=seed)
    return assign_splits(examples, test_fraction=data.test_fraction, val_fraction=data.val_fraction, seed=seed)


def _refuse_leaks(examples: tuple[Example, ...], *, ready_only: bool) -> None:
    leaks = find_leaks(examples) if ready_only else ()
    if leaks:
        first = leaks[0]
        raise DataError(
            f"The ready-made split leaks: {len(leaks)} patients or pictures stand on both sides, such as "
            f"{', '.join(path.name for path in first.paths[:3])} ({' and '.join(first.splits)}).",
            hint="Repair the split column, or leave it out so that the split is made by patient.",
        )


def _with_statistics(recipe: Recipe, examples: tuple[Example, ...], pictures: Pictures) -> Recipe:
    """Fill in what the contract takes from the training images: the data set's own mean and std when they are given as zeros."""
    if any(recipe.input.std):
        return recipe
    members = [number for number, example in enumerate(examples) if example.split == "train"]
    values = pictures.stack[members].astype(np.float32) / 255.0
    mean = tuple(round(float(each), 5) for each in values.mean(axis=(0, 2, 3)))
    std = tuple(round(float(each), 5) for each in values.std(axis=(0, 2, 3)))
    return replace(recipe, input=replace(recipe.input, mean=mean, std=std))


def _write_plan(plan: Plan, run: Path, left_out: object, duplicates: int) -> None:
    (run / "recipe.toml").write_text(recipe_document(plan.recipe), encoding="utf-8")
    counts = Counter((example.split, example.source, example.label) for example in plan.examples)
    document = {
        "program": __version__,
        "recipe": plan.recipe.name,
        "labels": plan.labels,
        "init": plan.recipe.init,
        "split_sha256": plan.split_sha256,
        "left_out": left_out,
        "near_duplicate_pairs": duplicates,
        "counts": [{"split": split, "source": source, "label": label, "images": n} for (split, source, label), n in sorted(counts.items())],
    }
    (run / "plan.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _report_counts(plan: Plan, report: Report) -> None:
    for split in ("train", "val", "test", "external"):
        members = [example for example in plan.examples if example.split == split]
        counts = Counter(example.label for example in members)
        if not members:
            continue
        report(f"{split}: {len(members)} images ({', '.join(f'{label} {n}' for label, n in counts.most_common())})")
