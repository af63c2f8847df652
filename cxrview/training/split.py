"""The split: by group, stratified, and written down so that it can be checked and kept."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrview.core.errors import DataError
from cxrview.training.examples import Example

SPLITS = ("train", "val", "test", "external")
COLUMNS = ("path", "sha256", "split", "group", "source", "label")
STRICTNESS = {"external": 3, "test": 2, "val": 1, "train": 0, "": -1}


@dataclass(frozen=True, slots=True)
class Leak:
    """One group that stands on both sides of a ready-made split."""

    group: str
    splits: tuple[str, ...]
    paths: tuple[Path, ...]


def find_leaks(examples: Sequence[Example]) -> tuple[Leak, ...]:
    """Find groups whose images have different ready-made splits; images without one do not count."""
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.split:
            by_group[example.group].append(example)
    return tuple(
        Leak(group, tuple(sorted({member.split for member in members})), tuple(member.path for member in members))
        for group, members in sorted(by_group.items())
        if len({member.split for member in members}) > 1
    )


def assign_splits(examples: Sequence[Example], *, test_fraction: float, val_fraction: float, seed: int) -> tuple[Example, ...]:
    """Give each group one split, stratified by (source, label); groups that already have one keep it.

    A group with several ready-made splits takes the one that is furthest from training, so nothing leaks into it.
    Inside a stratum groups are shuffled by `seed`, then dealt to test, val and train until each has its share of images.
    """
    fixed: dict[str, str] = {}
    for example in examples:
        if example.split and STRICTNESS[example.split] > STRICTNESS[fixed.get(example.group, "")]:
            fixed[example.group] = example.split
    chosen = dict(fixed)
    for stratum in _strata(examples, fixed).values():
        chosen.update(_deal(stratum, test_fraction, val_fraction, seed))
    return tuple(replace(example, split=chosen[example.group]) for example in examples)


def assign_folds(examples: Sequence[Example], *, folds: int, fold: int, val_fraction: float, seed: int) -> tuple[Example, ...]:
    """Give each group one split, so that over `fold` = 0 .. `folds` - 1 every group is tested once; stratified by (source, label).

    Groups that already have a split keep it. The folds depend on `seed` alone; what is not tested is dealt to val and train.
    """
    fixed = {example.group: example.split for example in examples if example.split}
    chosen = {example.group: example.split for example in assign_splits(examples, test_fraction=0, val_fraction=0, seed=seed)}
    for number, groups in enumerate(_strata(examples, fixed).values()):
        tested = {name for name, place in _places(groups, folds, seed).items() if (place + number) % folds == fold}
        rest = {name: size for name, size in groups.items() if name not in tested}
        wanted = val_fraction * sum(groups.values()) / max(1, sum(rest.values()))
        chosen.update(dict.fromkeys(tested, "test"))
        chosen.update(_deal(rest, 0.0, wanted, seed))
    return tuple(replace(example, split=chosen[example.group]) for example in examples)


def _places(groups: Mapping[str, int], folds: int, seed: int) -> dict[str, int]:
    """Shuffle the groups of a stratum and cut them into `folds` parts of about as many images."""
    names = sorted(groups)
    np.random.default_rng([seed, len(names)]).shuffle(names)
    total, before, places = sum(groups.values()), 0.0, {}
    for name in names:
        places[name] = int((before + groups[name] / 2) / total * folds)
        before += groups[name]
    return places


def _strata(examples: Sequence[Example], fixed: Mapping[str, str]) -> dict[tuple[str, str], Counter[str]]:
    """Put each free group into the stratum of its most common (source, label), with its number of images."""
    members: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for example in examples:
        if example.group not in fixed:
            members[example.group].append((example.source, example.label))
    strata: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for group, kinds in members.items():
        kind = min(Counter(kinds).items(), key=lambda item: (-item[1], item[0]))[0]
        strata[kind][group] = len(kinds)
    return dict(sorted(strata.items()))


def _deal(groups: Mapping[str, int], test_fraction: float, val_fraction: float, seed: int) -> dict[str, str]:
    names = sorted(groups)
    np.random.default_rng([seed, len(names)]).shuffle(names)
    total = sum(groups.values())
    chosen: dict[str, str] = {}
    wanted = {"test": test_fraction * total, "val": val_fraction * total}
    have = {"test": 0.0, "val": 0.0}
    for name in names:
        split = next((part for part in ("test", "val") if have[part] + groups[name] / 2 <= wanted[part]), "train")
        chosen[name] = split
        if split in have:
            have[split] += groups[name]
    return chosen


def check_splits(examples: Sequence[Example], labels: Sequence[str]) -> None:
    """Refuse a split in which training or validation lacks positives or negatives of a label.

    Raises:
        DataError: naming the label and the split.
    """
    for split in ("train", "val"):
        members = [example for example in examples if example.split == split]
        for label in labels:
            positives = sum(label in example.positive for example in members)
            negatives = sum(label in example.known and label not in example.positive for example in members)
            if not positives or not negatives:
                raise DataError(
                    f"The {split} split has {positives} positives and {negatives} negatives of '{label}'.",
                    hint="Add images of more patients, or change data.val_fraction and data.test_fraction.",
                )


def write_split(path: Path, examples: Sequence[Example], hashes: Mapping[Path, str], *, root: Path) -> str:
    """Write the frozen manifest, a row per image sorted by path, and return the SHA-256 of its content."""
    rows = sorted(
        (_relative(example.path, root), hashes[example.path], example.split, example.group, example.source, example.label)
        for example in examples
    )
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_split(path: Path) -> dict[str, str]:
    """Read a manifest back: relative path to split."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["path"]: row["split"] for row in csv.DictReader(stream)}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
