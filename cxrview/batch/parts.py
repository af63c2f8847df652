"""A batch in parts that different machines can do: lists of files, and the rows of each as a Parquet file, in one shared folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cxrview.batch.row import Cell, columns
from cxrview.batch.supervisor import Supervisor, Task
from cxrview.batch.tables import Table, parquet_rows
from cxrview.batch.worker import ref_from_wire, ref_to_wire
from cxrview.io.atomic import write_text

FILES_IN_A_PART = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where its list stands, and where its rows go."""

    number: int
    folder: Path

    @property
    def list_path(self) -> Path:
        """The files, one JSON line each."""
        return self.folder / f"part-{self.number:06}.files"

    @property
    def rows_path(self) -> Path:
        """The rows; there when the part is done."""
        return self.folder / f"part-{self.number:06}.parquet"

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.rows_path.exists()


def parts_folder(output: Path) -> Path:
    """Say where the parts of a table lie while it is not complete."""
    return output.with_name(f"{output.name}.parts")


def write_parts(folder: Path, tasks: Iterable[Task], *, size: int = FILES_IN_A_PART) -> int:
    """Write the lists of all parts; gives how many. The same tasks give the same parts."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = iter(tasks)
    number = 0
    while piece := list(islice(waiting, size)):
        lines = "".join(json.dumps([task.number, *ref_to_wire(task.ref)]) + "\n" for task in piece)
        write_text(Part(number, folder).list_path, lines)
        number += 1
    return number


def read_part(part: Part) -> tuple[Task, ...]:
    """Read the files of a part."""
    lines = [json.loads(line) for line in part.list_path.read_text(encoding="utf-8").splitlines()]
    return tuple(Task(number, ref_from_wire(wire)) for number, *wire in lines)


def score_part(part: Part, supervisor: Supervisor, labels: tuple[str, ...]) -> int:
    """Score the files of a part and write its rows, in the order of the files; gives how many rows. Doing it twice changes nothing."""
    found: dict[int, list[Sequence[Cell]]] = {}
    for result in supervisor.score(read_part(part)):
        if result is not None:
            found[result.task.number] = [row.cells for row in result.rows]
    names = columns(labels)
    with Table(part.rows_path, labels) as table:
        for number in sorted(found):
            for row in found[number]:
                table.write_cells(dict(zip(names, row, strict=True)))
        return table.rows


def rows_of_parts(folder: Path, count: int) -> Iterator[dict[str, Cell]]:
    """Give the rows of all parts, in order."""
    for number in range(count):
        for row in parquet_rows(Part(number, folder).rows_path):
            yield dict(row)
