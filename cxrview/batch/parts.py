"""A batch in parts that different machines can do: lists of files, and the rows of each as a Parquet file, in one shared folder."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cxrview.batch.journal import NumberedRow
from cxrview.batch.names import to_utf8
from cxrview.batch.row import columns, path_text
from cxrview.batch.supervisor import RowCells, Supervisor, Task
from cxrview.batch.tables import Table, parquet_rows
from cxrview.batch.worker import ref_from_wire, ref_to_wire
from cxrview.io.atomic import write_text

# Many small parts would cost lists and tables; few large ones would leave machines without work.
MOST_FILES, LEAST_FILES, PARTS = 500, 16, 64


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
    def pictures_path(self) -> Path:
        """The small pictures of its rows, one JSON line each; there only where they were asked for."""
        return self.folder / f"part-{self.number:06}.pictures"

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.rows_path.exists()


def parts_folder(output: Path) -> Path:
    """Say where the parts of a table lie while it is not complete."""
    return output.with_name(f"{output.name}.parts")


def part_size(files: int) -> int:
    """Say how many files a part has: as many parts as keep a few machines busy, until they have five hundred files each."""
    return min(MOST_FILES, max(LEAST_FILES, files // PARTS))


def write_parts(folder: Path, tasks: Iterable[Task], *, size: int = MOST_FILES) -> int:
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
    found: dict[int, Sequence[RowCells]] = {}
    for result in supervisor.score(read_part(part)):
        if result is not None:
            found[result.task.number] = result.rows
    names = columns(labels)
    rows = [row for number in sorted(found) for row in found[number]]
    if any(row.thumbnail for row in rows):
        write_text(part.pictures_path, "".join(base64.b64encode(row.thumbnail).decode() + "\n" for row in rows))
    with Table(part.rows_path, labels) as table:
        for row in rows:
            table.write_cells(dict(zip(names, row.cells, strict=True)))
        return table.rows


def rows_of_parts(folder: Path, count: int) -> Iterator[NumberedRow]:
    """Give the rows of all parts, in order, each with the file it belongs to."""
    for number in range(count):
        part = Part(number, folder)
        numbers = {to_utf8(path_text(task.ref)): task.number for task in read_part(part)}
        places: Counter[int] = Counter()
        for row in parquet_rows(part.rows_path):
            file = numbers[str(row["path"])]
            yield NumberedRow(file, places[file], tuple(row.values()))
            places[file] += 1


def pictures_of_parts(folder: Path, count: int) -> Iterator[RowCells]:
    """Give the rows that have a small picture, in order."""
    for number in range(count):
        part = Part(number, folder)
        if not part.pictures_path.exists():
            continue
        with part.pictures_path.open(encoding="ascii") as lines:
            for row, line in zip(parquet_rows(part.rows_path), lines, strict=True):
                if line.strip():
                    yield RowCells(tuple(row.values()), base64.b64decode(line))
