"""What an evaluation found, as a record, as tables for the model card and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from cxrview.evaluation.audit_tables import audit_tables
from cxrview.evaluation.audits import Audits
from cxrview.evaluation.cases import Split
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.one_sided import OperatingResult, SensitivityResult
from cxrview.evaluation.table import Table, number, signed, table_to_markdown
from cxrview.evaluation.verdict import Verdict, verdict_of
from cxrview.evaluation.within_source import BaselineResult, ContrastResult, Settings

NOTICE = "For research and teaching. Not a medical device; not for diagnosis."


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many images and patients of a truth a source has in a split."""

    split: Split
    source: str
    truth: str
    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Everything measured for one model on one set of cases.

    Attributes:
        split_sha256: hash of the split manifest; empty when the cases are not of the model's own split.
        contrasts: inside one source each.
        sensitivities: sources without negatives, against the normals of other sources.
        operating: rates at the package's thresholds, source by source.
        shortcuts: what each baseline saw, in words.
        audits: None where they were not run.
    """

    model_id: str
    model_title: str
    model_version: str
    split_sha256: str
    counts: tuple[SourceCount, ...]
    contrasts: tuple[ContrastResult, ...]
    sensitivities: tuple[SensitivityResult, ...]
    operating: tuple[OperatingResult, ...]
    shortcuts: tuple[str, ...]
    settings: Settings
    audits: Audits | None = None


def to_json(report: EvaluationReport) -> str:
    """Write every number of the report; what is not defined is null."""
    document = {"verdict": asdict(verdict_of(report)), **asdict(report)}
    return json.dumps(_without_nan(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(report: EvaluationReport, *, level: int = 2) -> str:
    """Write verdict, tables of the report, and how they came about, for a model card; `level` is that of the headings."""
    method = "\n".join([f"{'#' * level} How it was measured", "", *(f"- {line}" for line in method_of(report))])
    tables = (table_to_markdown(table, level=level) for table in tables_of(report))
    return "\n\n".join([_verdict_to_markdown(verdict_of(report), level), *tables, method]) + "\n"


def _verdict_to_markdown(verdict: Verdict, level: int) -> str:
    lines = [f"{'#' * level} Verdict", "", f"**{verdict.headline}**"]
    for title, sentences in verdict.parts:
        lines += ["", f"{title}:", "", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines)


def tables_of(report: EvaluationReport) -> tuple[Table, ...]:
    """Give the tables that have rows, the most telling first."""
    tables = (
        _inside_table(report),
        *(() if report.audits is None else audit_tables(report.audits)),
        _sensitivity_table(report),
        _operating_table(report),
        _calibration_table(report),
        _subgroup_table(report),
        _count_table(report),
    )
    return tuple(table for table in tables if table.rows)


def method_of(report: EvaluationReport) -> tuple[str, ...]:
    """Say in sentences how the numbers came about."""
    settings = report.settings
    baselines = (
        f"Baselines are logistic regressions on the same images ({'; '.join(report.shortcuts)}). A network earns only what it has "
        "above them. They learn from the training images of the same source; where there are none, from the images measured, "
        "cross-fitted by patient."
        if report.shortcuts
        else "Baselines: none were measured."
    )
    own = (f"The split is frozen; its manifest has SHA-256 {report.split_sha256}.",) if report.split_sha256 else ()
    return (
        "No number is pooled over sources: where class and hospital go together, a pooled number measures the hospital.",
        f"Intervals are 95 % percentile intervals of {settings.resamples} bootstrap draws of whole patients (seed {settings.seed}); "
        "draws without one of the classes are left out. A rate of 0 or 1 has Wilson's interval for its patients.",
        f"A number needs at least {settings.minimum} positives and {settings.minimum} negatives.",
        baselines,
        f"Sensitivity on a source without negatives is at the smallest threshold with a specificity of at least {settings.specificity:.2f} "
        f"on the test-split images with the truth '{settings.reference}' of one named source at a time.",
        "A probability equal to the threshold counts as positive. Calibration error is over ten bins of equal width; it, Brier score, "
        "log loss and average precision depend on how common the label is among these images.",
        *own,
    )


def _inside_table(report: EvaluationReport) -> Table:
    names = list(dict.fromkeys(baseline.name for result in report.contrasts for baseline in result.baselines))
    return Table(
        title="Inside one source",
        note="AUROC with 95 % interval by patient, and the baselines on the same images; the gain is network less baseline, draw by draw.",
        columns=(
            "Source",
            "Label",
            "Against",
            "Positive / negative",
            "Patients",
            "Network",
            *names,
            *(f"Gain over {name}" for name in names),
        ),
        rows=tuple(_inside_row(result, names) for result in report.contrasts),
    )


def _inside_row(result: ContrastResult, names: Iterable[str]) -> tuple[str, ...]:
    contrast = result.contrast
    beside = {baseline.name: baseline for baseline in result.baselines}
    return (
        _place(contrast.split, contrast.source),
        contrast.label,
        contrast.against,
        f"{result.auroc.positives} / {result.auroc.n - result.auroc.positives}",
        str(result.auroc.groups),
        str(result.auroc),
        *(_of_baseline(beside.get(name), "auroc") for name in names),
        *(_of_baseline(beside.get(name), "gain") for name in names),
    )


def _of_baseline(baseline: BaselineResult | None, what: str) -> str:
    if baseline is None:
        return "–"
    return str(baseline.auroc) if what == "auroc" else signed(baseline.gain)


def _sensitivity_table(report: EvaluationReport) -> Table:
    names = list(dict.fromkeys(baseline.name for result in report.sensitivities for baseline in result.baselines))
    return Table(
        title=f"Sources without negatives: sensitivity at {report.settings.specificity:.2f} specificity",
        note="The threshold comes from the test-split normals of another source, named here. Source and class go together in such a "
        "comparison, as the baselines show: read it beside them.",
        columns=(
            "Source",
            "Label",
            "Images",
            "Patients",
            "Normals of",
            "Normals",
            "Specificity",
            "Threshold",
            "Network",
            *names,
        ),
        rows=tuple(_sensitivity_row(result, names) for result in report.sensitivities),
    )


def _sensitivity_row(result: SensitivityResult, names: Iterable[str]) -> tuple[str, ...]:
    beside = {baseline.name: str(baseline.sensitivity) for baseline in result.baselines}
    return (
        _place(result.split, result.source),
        result.label,
        str(result.images),
        str(result.patients),
        result.normals_source,
        str(result.normals),
        number(result.specificity),
        number(result.threshold),
        str(result.sensitivity),
        *(beside.get(name, "–") for name in names),
    )


def _operating_table(report: EvaluationReport) -> Table:
    return Table(
        title="At the package's thresholds",
        note="One fixed threshold for each label, everywhere; a dash where there are too few cases.",
        columns=("Source", "Label", "Threshold", "Positives", "Sensitivity", "Negatives", "Specificity"),
        rows=tuple(
            (
                _place(result.split, result.source),
                result.label,
                number(result.threshold.probability),
                str(result.sensitivity.n or "–"),
                _rate(result.sensitivity),
                str(result.specificity.n or "–"),
                _rate(result.specificity),
            )
            for result in report.operating
        ),
    )


def _calibration_table(report: EvaluationReport) -> Table:
    return Table(
        title="Probabilities inside one source",
        note="With 95 % intervals by patient; lower is better but for average precision and the two rates.",
        columns=(
            "Source",
            "Label",
            "Against",
            "Brier score",
            "Log loss",
            "Calibration error",
            "Average precision",
            "Sensitivity",
            "Specificity",
        ),
        rows=tuple(
            (
                _place(result.contrast.split, result.contrast.source),
                result.contrast.label,
                result.contrast.against,
                str(result.brier),
                str(result.log_loss),
                number(result.calibration_error),
                str(result.average_precision),
                str(result.sensitivity),
                str(result.specificity),
            )
            for result in report.contrasts
        ),
    )


def _subgroup_table(report: EvaluationReport) -> Table:
    return Table(
        title="Subgroups",
        note="AUROC among the images of a contrast that share an attribute; only where both classes have enough.",
        columns=("Source", "Label", "Against", "Subgroup", "Positive / negative", "Network"),
        rows=tuple(
            (
                _place(result.contrast.split, result.contrast.source),
                result.contrast.label,
                result.contrast.against,
                f"{subgroup.attribute} {subgroup.value}",
                f"{subgroup.auroc.positives} / {subgroup.auroc.n - subgroup.auroc.positives}",
                str(subgroup.auroc),
            )
            for result in report.contrasts
            for subgroup in result.subgroups
        ),
    )


def _count_table(report: EvaluationReport) -> Table:
    return Table(
        title="Images",
        note="What the model was trained, tuned and tested on here.",
        columns=("Split", "Source", "Truth", "Images", "Patients"),
        rows=tuple((c.split.value, c.source, c.truth, str(c.images), str(c.patients)) for c in report.counts),
    )


def _rate(interval: Interval) -> str:
    return str(interval) if interval.n else "–"


def _place(split: Split, source: str) -> str:
    return f"{source} ({split.value})"


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    if isinstance(value, np.ndarray):  # maps; pictures are for the page
        return None if value.dtype == np.uint8 else np.round(value, 4).tolist()
    return value
