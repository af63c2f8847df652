"""A score table beside a table of labels: what the model got right, with intervals by patient."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrview.batch.row import ScoreRow, Status
from cxrview.core.errors import DataError
from cxrview.core.manifest import UNREMARKABLE, Manifest
from cxrview.evaluation.agreement import cohens_kappa
from cxrview.evaluation.bootstrap import bootstrap_by_group, proportion_by_group
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import CalibrationBin, Confusion, auroc, calibration_bins, confusion, expected_calibration_error

FILE_COLUMNS = ("path", "file", "image", "filename", "file_name", "image_path")
PATIENT_COLUMNS = ("patient_id", "patient", "group_id", "patientid", "subject_id")
LABEL_COLUMNS = ("label", "labels", "class", "finding", "findings", "diagnosis", "truth")
SEPARATORS = (";", "|")
YES = frozenset({"1", "1.0", "yes", "true", "y", "positive"})
OTHERS_SHOWN = 6
NO = frozenset({"0", "0.0", "no", "false", "n", "negative"})


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one image.

    Attributes:
        known: label ids whose truth is known; `positives` are those that are true.
        patient: images of the same one are drawn together; empty when the table does not tell.
        others: what the table calls it that is no label of the model, in small letters.
    """

    positives: frozenset[str]
    known: frozenset[str]
    patient: str
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LabelComparison:
    """One label against its truth, on the images whose truth for it is known."""

    label: str
    threshold: float
    auroc: Interval
    sensitivity: Interval
    specificity: Interval
    confusion: Confusion
    calibration_error: float
    bins: tuple[CalibrationBin, ...]
    kappa: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All labels.

    Attributes:
        matched, unmatched: scored images with and without a truth.
        has_patients: the table of labels tells the patients; without, every image counts as one.
        unmeasured: label ids with images of one truth only.
        others: what labelled images are called that is no label of the model, with the number of images, most frequent first.
        other_images: images that are called only such things, and count as without any of the labels.
        top_kappa: agreement of the likeliest label with the truth, over images that have exactly one true label.
    """

    labels: tuple[LabelComparison, ...]
    matched: int
    unmatched: int
    has_patients: bool
    unmeasured: tuple[str, ...]
    others: Mapping[str, int]
    other_images: int
    top_kappa: float
    top_cases: int


@dataclass(slots=True)
class _Cases:
    """What was gathered for one label."""

    probabilities: list[float] = field(default_factory=list)
    truth: list[bool] = field(default_factory=list)
    calls: list[bool] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Truths:
    """A table of labels by the ways an image may be named in it."""

    by_path: Mapping[str, Truth]
    by_name: Mapping[str, Truth]
    has_patients: bool

    def of(self, path: str) -> Truth | None:
        """Give the truth of an image: by its path, by the end of it, or by its file name where only one has that."""
        plain = path.replace("\\", "/").replace("!", "/")
        parts = plain.split("/")
        for start in range(len(parts)):
            found = self.by_path.get("/".join(parts[start:]))
            if found is not None:
                return found
        return self.by_name.get(parts[-1])


def read_truths(path: Path, labels: Sequence[str]) -> Truths:
    """Read a CSV of labels.

    It has a column that names the image (`path`, `file`, `image`, ...), then either a column `label` with label ids, several
    separated by `;` or `|`, or a column for each label id with 1 or 0, empty where it is not known. A patient column is used if it
    is there.

    Raises:
        DataError: the columns are missing, or nothing in it is one of the model's labels.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError("the table of labels cannot be read.", hint="It must be a CSV file in UTF-8.", subject=str(path)) from error
    file_column = _first(columns, FILE_COLUMNS)
    if not file_column:
        raise DataError("no column names the image.", hint=f"Call one {', '.join(FILE_COLUMNS[:3])}.", subject=str(path))
    patient_column = _first(columns, PATIENT_COLUMNS)
    own = {label: columns[label.lower()] for label in labels if label.lower() in columns}
    label_column = "" if own else _first(columns, LABEL_COLUMNS)
    if not own and not label_column:
        raise DataError(
            "no column tells the labels.", hint=f"Call it label, or give a column for each of {', '.join(labels)}.", subject=str(path)
        )
    by_path: dict[str, Truth] = {}
    names: Counter[str] = Counter()
    for row in rows:
        name = (row[file_column] or "").strip().replace("\\", "/").removeprefix("./")
        truth = _truth(row, labels, own, label_column, row[patient_column] if patient_column else "")
        if name and truth.known:
            by_path[name] = truth
            names[name.rpartition("/")[2]] += 1
    if not any(truth.positives for truth in by_path.values()):
        raise DataError("no image in it has one of the model's labels.", hint=f"They are {', '.join(labels)}.", subject=str(path))
    by_name = {short: truth for name, truth in by_path.items() if names[short := name.rpartition("/")[2]] == 1}
    return Truths(by_path, by_name, bool(patient_column))


def compare(rows: Iterable[ScoreRow], truths: Truths, manifest: Manifest) -> Comparison:
    """Measure every label that has both truths among the scored images."""
    cases = {label.id: _Cases() for label in manifest.labels}
    tops: list[str] = []
    true_tops: list[str] = []
    others: Counter[str] = Counter()
    matched = unmatched = other_images = 0
    for row in rows:
        if row.status is not Status.OK:
            continue
        truth = truths.of(row.path)
        if truth is None:
            unmatched += 1
            continue
        matched += 1
        others.update(truth.others)
        other_images += bool(truth.others) and not truth.positives
        if len(truth.positives) == 1:
            tops.append(row.top_label)
            true_tops.append(next(iter(truth.positives)))
        for score in row.scores:
            if score.label in truth.known:
                gathered = cases[score.label]
                gathered.probabilities.append(score.probability)
                gathered.truth.append(score.label in truth.positives)
                gathered.calls.append(score.is_positive)
                gathered.patients.append(truth.patient or f"image {matched}")
    if not matched:
        raise DataError("no scored image is in the table of labels.", hint="Name the files in it as the score table does, or by file name.")
    thresholds = {label.id: threshold.probability for label, threshold in zip(manifest.labels, manifest.thresholds, strict=True)}
    measured = tuple(_measured(label, thresholds[label], each) for label, each in cases.items() if len(set(each.truth)) == 2)
    return Comparison(
        labels=measured,
        matched=matched,
        unmatched=unmatched,
        has_patients=truths.has_patients,
        unmeasured=tuple(label for label, each in cases.items() if len(set(each.truth)) != 2),
        others=dict(others.most_common()),
        other_images=other_images,
        top_kappa=cohens_kappa(tops, true_tops),
        top_cases=len(tops),
    )


def _measured(label: str, threshold: float, cases: _Cases) -> LabelComparison:
    scores, truth, calls = np.asarray(cases.probabilities), np.asarray(cases.truth), np.asarray(cases.calls)
    patients = np.asarray(cases.patients)
    return LabelComparison(
        label=label,
        threshold=threshold,
        auroc=bootstrap_by_group(auroc, cases.patients, scores, truth),
        sensitivity=proportion_by_group(calls[truth], list(patients[truth])),
        specificity=proportion_by_group(~calls[~truth], list(patients[~truth])),
        confusion=confusion(scores, truth, threshold),
        calibration_error=expected_calibration_error(scores, truth),
        bins=calibration_bins(scores, truth),
        kappa=cohens_kappa([str(each) for each in cases.calls], [str(each) for each in cases.truth]),
    )


def comparison_lines(comparison: Comparison) -> tuple[str, ...]:
    """Tell the comparison in words."""
    lines = [f"{comparison.matched} of {comparison.matched + comparison.unmatched} scored images have a label"]
    lines += [
        f"{each.label}: AUROC {each.auroc}; at {each.threshold:.3f} sensitivity {each.sensitivity}, specificity {each.specificity}; "
        f"{each.confusion.true_positives} true +, {each.confusion.false_positives} false +, {each.confusion.true_negatives} true -, "
        f"{each.confusion.false_negatives} false -; calibration error {each.calibration_error:.3f}; kappa {each.kappa:.2f}"
        for each in comparison.labels
    ]
    if comparison.top_cases:
        lines.append(
            f"the likeliest label and the only true one agree with kappa {comparison.top_kappa:.2f} over {comparison.top_cases} images"
        )
    if not comparison.labels:
        lines.append("no label has both images with and without it: nothing can be measured")
    elif comparison.unmeasured:
        lines.append(f"not measured, since the labelled images are all alike in it: {', '.join(comparison.unmeasured)}")
    if comparison.others:
        lines.append(others_text(comparison))
    return tuple(lines)


def others_text(comparison: Comparison) -> str:
    """Say what was done with words that are no label of the model."""
    first = [f"{word} ({count:,})" for word, count in list(comparison.others.items())[:OTHERS_SHOWN]]
    rest = f" and {len(comparison.others) - len(first)} more" if len(comparison.others) > len(first) else ""
    return (
        f"the table also says what is no label of this model: {', '.join(first)}{rest}; {comparison.other_images:,} images are called "
        "nothing else and count as without any of its labels"
    )


def _truth(row: Mapping[str, str], labels: Sequence[str], own: Mapping[str, str], label_column: str, patient: str) -> Truth:
    if own:
        said = {label: (row[column] or "").strip().lower() for label, column in own.items()}
        positives = frozenset(label for label, text in said.items() if text in YES)
        return Truth(positives, positives | {label for label, text in said.items() if text in NO}, (patient or "").strip())
    text = row[label_column] or ""
    for separator in SEPARATORS:
        text = text.replace(separator, ",")
    words = {word.strip().lower() for word in text.split(",") if word.strip()}
    positives = frozenset(label for label in labels if label.lower() in words)
    others = frozenset(words) - UNREMARKABLE - {label.lower() for label in labels}
    return Truth(positives, frozenset(labels) if words else frozenset(), (patient or "").strip(), others)


def _first(columns: Mapping[str, str], wanted: Sequence[str]) -> str:
    return next((columns[name] for name in wanted if name in columns), "")
