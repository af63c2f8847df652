"""Whether the scores of a row should be kept back, by the same words as in the window."""

from __future__ import annotations

from cxrview.batch.row import ScoreRow, Status
from cxrview.core.flags import Flag
from cxrview.core.trust import refusal

FLAGS = frozenset(map(str, Flag))


def withheld_because(row: ScoreRow) -> str:
    """Say in one sentence why nobody should believe the scores of a row; empty when nothing speaks against them, or there are none."""
    if row.status is Status.ERROR:
        return ""
    return refusal(row.in_distribution, [Flag(flag) for flag in row.flags if flag in FLAGS])
