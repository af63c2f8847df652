"""What a batch came to, whichever machines scored it: its rows in order, and what reports and contact sheets need besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cxrview.batch.journal import Counts, NumberedRow
from cxrview.batch.plan import Plan
from cxrview.batch.row import Cell, ModelName, ScoreRow, columns, name_of, row_of
from cxrview.batch.supervisor import Ready, RowCells, Task
from cxrview.engine.packages import Package


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A batch that was scored to its end, and whose rows are still where they were kept.

    Attributes:
        numbered_rows: gives all rows in the order of the files, each time anew.
        task_of: gives a file by its number.
        pictures: gives the rows that have a small picture, in the same order, each time anew.
    """

    package: Package
    plan: Plan
    ready: Ready
    counts: Counts
    numbered_rows: Callable[[], Iterator[NumberedRow]]
    task_of: Callable[[int], Task]
    pictures: Callable[[], Iterator[RowCells]]

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's label ids, in order."""
        return tuple(label.id for label in self.package.manifest.labels)

    @property
    def model(self) -> ModelName:
        """Which model was asked."""
        return name_of(self.package.manifest, self.package.sha256)

    def row_of(self, found: Sequence[Cell]) -> ScoreRow:
        """Make a row of its cells."""
        return row_of(dict(zip(columns(self.labels), found, strict=True)), self.labels)

    def rows(self) -> Iterator[ScoreRow]:
        """Give all rows, in the order of the files."""
        for numbered in self.numbered_rows():
            yield self.row_of(numbered.cells)
