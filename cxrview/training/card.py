"""The model card: what a sceptical reader needs to know before believing a number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview import __version__
from cxrview.core.manifest import Manifest, PrecisionCheck
from cxrview.engine.selftest import VALIDATION_TOLERANCE
from cxrview.evaluation.report import EvaluationReport, to_markdown

if TYPE_CHECKING:
    from cxrview.training.run import Plan

WORTH_TELLING = 30  # positives and negatives; below that a number is in the tables only
NOTICE = "**For research and education. Not a medical device, not for diagnosis.**"


def write_card(plan: Plan, manifest: Manifest, measured: EvaluationReport) -> str:
    """Write CARD.md."""
    return "\n".join(
        [
            f"# {manifest.title} ({manifest.id} {manifest.version})",
            "",
            NOTICE,
            "",
            manifest.intended_use,
            "",
            *_in_short(measured),
            *_what_it_is(plan, manifest),
            *_training_data(manifest),
            *_operating(manifest, is_fitted_again=plan.recipe.final_fit),
            to_markdown(measured),
            *_limits(plan),
        ]
    )


def _in_short(measured: EvaluationReport) -> list[str]:
    """Tell what was found inside sources, the baseline beside it, in a sentence each."""
    lines = []
    for result in measured.contrasts:
        if min(result.auroc.positives, result.auroc.n - result.auroc.positives) < WORTH_TELLING:
            continue
        contrast = result.contrast
        beside = ", ".join(f"{baseline.auroc.value:.2f} from {baseline.name}" for baseline in result.baselines)
        lines.append(
            f"- Inside {contrast.source} ({contrast.split}): {contrast.label} against {contrast.against}, AUROC {result.auroc}"
            + (f"; on the same images {beside}." if beside else ".")
        )
    return ["## In short", "", *lines, ""] if lines else []


def _what_it_is(plan: Plan, manifest: Manifest) -> list[str]:
    recipe, spec = plan.recipe, manifest.input
    steps = [
        f"{spec.border_crop:.0%} of each side cut away" if spec.border_crop else "",
        f"through {spec.via_px} px" if spec.via_px else "",
        f"{spec.resize} to {spec.width}×{spec.height} px",
        f"gray range by {spec.range_rule} {spec.percentiles[0]:g} to {spec.percentiles[1]:g}",
        ", ".join(spec.enhancement),
        f"channels {spec.channels}",
        f"normalisation {spec.normalisation}",
    ]
    return [
        "## What it is",
        "",
        f"- Labels: {', '.join(f'{label.name} (`{label.id}`)' for label in manifest.labels)}; task {manifest.task}.",
        f"- Network: {recipe.architecture.name}, first weights: {_init_words(recipe.init)}; recipe `{recipe.name}`, cxrview {__version__}.",
        f"- Input: {'; '.join(step for step in steps if step)}.",
        f"- Heatmap: {manifest.heatmap}. A heatmap shows where the evidence for the answer lies; it is not a segmentation.",
        f"- Licence of the weights: {manifest.licence}.",
        "",
    ]


def _init_words(init: str) -> str:
    """Name the first weights without the folder they lay in."""
    kind, _, rest = init.partition(":")
    return f"{kind}:{Path(rest).name}" if kind == "file" else init


def _training_data(manifest: Manifest) -> list[str]:
    rows = [f"| {each.source} | {each.images} | {each.patients} | {each.licence} |" for each in manifest.trained_on]
    return [
        "## What it learned from",
        "",
        "Training and validation images; what the test and external splits hold stands at the end of this card.",
        "",
        "| Source | Images | Patients or groups | Licence class |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _operating(manifest: Manifest, *, is_fitted_again: bool) -> list[str]:
    rows = [
        f"| {label.id} | {rule.method} | {_share(rule.prevalence)} | {threshold.probability:.3f} | {threshold.operating_point} |"
        for label, rule, threshold in zip(manifest.labels, manifest.calibration, manifest.thresholds, strict=True)
    ]
    return [
        "## Calibration and thresholds",
        "",
        "Both were chosen on the validation split, whose mix of classes is not that of a clinic: a probability holds for that mix.",
        *(["They are those of the network before its final fit, which learned from the validation images too."] if is_fitted_again else []),
        "",
        "| Label | Calibration | Prevalence there | Threshold | Operating point |",
        "|---|---|---|---|---|",
        *rows,
        "",
        *(_precision(check) for check in manifest.precisions),
    ]


def _share(prevalence: float) -> str:
    return f"{prevalence:.2f}" if prevalence else "–"


def _precision(check: PrecisionCheck) -> str:
    is_used = "it is used where a machine is faster with it" if check.largest <= VALIDATION_TOLERANCE else "it is not used"
    return (
        f"In {check.precision} no probability of the {check.images} validation images differs from float32 by more than "
        f"{check.largest:.4f} ({VALIDATION_TOLERANCE:g} is allowed): {is_used}.\n"
    )


def _limits(plan: Plan) -> list[str]:
    recipe = plan.recipe
    train = Counter(label for example in plan.examples if example.split == "train" for label in (example.positive or {"none of them"}))
    few = [f"{label} ({count})" for label, count in sorted(train.items()) if count < 100]
    lines = [
        "Images were labelled by their publishers; text-mined labels are wrong in a part of the cases.",
        "In public collections the class and the hospital are almost the same variable. A number across hospitals measures the hospital "
        "first; only the table inside one source, above its baselines, speaks of the disease.",
        f"Labels with fewer than 100 training images: {', '.join(few)}." if few else "",
        "Children, lateral views and pictures that are not chest radiographs were not in training; scores of such pictures mean nothing.",
        "`in_distribution` is the share of validation images at least as far from training; small values mean: do not believe the "
        "scores. Large values do not mean that the scores are right.",
        f"Splits are by patient and by near-duplicate pictures (perceptual hash, at most {recipe.data.duplicate_distance} of 256 bits).",
    ]
    return ["## Limits", "", *(f"- {line}" for line in (*lines, *recipe.package.notes) if line), ""]
