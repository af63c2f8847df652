"""The audits as tables for people."""

from __future__ import annotations

from cxrview.evaluation.audits import Audits
from cxrview.evaluation.shortcut_audit import HEAT, KNOWS, LETTERS, MOST_OF_SKILL
from cxrview.evaluation.table import Table, number, signed
from cxrview.evaluation.within_source import Contrast


def audit_tables(audits: Audits) -> tuple[Table, ...]:
    """Give the tables that have rows, the most telling first."""
    tables = (
        _changes(audits),
        _heat(audits),
        _probes(audits),
        _drops(audits),
        _comparisons(audits),
        _calibration(audits),
        _conformal(audits),
        _explanations(audits),
        _stability(audits),
        *_confusion(audits),
    )
    return tuple(table for table in tables if table.rows)


def _changes(audits: Audits) -> Table:
    return Table(
        title="Shortcuts: the same network with something taken away",
        note="AUROC on the same cases. Without the lungs an honest network guesses (0.5); one that still knows reads something else. "
        f"It fails where it is at least {KNOWS - 0.5:.2f} from 0.5, its interval leaves out 0.5, and at least {MOST_OF_SKILL:.0%} of "
        f"what it knew is left; letters fail where taking them away costs {LETTERS:.2f} and the interval of the loss leaves out 0. Blanked "
        "pictures are unlike any in training, and the blanked shape tells something of the lungs' size: read a failure as a question.",
        columns=("Source", "Label", "Against", "Taken away", "Images changed", "Whole", "Changed", "Loss", "Result"),
        rows=tuple(
            (
                *_names(each.contrast),
                str(each.change),
                str(each.images),
                str(each.whole),
                str(each.changed),
                signed(each.loss),
                str(each.level),
            )
            for each in audits.shortcuts.changes
        ),
    )


def _heat(audits: Audits) -> Table:
    return Table(
        title="Where the heat lies",
        note=f"Mean part of a heatmap's positive heat inside the lungs, on images that have the label; {HEAT:.0%} passes, no more than an "
        "even map would have fails.",
        columns=("Source", "Label", "Images", "In the lungs", "An even map", "Result"),
        rows=tuple(
            (f"{each.source} ({each.split.value})", each.label, str(each.inside.n), str(each.inside), number(each.even), str(each.level))
            for each in audits.shortcuts.heat
        ),
    )


def _probes(audits: Audits) -> Table:
    labels = list(dict.fromkeys(gap.label for each in audits.shortcuts.probes for gap in each.answers))
    return Table(
        title="Which hospital? Among images of one truth",
        note="AUROC for telling the second source from the first where nothing but the source differs: from the network's features "
        "(cross-fitted by patient) and from its own probabilities, which should be at 0.5.",
        columns=("Sources", "Truth", "From features", *(f"From p({label})" for label in labels), "Result"),
        rows=tuple(
            (
                " / ".join(each.sources),
                each.truth,
                "–" if each.from_features is None else str(each.from_features),
                *(next((str(gap.auroc) for gap in each.answers if gap.label == label), "–") for label in labels),
                str(each.level),
            )
            for each in audits.shortcuts.probes
        ),
    )


def _drops(audits: Audits) -> Table:
    return Table(
        title="From the test to hospitals never seen",
        note="AUROC inside a test source and inside an external one, against the same negatives; the two are drawn independently.",
        columns=("Label", "Against", "Test", "AUROC", "External", "AUROC there", "Drop"),
        rows=tuple(
            (
                each.internal.label,
                each.internal.against,
                each.internal.source,
                str(each.internal_auroc),
                each.external.source,
                str(each.external_auroc),
                signed(each.drop),
            )
            for each in audits.drops
        ),
    )


def _comparisons(audits: Audits) -> Table:
    rows = []
    for comparison in audits.comparisons:
        words = "within 0.01" if comparison.is_within else "not within 0.01"
        gap = f"{comparison.largest:.4f} / {comparison.mean:.4f}" + (f" ({words})" if comparison.is_variant else "")
        first = (comparison.other, gap, str(comparison.changed_calls))
        rows += [(*first, *("–",) * 6)] if not comparison.contrasts else []
        for each in comparison.contrasts:
            test = each.delong
            rows.append(
                (
                    *first,
                    *_names(each.contrast)[:2],
                    f"{test.first:.3f}",
                    f"{test.second:.3f}",
                    f"{test.difference:+.3f} ({test.low:+.3f} to {test.high:+.3f}), p {_p(test.p)}",
                    signed(each.by_patient),
                )
            )
    return Table(
        title="Beside another",
        note="On the same images. DeLong's test takes images as independent; the last column draws patients and is the one to believe "
        "where they have several. A faster variant of a model may differ by 0.01 in no probability.",
        columns=(
            "Other",
            "Largest / mean difference of a probability",
            "Calls changed",
            "Source",
            "Label",
            "AUROC",
            "Other's",
            "DeLong",
            "By patient",
        ),
        rows=tuple(rows),
    )


def _calibration(audits: Audits) -> Table:
    return Table(
        title="Calibration: before and after",
        note="Expected calibration error (ten bins) and Brier score of the network's own probabilities and of the calibrated ones.",
        columns=("Source", "Label", "Against", "Error before", "Error after", "Brier before", "Brier after"),
        rows=tuple(
            (
                *_names(each.contrast),
                *(number(value) for value in (each.error_before, each.error_after, each.brier_before, each.brier_after)),
            )
            for each in audits.calibration
        ),
    )


def _conformal(audits: Audits) -> Table:
    return Table(
        title='With "don\'t know" as an answer',
        note="Conformal answers, bounds fitted on other patients of the same source so that the stated share of each class is covered. "
        "A network that knows little must say so often.",
        columns=("Source", "Label", "Against", "Promised", "Don't know", "Positives covered", "Negatives covered"),
        rows=tuple(
            (
                *_names(each.contrast),
                f"{each.coverage:.0%}",
                f"{each.unknown:.0%}",
                f"{each.covered_positive:.0%}",
                f"{each.covered_negative:.0%}",
            )
            for each in audits.conformal
        ),
    )


def _explanations(audits: Audits) -> Table:
    return Table(
        title="Are the heatmaps faithful?",
        note="Deletion and insertion: how much more the hottest places matter to the logit than places taken by chance (0: no more). "
        "ROAD: how many logits more the hottest places carry than the coolest, filled so that the hole tells nothing (0: no more). "
        "Disorder: likeness (0 to 1) to maps of a head with shuffled weights, and of a network shuffled from its answer down: the last "
        "quarter, half, three quarters, all; near 1 the map ignores what was learned. Pointing and energy: against drawn boxes, where "
        "there are any.",
        columns=(
            "Source",
            "Label",
            "Images",
            "Deletion and insertion",
            "ROAD (logits)",
            "Head in disorder",
            "Network in disorder",
            "Pointing",
            "Energy (even map)",
            "Result",
        ),
        rows=tuple(
            (
                f"{each.source} ({each.split.value})",
                each.label,
                str(each.images),
                signed(each.deletion),
                signed(each.road),
                number(each.randomised),
                " · ".join(f"{stage:.2f}" for stage in each.cascade),
                "–" if each.pointing is None else str(each.pointing),
                "–" if each.energy is None else f"{each.energy} ({each.even:.3f})",
                str(each.level),
            )
            for each in audits.explanations
        ),
    )


def _stability(audits: Audits) -> Table:
    return Table(
        title="Do class templates hold elsewhere?",
        note="Correlation of a label's mean heatmaps, in the frame of the lungs, between two sources; beside it the most that the "
        "number of images allows (from random halves of each source); and how far the first three eigen-heatmaps of one source are made of "
        "the other's (0 to 1; unrelated maps have 0.01).",
        columns=("Label", "First", "Second", "Correlation", "Possible", "Eigen-heatmaps shared"),
        rows=tuple(
            (each.label, each.first, each.second, f"{each.correlation:+.2f}", number(each.possible), number(each.patterns))
            for each in audits.stability
        ),
    )


def _confusion(audits: Audits) -> tuple[Table, ...]:
    return tuple(
        Table(
            title=f"Confusion: {each.source} ({each.split.value})",
            note="Images by truth (rows; 'no label' has none of them) and by the label with the highest probability (columns), whatever "
            "the thresholds.",
            columns=("Truth", *each.answers),
            rows=tuple((truth, *(str(count) for count in row)) for truth, row in zip(each.truths, each.counts, strict=True)),
        )
        for each in audits.confusion
    )


def _names(contrast: Contrast) -> tuple[str, str, str]:
    return f"{contrast.source} ({contrast.split.value})", contrast.label, contrast.against


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
