"""A table of texts, read from CSV, TSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrview.core.errors import DataError

SUFFIXES = (".csv", ".tsv", ".parquet")
DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Rows of texts by column; every row has every column."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """Give the values of a column; none when there is no such column."""
        return tuple(row[name] for row in self.rows) if name in self.columns else ()


def read_sheet(path: Path, *, most: int = 0) -> Sheet:
    """Read a table; with `most`, no more than so many rows.

    Raises:
        DataError: the file cannot be read or is no table.
    """
    try:
        return _of_parquet(path, most) if path.suffix.lower() == ".parquet" else _of_text(_decoded(path.read_bytes()), most)
    except (OSError, csv.Error, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a table"
        raise DataError(f"The table cannot be read ({reason}).", hint="Save it again as CSV, UTF-8.", subject=str(path)) from error


def _decoded(content: bytes) -> str:
    """Decode what spreadsheet programs write: UTF-8 with or without a mark, UTF-16 with one, else Windows' own."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _of_text(text: str, most: int) -> Sheet:
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = tuple(name.strip() for name in next(lines, []))
    rows: list[Mapping[str, str]] = []
    for line in lines:
        if most and len(rows) == most:
            break
        if any(line):
            filled = [*line, *[""] * (len(columns) - len(line))]
            rows.append(dict(zip(columns, filled, strict=False)))
    return Sheet(columns, tuple(rows))


def _of_parquet(path: Path, most: int) -> Sheet:
    from pyarrow import parquet

    table = parquet.read_table(path)
    if most:
        table = table.slice(0, most)
    columns = tuple(str(name) for name in table.column_names)
    values: Sequence[Mapping[str, object]] = table.to_pylist()
    return Sheet(columns, tuple({name: _text(row[name]) for name in columns} for row in values))


def _text(value: object) -> str:
    return "" if value is None else str(value)
