"""From what a scan saw to what `cxrview train` is given: a table with a frozen split, and the data section of a recipe."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cxrview.core.errors import DataError
from cxrview.core.manifest import Task
from cxrview.evaluation.cases import group_folds
from cxrview.io.atomic import write_text
from cxrview.training.examples import Example, regrouped
from cxrview.training.label_ids import label_id
from cxrview.training.patients import PatientRule, patient_of
from cxrview.training.recipe import Columns, DataRecipe
from cxrview.training.scan import USUALLY_LEFT_OUT, Problem, Scan, problems_of
from cxrview.training.split import Leak, assign_splits, check_splits, find_leaks

TABLE_NAME = "images.csv"
COLUMNS = ("file", "label", "group_id", "patient_id", "source", "view", "sex", "age", "split")
LEAST_PER_LABEL = 4
SHORTEST_REASON = 10  # characters of a written reason to use a split that leaks


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decides about a data set.

    Attributes:
        left_out: kinds of problems whose images are left out.
        excluded: files that are left out one by one.
        labels: of the data, in the order of the outputs; empty for all that are found.
        keep: `view`, `sex` or `source` to the values that take part.
        distance: see `scan.scan`.
        uses_ready_split: keep the split that folders or a column give; else one is made by patient.
        override: why a ready-made split that leaks is used all the same, in the person's words.
        fold, folds: with folds, the part of the images outside the test split that is for validation.
    """

    left_out: tuple[Problem, ...] = USUALLY_LEFT_OUT
    excluded: frozenset[Path] = frozenset()
    labels: tuple[str, ...] = ()
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    patients: PatientRule = field(default_factory=PatientRule)
    distance: int = 24
    uses_ready_split: bool = True
    override: str = ""
    test_fraction: float = 0.2
    val_fraction: float = 0.15
    seed: int = 1
    fold: int = 0
    folds: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """The images that take part, split.

    Attributes:
        task: multi-label where an image has several labels or none, else multi-class.
        labels: ids of the outputs, in order. names: as written in the data, by id.
        examples: with groups and splits; the path is the key of everything else. rows: of the scan, for each example.
        patients: key of the patient of each example; empty where it is not known.
        leaks: patients or pictures that stand on both sides of a ready-made split.
        has_ready_split: folders or a column say what is for training and what is for the test.
        left_out: reason to count.
    """

    task: Task
    labels: tuple[str, ...]
    names: Mapping[str, str]
    examples: tuple[Example, ...]
    rows: tuple[int, ...]
    patients: tuple[str, ...]
    leaks: tuple[Leak, ...]
    has_ready_split: bool
    left_out: Mapping[str, int]
    choices: Choices

    @property
    def is_usable(self) -> bool:
        """Tell whether nothing stands in the way of a training."""
        return not self.leaks or is_overridden(self.choices)

    @property
    def knows_patients(self) -> bool:
        """Tell whether the patient of most images is known."""
        return sum(map(bool, self.patients)) > len(self.patients) / 2


def is_overridden(choices: Choices) -> bool:
    """Tell whether a reason was written down to use a split that leaks."""
    return len(choices.override.strip()) >= SHORTEST_REASON


def build_data_set(scan: Scan, choices: Choices, *, is_multilabel: bool) -> DataSet:
    """Choose the images, join what belongs together, and split.

    Raises:
        DataError: too few images or labels to learn from; the sentence says which.
    """
    left_out: Counter[str] = Counter()
    rows = _rows_that_take_part(scan, choices, left_out)
    labels = _labels_of(scan, rows, choices)
    names = _ids_of(labels)
    rows, examples, patients = _examples(scan, rows, labels, choices, left_out)
    task = Task.MULTILABEL if is_multilabel else Task.MULTICLASS
    _refuse_too_little(examples, names, task)
    grouped = _grouped(scan, rows, examples, patients)
    has_ready_split = any(example.split for example in grouped)
    leaks: tuple[Leak, ...] = ()
    if has_ready_split and choices.uses_ready_split:
        leaks = find_leaks(grouped)
        if leaks and is_overridden(choices):  # each image goes where its owner put it
            grouped = tuple(replace(example, group=f"{example.group}-{example.split}") for example in grouped)
    else:
        grouped = tuple(replace(example, split="") for example in grouped)
    split = _folded(_split(grouped, choices), choices)
    if not leaks or is_overridden(choices):
        check_splits(split, tuple(names))
    return DataSet(task, tuple(names), names, split, rows, patients, leaks, has_ready_split, dict(left_out), choices)


def write_table(data_set: DataSet, folder: Path) -> Path:
    """Write the table that `cxrview train` reads, complete or not at all.

    Raises:
        DataError: it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for example, patient in sorted(zip(data_set.examples, data_set.patients, strict=True), key=lambda pair: str(pair[0].path)):
        told = example.attributes
        # A leak that was accepted is one of patients: naming them would have the split refused once more.
        known = "" if data_set.leaks else patient
        writer.writerow(
            [example.path, example.label, example.group, known, example.source, told["view"], told["sex"], told["age"], example.split]
        )
    path = folder / TABLE_NAME
    try:
        write_text(path, stream.getvalue())
    except OSError as error:
        raise DataError(f"The table of images cannot be written ({error.strerror}).", hint="Free some space.", subject=str(path)) from error
    return path


def data_recipe(data_set: DataSet) -> DataRecipe:
    """Give the data section of a recipe for the table of `write_table`."""
    codes = {example.label: example for example in data_set.examples}
    choices = data_set.choices
    return DataRecipe(
        columns=Columns(split="split", mask=""),
        labels=data_set.labels,
        names=data_set.names,
        label_map={code: tuple(sorted(example.positive)) for code, example in sorted(codes.items())},
        unknown={
            code: tuple(sorted(set(data_set.labels) - example.known))
            for code, example in sorted(codes.items())
            if set(data_set.labels) - example.known
        },
        test_fraction=choices.test_fraction,
        val_fraction=choices.val_fraction,
        duplicate_distance=-1 if data_set.leaks else choices.distance,
    )


def notes_of(data_set: DataSet) -> tuple[str, ...]:
    """Give the sentences about the data that the model card must hold."""
    notes = []
    if data_set.leaks:
        reason = data_set.choices.override.strip().rstrip(".")
        notes.append(
            f"The split is ready-made and leaks: {len(data_set.leaks)} patients or pictures stand on both sides, so the figures are too "
            f"good. It was used all the same because: {reason}."
        )
    if not data_set.knows_patients:
        notes.append("The patients are not known: images of one patient may stand on both sides of the split.")
    if data_set.choices.folds:
        notes.append(f"Fold {data_set.choices.fold + 1} of {data_set.choices.folds}; the test split is the same in all.")
    return tuple(notes)


def _rows_that_take_part(scan: Scan, choices: Choices, left_out: Counter[str]) -> tuple[int, ...]:
    problems = problems_of(scan)
    bad = {row: str(problem) for problem in choices.left_out for row in problems[problem]}
    bad |= {row: str(Problem.UNREADABLE) for row in problems[Problem.UNREADABLE]}
    rows = []
    for row, seen in enumerate(scan.seen):
        told = {"view": seen.view, "sex": seen.sex, "source": seen.entry.source}
        filtered = next((f"{key} is {told[key] or 'empty'}" for key, values in choices.keep.items() if told[key] not in values), "")
        reason = bad.get(row, "") or filtered or ("left out by hand" if seen.entry.path in choices.excluded else "")
        if reason:
            left_out[reason] += 1
        else:
            rows.append(row)
    return tuple(rows)


def _labels_of(scan: Scan, rows: Sequence[int], choices: Choices) -> tuple[str, ...]:
    found = sorted({label for row in rows for label in scan.seen[row].entry.labels | scan.seen[row].entry.unknown})
    return tuple(label for label in choices.labels if label in found) if choices.labels else tuple(found)


def _ids_of(labels: Sequence[str]) -> dict[str, str]:
    """Give an id to each label; labels whose ids would be the same are told apart by a number."""
    names: dict[str, str] = {}
    for label in labels:
        base = label_id(label)
        number = 2
        name = base
        while name in names:
            name = f"{base[:60]}-{number}"
            number += 1
        names[name] = label
    return names


def _examples(
    scan: Scan, rows: Sequence[int], labels: Sequence[str], choices: Choices, left_out: Counter[str]
) -> tuple[tuple[int, ...], tuple[Example, ...], tuple[str, ...]]:
    ids = {label: name for name, label in _ids_of(labels).items()}
    kept: list[int] = []
    examples: list[Example] = []
    patients: list[str] = []
    for row in rows:
        seen = scan.seen[row]
        entry = seen.entry
        if entry.labels and not entry.labels & ids.keys() and len(entry.labels) == 1:
            left_out[f"label {next(iter(entry.labels))} is not used"] += 1
            continue
        positive = frozenset(ids[label] for label in entry.labels & ids.keys())
        unknown = frozenset(ids[label] for label in entry.unknown & ids.keys())
        code = "+".join(sorted(positive)) or "none"
        if unknown:
            code += f"?{'+'.join(sorted(unknown))}"
        patient = patient_of(entry, seen.patient_id, choices.patients)
        attributes = {"view": seen.view, "sex": seen.sex, "age": years(seen.age)}
        known = frozenset(ids.values()) - unknown
        examples.append(Example(entry.path, code, positive, known, f"image-{row}", entry.source, entry.split, attributes))
        kept.append(row)
        patients.append(patient)
    return tuple(kept), tuple(examples), tuple(patients)


def years(age: str) -> str:
    """Turn an age as DICOM writes it (`045Y`, `011M`) into years; a plain number stays, anything else is left out."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", age.strip().upper())
    if match:
        per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]
        return f"{int(match[1]) / per_year:.2f}".rstrip("0").rstrip(".")
    return age.strip() if re.fullmatch(r"\d{1,3}(\.\d+)?", age.strip()) else ""


def _grouped(scan: Scan, rows: Sequence[int], examples: Sequence[Example], patients: Sequence[str]) -> tuple[Example, ...]:
    """Join the images of one patient, and pictures that look the same."""
    group_of = {row: example.group for row, example in zip(rows, examples, strict=True)}
    pairs = [(group_of[a], group_of[b]) for a, b in scan.same if a in group_of and b in group_of]
    same: dict[str, str] = {}
    # Copies, also where near ones were not looked for.
    pairs += [(group_of[row], same.setdefault(scan.seen[row].sha256, group_of[row])) for row in rows]
    for example, patient in zip(examples, patients, strict=True):
        if patient:
            pairs.append((example.group, same.setdefault(patient, example.group)))
    return regrouped(examples, pairs)


def _split(examples: Sequence[Example], choices: Choices) -> tuple[Example, ...]:
    """Split what is free; parts that a ready-made split lacks are taken from its training images."""
    present = {example.split for example in examples} - {""}
    test, val = choices.test_fraction, choices.val_fraction
    if present:
        test, val = (0.0 if "test" in present else test), (0.0 if "val" in present else val)
        if test or val:
            examples = [replace(example, split="" if example.split == "train" else example.split) for example in examples]
    return assign_splits(examples, test_fraction=test, val_fraction=val, seed=choices.seed)


def _folded(examples: Sequence[Example], choices: Choices) -> tuple[Example, ...]:
    """Deal what is not for the test into folds, whole groups each; one of them is for validation."""
    if choices.folds < 2:
        return tuple(examples)
    free = [number for number, example in enumerate(examples) if example.split in ("train", "val")]
    rarest = min(Counter(examples[number].label for number in free).items(), key=lambda item: (item[1], item[0]))[0]
    fold = group_folds(
        [examples[number].group for number in free],
        np.array([examples[number].label == rarest for number in free]),
        folds=choices.folds,
        seed=choices.seed,
    )
    moved = {number: "val" if part == choices.fold else "train" for number, part in zip(free, fold, strict=True)}
    return tuple(replace(example, split=moved.get(number, example.split)) for number, example in enumerate(examples))


def _refuse_too_little(examples: Sequence[Example], names: Mapping[str, str], task: Task) -> None:
    if not examples:
        raise DataError("No image is left to learn from.", hint="Leave out fewer, or add images.")
    if task is Task.MULTICLASS and len(names) < 2:
        label = next(iter(names.values()), "none")
        raise DataError(f"There is one class only, '{label}': there is nothing to tell apart.", hint="Add images of a second class.")
    groups: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        for label in example.positive:
            groups[label].add(example.group)
    for label, name in names.items():
        if len(groups[label]) < LEAST_PER_LABEL:
            raise DataError(
                f"'{name}' has {len(groups[label])} images; training, validation and test need at least {LEAST_PER_LABEL}.",
                hint="Add images of it, or take the label out.",
            )
        if task is Task.MULTILABEL and all(label in example.positive for example in examples if label in example.known):
            raise DataError(f"Every image is '{name}': there is nothing to tell it from.", hint="Add images without it.")
