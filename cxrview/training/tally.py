"""How many images there are of what, as tables whose numbers know the images behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxrview.training.dataset import DataSet
from cxrview.training.scan import Scan, Seen

NONE_OF_THEM, NOT_TOLD = "none of them", "not told"
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}
KINDS = ("class", "view", "sex", "source")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of images: what they are, in words, and their rows in the scan."""

    title: str
    rows: tuple[int, ...]

    def __str__(self) -> str:
        """Give the number."""
        return str(len(self.rows))


@dataclass(frozen=True, slots=True)
class CountSheet:
    """A table of words and counts."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | Count, ...], ...] = ()


def count_images(scan: Scan) -> CountSheet:
    """Count by class and view, with a column for each source, and one for all where there are several."""
    found: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row, seen in enumerate(scan.seen):
        found[class_of(seen), seen.view or NOT_TOLD, seen.entry.source].append(row)
    sources = sorted({source for _name, _view, source in found})
    lines: list[tuple[str | Count, ...]] = []
    for name in sorted({name for name, _view, _source in found}):
        views = sorted({view for each, view, _source in found if each == name})
        for wanted in ([tuple(views)] if len(views) > 1 else []) + [(view,) for view in views]:
            shown = f"view {NOT_TOLD}" if wanted == (NOT_TOLD,) else wanted[0] if len(wanted) == 1 else "all views"
            cells = [
                Count(f"{name}, {shown}, {source}", tuple(sorted(row for view in wanted for row in found.get((name, view, source), ()))))
                for source in sources
            ]
            together = tuple(sorted(row for cell in cells for row in cell.rows))
            lines.append((name, shown, *cells, *([Count(f"{name}, {shown}", together)] if len(sources) > 1 else [])))
    return CountSheet(("Class", "View", *sources, *(["All"] if len(sources) > 1 else [])), tuple(lines))


def count_splits(data_set: DataSet) -> CountSheet:
    """Count by class and split, with the patients or groups below."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    groups: dict[str, set[str]] = {split: set() for split in SPLITS}
    for row, example in zip(data_set.rows, data_set.examples, strict=True):
        groups.setdefault(example.split, set()).add(example.group)
        for label in example.positive or {""}:
            found[label, example.split].append(row)
    names = [*data_set.labels, *([""] if any(not label for label, _split in found) else [])]
    lines: list[tuple[str | Count, ...]] = []
    for label in names:
        shown = data_set.names.get(label, NONE_OF_THEM)
        cells = [Count(f"{shown}, {words.lower()}", tuple(found.get((label, split), ()))) for split, words in SPLITS.items()]
        lines.append((shown, *cells))
    lines.append(("patients or groups", *(str(len(groups[split])) for split in SPLITS)))
    return CountSheet(("Class", *SPLITS.values()), tuple(lines))


def count_balance(rows: Sequence[int], classes: Sequence[str], sources: Sequence[str]) -> CountSheet:
    """Count images by class, with a column for each source."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row, name, source in zip(rows, classes, sources, strict=True):
        found[name, source].append(row)
    columns = sorted(set(sources))
    lines: list[tuple[str | Count, ...]] = [
        (name, *(Count(f"{name}, {source}", tuple(found.get((name, source), ()))) for source in columns)) for name in sorted(set(classes))
    ]
    return CountSheet(("Class", *columns), tuple(lines))


def values_of(scan: Scan) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Tell which classes, views, sexes and sources there are, and how many images have each; by the kind's name in `KINDS`."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for seen in scan.seen:
        counts["class"].update(seen.entry.labels | seen.entry.unknown)
        counts["view"][seen.view] += 1
        counts["sex"][seen.sex] += 1
        counts["source"][seen.entry.source] += 1
    return {kind: tuple(sorted(found.items())) for kind, found in counts.items()}


def class_of(seen: Seen) -> str:
    """Give the class of an image in one word, as the data have it."""
    return " + ".join(sorted(seen.entry.labels)) or NONE_OF_THEM
