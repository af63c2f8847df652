"""The pictures of a batch, as a contact sheet shows them."""

from __future__ import annotations

from collections.abc import Iterator

from cxrview.batch.outcome import Outcome
from cxrview.batch.sheet import Tile


def tiles_of(outcome: Outcome) -> Iterator[Tile]:
    """Give every scored image with its small picture, in the order of the table."""
    names = {label.id: label.name for label in outcome.package.manifest.labels}
    for kept in outcome.pictures():
        row = outcome.row_of(kept.cells)
        shown = max((score for score in row.scores if score.is_positive), key=lambda score: score.probability, default=None)
        score = shown or next(each for each in row.scores if each.label == row.top_label)
        frame = f" #{row.frame}" if row.frame > 1 else ""
        name = row.path.replace("\\", "/").rpartition("/")[2] + frame
        yield Tile(kept.thumbnail, name, f"{names[score.label]} {score.probability:.2f}", is_positive=score.is_positive)
