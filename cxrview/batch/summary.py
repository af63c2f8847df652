"""What came out of a batch, counted, in a few lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cxrview.batch.row import ScoreRow, Status

REASONS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Reason:
    """Why images have no score, and how many of them."""

    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The count of a batch.

    Attributes:
        reasons: most frequent first.
        others: files met that are neither picture nor DICOM.
        flagged: scored images with at least one flag.
    """

    scored: int
    errors: int
    others: int
    flagged: int
    reasons: tuple[Reason, ...]
    top_labels: tuple[Reason, ...]

    @property
    def total(self) -> int:
        """Rows."""
        return self.scored + self.errors


class Tally:
    """Counts rows as they come."""

    def __init__(self) -> None:
        self._statuses: Counter[Status] = Counter()
        self._reasons: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._flagged = 0

    def add(self, rows: Iterable[ScoreRow]) -> None:
        """Count some rows."""
        for row in rows:
            self._statuses[row.status] += 1
            if row.status is Status.ERROR:
                self._reasons[row.error] += 1
            else:
                self._labels[row.top_label] += 1
                self._flagged += bool(row.flags)

    def summary(self, *, others: int) -> Summary:
        """Give the count so far."""
        return Summary(
            scored=self._statuses[Status.OK],
            errors=self._statuses[Status.ERROR],
            others=others,
            flagged=self._flagged,
            reasons=_sorted_reasons(self._reasons),
            top_labels=_sorted_reasons(self._labels),
        )


def summary_lines(summary: Summary) -> tuple[str, ...]:
    """Tell the count in words."""
    lines = [f"{counted(summary.scored, 'image')} scored, {counted(summary.errors, 'error')}"]
    if summary.top_labels:
        lines.append("top label: " + ", ".join(f"{each.text} {each.count}" for each in summary.top_labels))
    if summary.flagged:
        lines.append(f"{counted(summary.flagged, 'image')} flagged (column `flags`)")
    lines += [f"  {each.count} × {each.text}" for each in summary.reasons[:REASONS_SHOWN]]
    if len(summary.reasons) > REASONS_SHOWN:
        left = summary.reasons[REASONS_SHOWN:]
        lines.append(f"  {sum(each.count for each in left)} × {counted(len(left), 'other reason')} (column `error`)")
    if summary.others:
        lines.append(f"{counted(summary.others, 'other file')} left alone (no picture, no DICOM)")
    return tuple(lines)


def counted(number: int, noun: str) -> str:
    """Give `1 image`, `2,000 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _sorted_reasons(counts: Counter[str]) -> tuple[Reason, ...]:
    return tuple(Reason(text, count) for text, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
