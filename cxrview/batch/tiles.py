"""The pictures of a batch, as a contact sheet shows them."""

from __future__ import annotations

from collections.abc import Iterator

from cxrview.batch.outcome import Outcome
from cxrview.batch.row import LabelScore, ScoreRow
from cxrview.batch.sheet import Tile
from cxrview.batch.urgency import remarkable
from cxrview.batch.withheld import withheld_because

WITHHELD = "scores withheld"


def tiles_of(outcome: Outcome) -> Iterator[Tile]:
    """Give every scored image with its small picture, in the order of the table."""
    names = {label.id: label.name for label in outcome.package.manifest.labels}
    for kept in outcome.pictures():
        row = outcome.row_of(kept.cells)
        frame = f" #{row.frame}" if row.frame > 1 else ""
        name = row.path.replace("\\", "/").rpartition("/")[2] + frame
        found = strongest(row)
        shown = found or next(each for each in row.scores if each.label == row.top_label)
        words = WITHHELD if withheld_because(row) else f"{names[shown.label]} {shown.probability:.2f}"
        yield Tile(kept.thumbnail, name, words, is_positive=found is not None)


def strongest(row: ScoreRow) -> LabelScore | None:
    """Give the likeliest label that is positive and says that something was found; None where there is none, or none to be believed."""
    raised = [] if withheld_because(row) else [score for score in remarkable(row) if score.is_positive]
    return max(raised, key=lambda score: score.probability, default=None)
