"""What a report gathers in one walk over the rows of a batch: counts, distributions, and which images to show."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from cxrview.batch.journal import NumberedRow
from cxrview.batch.outcome import Outcome
from cxrview.batch.row import ScoreRow, Status
from cxrview.batch.withheld import withheld_because

BINS = 20
TOP_OF_LABEL = 5
FLAGGED_SHOWN = 40
FILES_OF_A_REASON = 3


@dataclass(frozen=True, slots=True)
class Picked:
    """A row that is shown with its picture."""

    place: NumberedRow
    row: ScoreRow


@dataclass(slots=True)
class Examples:
    """The first images of each reason, so that a frequent one does not leave the rare ones without a picture."""

    count: int = 0
    by_reason: dict[str, list[Picked]] = field(default_factory=dict)

    def add(self, picked: Picked, reasons: Sequence[str]) -> None:
        """Take an image; of a file with several frames only the first of each reason."""
        self.count += 1
        for reason in reasons:
            known = self.by_reason.setdefault(reason, [])
            if len(known) < FLAGGED_SHOWN and (not known or known[-1].place.number != picked.place.number):
                known.append(picked)

    def chosen(self) -> list[Picked]:
        """Give up to `FLAGGED_SHOWN` images in the order of the table: those of all reasons in turn."""
        taken: dict[tuple[int, int], Picked] = {}
        for each in chain.from_iterable(zip_longest(*self.by_reason.values())):
            if each is not None and len(taken) < FLAGGED_SHOWN:
                taken.setdefault((each.place.number, each.place.place), each)
        return [taken[place] for place in sorted(taken)]


@dataclass(slots=True)
class Gathered:
    """What one walk over the rows gathers.

    Attributes:
        believed: images whose scores are not withheld; distributions and highest cases are of these.
        best: for each label the rows with the highest probability, as a heap.
        flagged: of the believed ones those with a flag; `refused`: those whose scores are withheld.
    """

    histograms: dict[str, list[int]]
    believed: int = 0
    positives: Counter[str] = field(default_factory=Counter)
    tops: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    files_of: dict[str, list[str]] = field(default_factory=dict)
    best: dict[str, list[tuple[float, int, Picked]]] = field(default_factory=dict)
    flagged: Examples = field(default_factory=Examples)
    refused: Examples = field(default_factory=Examples)


def gathered(outcome: Outcome) -> Gathered:
    """Walk over all rows of a batch once."""
    found = Gathered({label: [0] * BINS for label in outcome.labels}, best={label: [] for label in outcome.labels})
    for numbered in outcome.numbered_rows():
        row = outcome.row_of(numbered.cells)
        found.statuses[str(row.status)] += 1
        if row.status is Status.ERROR:
            found.reasons[row.error] += 1
            names = found.files_of.setdefault(row.error, [])
            if len(names) < FILES_OF_A_REASON:
                names.append(short_path(row.path))
            continue
        take(found, Picked(numbered, row))
    return found


def take(found: Gathered, picked: Picked) -> None:
    """Count a scored row."""
    row = picked.row
    found.flags.update(row.flags)
    if withheld_because(row):
        found.refused.add(picked, reasons_of(row))
        return
    if row.flags:
        found.flagged.add(picked, row.flags)
    found.believed += 1
    found.tops[row.top_label] += 1
    for score in row.scores:
        found.histograms[score.label][min(int(score.probability * BINS), BINS - 1)] += 1
        found.positives[score.label] += score.is_positive
        heap = found.best[score.label]
        entry = (score.probability, -picked.place.number * 1_000_000 - picked.place.place, picked)
        if len(heap) < TOP_OF_LABEL:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)


def reasons_of(row: ScoreRow) -> list[str]:
    """Say what scores are withheld for, as words that many rows share."""
    return withheld_because(row).partition(": ")[2].rstrip(".").split(", and ")


def short_path(path: str) -> str:
    """Give the last two parts of a path: enough to find a file, not where everything lies."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])
