"""What a network can and cannot be trusted with, and why, in sentences that follow from the numbers of a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxrview.evaluation.cases import Split
from cxrview.evaluation.explanations import SAME_MAP
from cxrview.evaluation.readings import Change
from cxrview.evaluation.shortcut_audit import TELLS_HOSPITALS, ChangeResult, Level, ProbeResult, differs
from cxrview.evaluation.table import signed
from cxrview.evaluation.within_source import EVERY_OTHER, ContrastResult

if TYPE_CHECKING:
    from cxrview.evaluation.audits import ExplanationResult
    from cxrview.evaluation.report import EvaluationReport

# Baselines in the words of the tables, and in a sentence.
WITHOUT_THE_CHEST = {
    "border only": "the edge of the film alone",
    "three numbers": "three numbers of the film (brightness, contrast, shape)",
}
POOR_CALIBRATION = 0.10
WORTH_TELLING = 0.05
LITTLE_HEAT = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences for people.

    Attributes:
        headline: the whole in one sentence.
        can, cannot: what it can and cannot be trusted with, each with the number that says so.
        careful: what to keep in mind.
    """

    headline: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    careful: tuple[str, ...]

    @property
    def parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The lists that have sentences, each under its title."""
        titled = (("It can be trusted with", self.can), ("It cannot be trusted with", self.cannot), ("Keep in mind", self.careful))
        return tuple((title, sentences) for title, sentences in titled if sentences)


def verdict_of(report: EvaluationReport) -> Verdict:
    """Judge a report; every sentence names its number, and what was not measured is said, not passed over."""
    judged = [(result, tuple(_reasons_against(report, result))) for result in report.contrasts]
    can = tuple(f"{_task(result)}: AUROC {result.auroc}{_above(result)}." for result, reasons in judged if not reasons)
    cannot = [f"{_task(result)}: {'; '.join(reasons)}." for result, reasons in judged if reasons]
    cannot += _heat(report)
    return Verdict(_headline(report, can, tuple(cannot)), can, tuple(cannot), tuple(_careful(report)))


def _headline(report: EvaluationReport, can: tuple[str, ...], cannot: tuple[str, ...]) -> str:
    if not report.contrasts:
        return "Nothing can be said: no source here has enough images with and without a finding to tell them apart within it."
    if not can:
        return "Do not trust this network: in no source does it tell a finding from its absence by what it sees in the chest."
    if len(can) == len(report.contrasts) and cannot:
        return "Its answers hold up in every comparison made here; what it shows as the reason does not."
    if cannot:
        return f"Trust this network with part of its task only: {len(can)} of {len(report.contrasts)} comparisons hold up."
    where = "and on hospitals it never saw" if any(each.contrast.split is Split.EXTERNAL for each in report.contrasts) else "here"
    return f"Within what was measured {where}, the network earns what it scores; the limits below still hold."


def _task(result: ContrastResult) -> str:
    contrast = result.contrast
    against = "other images" if contrast.against == EVERY_OTHER else contrast.against
    seen = "a hospital it never saw" if contrast.split is Split.EXTERNAL else "test images"
    return f"Telling {contrast.label} from {against} at {contrast.source} ({seen})"


def _above(result: ContrastResult) -> str:
    gains = [f"{baseline.gain.value:+.2f} over {baseline.name}" for baseline in result.baselines]
    return f" ({', '.join(gains)})" if gains else ""


def _reasons_against(report: EvaluationReport, result: ContrastResult) -> Iterator[str]:
    if not result.auroc.low > 0.5:
        yield f"it is not shown to do better than guessing (AUROC {result.auroc})"
        return
    for baseline in result.baselines:
        if not baseline.gain.low > 0.0:
            yield (
                f"it is not shown to do better than {WITHOUT_THE_CHEST.get(baseline.name, baseline.name)}, without a look at the chest "
                f"(AUROC {result.auroc.value:.2f} against {baseline.auroc.value:.2f})"
            )
    for change in _changes(report, result):
        if change.level is Level.FAILED:
            yield _failed(change)


def _failed(change: ChangeResult) -> str:
    if change.change is Change.MARKS_REMOVED:
        return f"it reads letters and markers (AUROC falls from {change.whole.value:.2f} to {change.changed.value:.2f} when they go)"
    what = "with the lungs blanked" if change.change is Change.LUNGS_BLANKED else "from the border alone"
    return f"it knows the answer {what} (AUROC {change.changed.value:.2f} of {change.whole.value:.2f})"


def _changes(report: EvaluationReport, result: ContrastResult) -> list[ChangeResult]:
    return [] if report.audits is None else [each for each in report.audits.shortcuts.changes if each.contrast == result.contrast]


def _heat(report: EvaluationReport) -> Iterator[str]:
    if report.audits is None:
        return
    for heat in report.audits.shortcuts.heat:
        if heat.level is Level.FAILED:
            yield (
                f"Showing where {heat.label} lies at {heat.source}: {heat.inside.value:.0%} of the heat is in the lungs, where an even "
                f"map would have {heat.even:.0%}."
            )
    for result in report.audits.explanations:
        if result.level is Level.FAILED:
            yield f"Believing the heatmaps of {result.label} at {result.source}: {_why_unfaithful(result)}."


def _why_unfaithful(result: ExplanationResult) -> str:
    if result.deletion.high < 0.0:
        return f"what they call hot matters less than places taken by chance ({signed(result.deletion)})"
    if result.road.high < 0.0:
        return f"what they call hot carries fewer logits than what they call cool ({signed(result.road)})"
    if result.cascade and result.cascade[-1] > SAME_MAP:
        return f"they look {result.cascade[-1]:.2f} alike when the whole network's weights are in disorder"
    return f"they look {result.randomised:.2f} alike with the head's weights in disorder"


def _careful(report: EvaluationReport) -> Iterator[str]:
    if report.contrasts and not any(each.contrast.split is Split.EXTERNAL for each in report.contrasts):
        yield _never_seen(report)
    if report.sensitivities:
        yield (
            "Some sources hold one class only; their sensitivity is told against normals of another hospital, which differ in more than "
            "disease."
        )
    poor = [each for each in report.contrasts if each.calibration_error > POOR_CALIBRATION]
    if poor:
        worst = max(poor, key=lambda each: each.calibration_error)
        yield (
            f"Probabilities are not to be taken at their word in {len(poor)} of {len(report.contrasts)} comparisons "
            f"(calibration error up to {worst.calibration_error:.2f}, {worst.contrast})."
        )
    audits = report.audits
    if audits is None:
        yield "The shortcut audit was not run."
        return
    for change in audits.shortcuts.changes:
        if change.level is Level.DOUBTFUL:
            yield f"{change.contrast}: with {_taken(change.change)}, AUROC is still {change.changed}."
    for heat in audits.shortcuts.heat:
        if heat.level is Level.DOUBTFUL:
            yield f"Heat of {heat.label} at {heat.source}: {heat.inside.value:.0%} in the lungs (an even map: {heat.even:.0%})."
    yield from _between_hospitals(audits.shortcuts.probes)
    for drop in audits.drops:
        if drop.drop.low > 0.0 and drop.drop.value >= WORTH_TELLING:
            yield f"{drop.external.label} loses {drop.drop.value:.2f} AUROC from {drop.internal.source} to {drop.external.source}."
    for template in audits.templates:
        if template.positive_share < LITTLE_HEAT:
            yield (
                f"The mean heatmap of {template} speaks against {template.label} nearly everywhere: no place speaks for it, the network "
                "starts from it and the picture only takes away."
            )
    for alike in audits.stability:
        if math.isfinite(alike.possible) and alike.correlation < 0.5 * alike.possible:
            where = f"between {alike.first} and {alike.second}"
            yield f"The mean heatmap of {alike.label} differs {where} (correlation {alike.correlation:.2f})."
    for comparison in audits.comparisons:
        if comparison.is_variant and not comparison.is_within:
            yield f"{comparison.other} changes a probability by up to {comparison.largest:.3f}: more than 0.01, do not use it in its place."
    yield from audits.shortcuts.unmeasured


def _between_hospitals(probes: Sequence[ProbeResult]) -> Iterator[str]:
    """Say once for each label where its answers differ most, and once which hospitals its features tell apart best."""
    gaps = [(gap, probe) for probe in probes if probe.level is Level.FAILED for gap in probe.answers if differs(gap.auroc)]
    for label in dict.fromkeys(gap.label for gap, _ in gaps):
        own = [(gap, probe) for gap, probe in gaps if gap.label == label]
        worst, probe = max(own, key=lambda pair: abs(pair[0].auroc.value - 0.5))
        where = f"{probe.sources[0]} and {probe.sources[1]}, all '{probe.truth}'"
        yield (
            f"Its answer for {label} differs between hospitals on images of one truth, in {len(own)} of {len(probes)} pairs (most between "
            f"{where}: AUROC {worst.auroc.value:.2f}, 0.5 is fair): one threshold does not fit them all."
        )
    telling = [(probe.from_features, probe) for probe in probes if probe.from_features is not None]
    easy = [(interval, probe) for interval, probe in telling if interval.value >= TELLS_HOSPITALS]
    if easy:
        best, probe = max(easy, key=lambda pair: pair[0].value)
        yield (
            f"Its features tell hospitals apart on images of one truth in {len(easy)} of {len(telling)} pairs (best "
            f"{probe.sources[0]} from {probe.sources[1]}, AUROC {best.value:.2f})."
        )


def _never_seen(report: EvaluationReport) -> str:
    one_sided = sorted({each.source for each in report.sensitivities if each.split is Split.EXTERNAL})
    if one_sided:
        return (
            f"Hospitals that training never saw ({', '.join(one_sided)}) hold one class only here: telling a finding from its absence "
            "there was not measured."
        )
    return "No hospital that training never saw was measured: how the network fares elsewhere is unknown."


def _taken(change: Change) -> str:
    return {
        Change.LUNGS_BLANKED: "the lungs blanked",
        Change.BORDER_ONLY: "only the border left",
        Change.MARKS_REMOVED: "letters and markers gone",
    }[change]
