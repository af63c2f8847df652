"""A table that is complete as an outcome again, so that a report can be made of it later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrview.batch.journal import Counts, NumberedRow
from cxrview.batch.outcome import Outcome
from cxrview.batch.plan import Plan
from cxrview.batch.row import ModelName, ScoreRow, cells
from cxrview.batch.run import record_path
from cxrview.batch.supervisor import Ready, Task
from cxrview.batch.table_read import Places, TableFile, open_table
from cxrview.core.errors import DataError
from cxrview.core.image import ImageRef
from cxrview.engine.packages import Package, installed_packages


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of a table with the number of their file: rows of one file stand together."""

    table: TableFile

    def numbered(self) -> Iterator[NumberedRow]:
        number, place, last = 0, 0, ""
        for row in self.table.rows():
            number, place = (number, place + 1) if number and row.path == last else (number + 1, 0)
            last = row.path
            yield NumberedRow(number, place, tuple(cells(row, self.table.labels).values()))


def outcome_of(path: Path) -> Outcome:
    """Give what a report is made of.

    Raises:
        DataError: it is no score table, has no rows, or its model is not installed.
    """
    table = open_table(path)
    rows = _Rows(table)
    files: list[str] = []
    count, last = 0, None
    for row in table.rows():
        count += 1
        if not files or row.path != files[-1]:
            files.append(row.path)
        last = row if row.engine or last is None else last
    if last is None:
        raise DataError("the table has no rows.", hint="Score a folder first.", subject=str(path))
    package, record, places = _package(last.model, path), _record(path), Places(path)

    def task_of(number: int) -> Task:
        where = places.of(files[number - 1])
        return Task(number, ImageRef(where.path, where.member))

    return Outcome(
        package=package,
        plan=Plan(model=str(package.folder), inputs=(path.name,), has_lungs=bool(record.get("engine", {}).get("has_lungs", True))),
        ready=_ready(last),
        counts=Counts(len(files), len(files), count, int(record.get("counts", {}).get("others", 0))),
        numbered_rows=rows.numbered,
        task_of=task_of,
        pictures=lambda: iter(()),
    )


def _ready(row: ScoreRow) -> Ready:
    return Ready(row.engine, row.device, (), 0, 0, has_lungs=False)


def _package(model: ModelName, path: Path) -> Package:
    same: Sequence[Package] = [each for each in installed_packages() if each.manifest.id == model.id and each.sha256 == model.sha256]
    if not same:
        raise DataError(
            f"it was scored by {model.id} {model.version}, which is not installed.",
            hint="Add that model, or score the images again.",
            subject=str(path),
        )
    return same[0]


def _record(path: Path) -> dict[str, Any]:  # Any: JSON
    try:
        found = json.loads(record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
