"""Which image a person should look at first."""

from __future__ import annotations

from cxrview.batch.row import LabelScore, ScoreRow, Status
from cxrview.batch.withheld import withheld_because
from cxrview.core.manifest import UNREMARKABLE


def urgency(row: ScoreRow) -> float:
    """Give a number that is larger the sooner an image should be looked at.

    From 2 to 1 images with a positive finding, by its probability; exactly 1 those that have no score, or none to be believed, since
    nobody has looked at them; under 1 the others, by the probability of their likeliest finding. A label that says that nothing was
    found never counts.
    """
    if row.status is Status.ERROR or withheld_because(row):
        return 1.0
    findings = remarkable(row)
    positives = [score.probability for score in findings if score.is_positive]
    if positives:
        return 1.0 + max(positives)
    return min(max((score.probability for score in findings), default=0.0), 0.999_999)


def remarkable(row: ScoreRow) -> tuple[LabelScore, ...]:
    """Give the scores of the labels that say that something was found."""
    return tuple(score for score in row.scores if score.label.lower() not in UNREMARKABLE)
