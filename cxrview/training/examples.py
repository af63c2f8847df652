"""The labelled images of a training: read from a table or from a folder for each class."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cxrview.core.errors import DataError
from cxrview.evaluation.cases import Case, Split
from cxrview.training.label_ids import label_id
from cxrview.training.recipe import Columns, DataRecipe

TABLES = (".csv", ".tsv")
PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".tif", ".tiff", ".bmp", ".webp", ".jp2", "")
MIN_PER_LABEL = 4


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image.

    Attributes:
        label: as in the data.
        positive: outputs it is a positive of.
        known: outputs it says anything about; a known output that is not positive is a negative.
        group: what must never be torn apart by a split: a patient, or copies of one picture.
        split: `train`, `val`, `test`, `external`, or empty while it is not decided.
        attributes: further columns by name (view, sex, age, licence).
        mask: the file of its lung mask, if it has one.
    """

    path: Path
    label: str
    positive: frozenset[str]
    known: frozenset[str]
    group: str
    source: str
    split: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """What was found.

    Attributes:
        labels: ids of the outputs, in order.
        left_out: in words what was left out and why, reason to count.
        names: by id, labels as the data writes them, where the recipe names no labels.
    """

    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    left_out: Mapping[str, int] = field(hash=False)
    names: Mapping[str, str] = field(default_factory=dict, hash=False)


def read_collection(data: Path, recipe: DataRecipe, *, needs_every_label: bool = True) -> Collection:
    """Read a table, a folder that holds one table, or a folder for each class.

    `needs_every_label` refuses data with too few images of a label to split them.

    Raises:
        DataError: nothing usable is there, a column is missing, or a label has too few images.
    """
    if not data.exists():
        raise DataError("There is nothing here.", hint="Name a folder with a folder for each class, or a CSV table.", subject=str(data))
    table = _table_of(data)
    rows = list(_rows_of_table(table, recipe.columns) if table else _rows_of_folders(data))
    if not rows:
        raise DataError(
            "No labelled image was found.", hint="Put the images into a folder for each class, or name a CSV table.", subject=str(data)
        )
    least = MIN_PER_LABEL if needs_every_label else 0
    if recipe.labels:
        return _collect(rows, recipe, subject=str(data), least=least)
    written = sorted({row.label for row in rows if row.label and row.label not in recipe.label_map})
    targets = {each for row in rows for each in recipe.label_map.get(row.label, ())}
    ids = tuple(dict.fromkeys([*(label_id(each) for each in written), *sorted(targets)]))
    mapped = replace(recipe, labels=ids, label_map={**{each: (label_id(each),) for each in written}, **recipe.label_map})
    found = _collect(rows, mapped, subject=str(data), least=least)
    return replace(found, names={label_id(each): each for each in reversed(written)})


@dataclass(frozen=True, slots=True)
class _Row:
    path: Path
    label: str
    group: str
    source: str
    split: str
    columns: Mapping[str, str]
    mask: Path | None = None


def _table_of(data: Path) -> Path | None:
    if data.is_file():
        if data.suffix.lower() in TABLES:
            return data
        raise DataError("This is neither a table nor a folder.", hint="Name a .csv file or a folder.", subject=str(data))
    tables = [path for path in sorted(data.iterdir()) if path.suffix.lower() in TABLES and not path.name.startswith(".")]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise DataError(f"There are several tables here ({names}).", hint="Name the one to use.", subject=str(data))
    return tables[0] if tables else None


def _rows_of_table(table: Path, columns: Columns) -> Iterator[_Row]:
    with table.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
        header = reader.fieldnames or []
        for wanted in (columns.file, columns.label):
            if wanted not in header:
                raise DataError(
                    f"The table has no column '{wanted}'; it has {', '.join(header) or 'none'}.",
                    hint="Set data.columns.file and data.columns.label to the names in the table.",
                    subject=str(table),
                )
        for number, row in enumerate(reader):
            path = table.parent / row[columns.file]
            patient = row.get(columns.patient) or ""
            mask = row.get(columns.mask) or ""
            yield _Row(
                path=path,
                label=(row[columns.label] or "").strip(),
                group=row.get(columns.group) or patient or f"row-{number}",
                source=row.get(columns.source) or table.parent.name,
                split=(row.get(columns.split) or "").strip().lower() if columns.split else "",
                columns={key: value or "" for key, value in row.items() if key},
                mask=table.parent / mask if mask else None,
            )


def _rows_of_folders(data: Path) -> Iterator[_Row]:
    """A folder for each class; or train, val, test folders that hold such folders."""
    ready = {name: data / name for name in ("train", "val", "test") if (data / name).is_dir()}
    for split, root in (ready or {"": data}).items():
        for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix.lower() in PICTURES and not path.name.startswith("."):
                    yield _Row(path, folder.name, str(path.relative_to(data)), data.name, split, {})


def _collect(rows: Sequence[_Row], recipe: DataRecipe, *, subject: str, least: int) -> Collection:
    labels = recipe.labels
    left_out: dict[str, int] = {}
    examples: list[Example] = []
    for row in rows:
        reason = _reason_to_leave_out(row, recipe, labels)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        examples.append(_example(row, recipe, labels))
    counts = {label: sum(label in example.positive for example in examples) for label in labels}
    for label, count in counts.items():
        if count < least:
            raise DataError(
                f"Label '{label}' has {count} images; a split needs at least {least}.",
                hint=_advice(left_out),
                subject=subject,
            )
    joined = _joined_by_patient(examples, recipe.columns.patient)
    kept = limited(joined, recipe.most, seed=recipe.split_seed)
    if len(kept) < len(joined):
        left_out["data.most takes no more of its label"] = len(joined) - len(kept)
    return Collection(labels, kept, left_out)


def _advice(left_out: Mapping[str, int]) -> str:
    if not left_out:
        return "Add images, or take the label out of data.labels."
    reason, count = max(left_out.items(), key=lambda item: item[1])
    return f"{count} images were left out because {reason}; if that is not wanted, change data.keep, data.labels or the recipe."


def _reason_to_leave_out(row: _Row, recipe: DataRecipe, labels: Sequence[str]) -> str:
    for column, values in recipe.keep.items():
        if row.columns.get(column, "") not in values:
            return f"{column} is {row.columns.get(column, '') or 'empty'}"
    if row.label not in recipe.label_map and row.label not in labels:
        return f"label {row.label or 'empty'} is not used"
    if not row.path.is_file():
        return "the file is missing"
    return ""


def _example(row: _Row, recipe: DataRecipe, labels: Sequence[str]) -> Example:
    positive = frozenset(recipe.label_map.get(row.label, (row.label,)))
    known = frozenset(labels) - frozenset(recipe.unknown.get(row.label, ()))
    split = {"valid": "val", "validation": "val"}.get(row.split, row.split)
    if _matches(row, recipe.external):
        split = "external"
    elif _matches(row, recipe.test_only):
        split = "test"
    return Example(row.path, row.label, positive, known | positive, row.group, row.source, split, row.columns, row.mask)


def _matches(row: _Row, wanted: Mapping[str, Sequence[str]]) -> bool:
    return any(row.columns.get(column, "") in values for column, values in wanted.items())


def _joined_by_patient(examples: Sequence[Example], patient_column: str) -> tuple[Example, ...]:
    """Give images of one patient of one source one group, whatever the group column says."""
    first: dict[tuple[str, str], str] = {}
    pairs = []
    for example in examples:
        patient = example.attributes.get(patient_column, "")
        if patient:
            pairs.append((example.group, first.setdefault((example.source, patient), example.group)))
    return regrouped(examples, pairs)


def regrouped(examples: Sequence[Example], same: Sequence[tuple[str, str]]) -> tuple[Example, ...]:
    """Join groups that belong together: `same` holds pairs of group names."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for a, b in same:
        root[find(a)] = find(b)
    return tuple(replace(example, group=find(example.group)) for example in examples)


def limited(examples: Sequence[Example], most: Mapping[str, int], *, seed: int) -> tuple[Example, ...]:
    """Keep at most so many images of a label: whole groups, by chance, taken in turn from the label's sources."""
    dropped: set[str] = set()
    for label, count in sorted(most.items()):
        by_source: dict[str, dict[str, int]] = {}
        for example in examples:
            if example.label == label and example.split != "external":
                groups = by_source.setdefault(example.source, {})
                groups[example.group] = groups.get(example.group, 0) + 1
        queues = [_shuffled(groups, seed) for _, groups in sorted(by_source.items())]
        taken = 0
        while any(queues):
            for queue in queues:
                if queue:
                    group, size = queue.pop()
                    if taken + size > count:
                        dropped.add(group)
                    else:
                        taken += size
    return tuple(example for example in examples if example.group not in dropped or example.label not in most)


def _shuffled(groups: Mapping[str, int], seed: int) -> list[tuple[str, int]]:
    names = sorted(groups)
    np.random.default_rng([seed, len(names)]).shuffle(names)
    return [(name, groups[name]) for name in names]


def cases_of(examples: Sequence[Example]) -> tuple[Case, ...]:
    """Give the examples as cases of an evaluation."""
    return tuple(
        Case(
            path=example.path,
            source=example.source,
            group_id=example.group,
            positives=example.positive,
            known=example.known,
            split=Split(example.split),
            view=example.attributes.get("view", ""),
            sex=example.attributes.get("sex", ""),
            age_years=_years(example.attributes.get("age", "")),
            role=example.attributes.get("role", ""),
        )
        for example in examples
    )


def _years(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
