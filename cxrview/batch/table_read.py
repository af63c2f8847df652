"""Score tables read back, whatever their kind, and the files that their rows speak of."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cxrview.batch.names import from_utf8
from cxrview.batch.row import FIXED_COLUMNS, Cell, ScoreRow, row_of
from cxrview.batch.run import record_path
from cxrview.batch.tables import parquet_columns, parquet_rows
from cxrview.core.errors import DataError

YES_NO = "positive_"
TEXTS = frozenset(FIXED_COLUMNS) - {"frame", "in_distribution"}


@dataclass(frozen=True, slots=True)
class TableFile:
    """A score table: its file and its labels in order."""

    path: Path
    labels: tuple[str, ...]

    def rows(self) -> Iterator[ScoreRow]:
        """Give its rows, in order.

        Raises:
            DataError: a row is not as the columns say.
        """
        for number, found in enumerate(_READERS[self.path.suffix.lower()][1](self.path), start=1):
            try:
                yield row_of(found, self.labels)
            except (KeyError, ValueError, TypeError) as error:
                raise DataError(
                    f"row {number} of the table cannot be read.", hint="Score the images again.", subject=str(self.path)
                ) from error


def open_table(path: Path) -> TableFile:
    """Look at the columns of a table.

    Raises:
        DataError: it is none of ours.
    """
    kind = _READERS.get(path.suffix.lower())
    if kind is None:
        raise DataError("this is no score table.", hint=f"Its name must end with {', '.join(_READERS)}.", subject=str(path))
    try:
        columns = kind[0](path)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError("the table cannot be read.", hint="It may be damaged, or no table at all.", subject=str(path)) from error
    if not set(FIXED_COLUMNS) <= set(columns):
        raise DataError("this is no score table: columns are missing.", hint="Take one that `cxrview score` wrote.", subject=str(path))
    return TableFile(path, tuple(name[2:] for name in columns if name.startswith("p_")))


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where the image of a row lies: the file, and the member of it where that is an archive."""

    path: Path
    member: str


class Places:
    """Finds the files of a table's rows: relative paths start where the table was made, else beside it."""

    def __init__(self, table: Path) -> None:
        self._folder = _folder_of(table)
        self._is_file = lru_cache(maxsize=1024)(Path.is_file)

    def of(self, text: str) -> FilePlace:
        """Give the file behind a row's `path`."""
        literal = self._of(text)
        name = from_utf8(text)
        return literal if name == text or self._is_file(literal.path) else self._of(name)

    def _of(self, text: str) -> FilePlace:
        at = text.find("!")
        while at > 0:
            path = self._folder / text[:at]
            if self._is_file(path):
                return FilePlace(path, text[at + 1 :])
            at = text.find("!", at + 1)
        return FilePlace(self._folder / text, "")


def _folder_of(table: Path) -> Path:
    try:
        folder = json.loads(record_path(table).read_text(encoding="utf-8")).get("folder", "")
    except (OSError, ValueError, AttributeError):
        folder = ""
    return Path(folder) if folder else table.absolute().parent


def _csv_columns(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8", newline="", errors="surrogateescape") as stream:
        return tuple(next(csv.reader(stream), []))


def _csv_rows(path: Path) -> Iterator[Mapping[str, Cell]]:
    with path.open(encoding="utf-8", newline="", errors="surrogateescape") as stream:
        for row in csv.DictReader(stream):
            yield {name: _csv_cell(name, text) for name, text in row.items()}


def _csv_cell(name: str, text: str) -> Cell:
    if text == "":
        return None
    if name in TEXTS:
        return text
    return text == "1" if name.startswith(YES_NO) else float(text)


def _json_columns(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8") as stream:
        first = stream.readline()
    return tuple(json.loads(first)) if first else ()


def _json_rows(path: Path) -> Iterator[Mapping[str, Cell]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


_READERS = {".csv": (_csv_columns, _csv_rows), ".jsonl": (_json_columns, _json_rows), ".parquet": (parquet_columns, parquet_rows)}
