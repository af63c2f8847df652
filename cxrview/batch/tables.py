"""Tables of score rows as CSV, JSON Lines and Parquet; a table appears under its name only when it is complete. Knows pyarrow."""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

from cxrview.batch.names import to_utf8
from cxrview.batch.row import Cell, ScoreRow, cells, columns
from cxrview.core.errors import UsageError

ROWS_IN_A_GROUP = 2048


class RowSink(Protocol):
    """Takes rows, in order, then is finished."""

    def write(self, row: Mapping[str, Cell]) -> None:
        """Take one row."""

    def finish(self) -> None:
        """Bring everything to the disk."""


class Table:
    """A table being written; use it as a context.

    Leaving the context normally gives the file its name. After an interruption or an error what was written stays beside it,
    as `NAME.partial.SUFFIX`; an older file of the wanted name is as it was.
    """

    def __init__(self, target: Path, labels: tuple[str, ...]) -> None:
        check_target(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target = target
        self.rows = 0
        self._labels = labels
        self._temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        self._sink = SINKS[target.suffix.lower()](self._temporary, labels)

    def write(self, row: ScoreRow) -> None:
        """Take one row."""
        self.write_cells(cells(row, self._labels))

    def write_cells(self, found: Mapping[str, Cell]) -> None:
        """Take one row as its cells, in the order of the columns."""
        self._sink.write(found)
        self.rows += 1

    def __enter__(self) -> Table:
        """Start."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the file its name, or keep what there is beside it."""
        self._sink.finish()
        if kind is None:
            _flush_to_disk(self._temporary)
            self._temporary.replace(self.target)
        elif self.rows:
            self._temporary.replace(partial_name(self.target))
        else:
            self._temporary.unlink()


class StandardOutput:
    """The same rows as CSV on standard output."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._sink = _CsvSink(sys.stdout, labels)

    def write(self, row: ScoreRow) -> None:
        """Take one row."""
        self._sink.write(cells(row, self._labels))

    def __enter__(self) -> StandardOutput:
        """Start."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Show everything that was written."""
        self.flush()

    def flush(self) -> None:
        """Show everything that was written so far."""
        sys.stdout.flush()


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def partial_name(target: Path) -> Path:
    """Say where the rows of a table go when the work is cut short."""
    return target.with_name(f"{target.stem}.partial{target.suffix}")


def check_target(target: Path) -> None:
    """Refuse a name that says no known kind of table.

    Raises:
        UsageError: the suffix is none of ours, or the name is a folder's.
    """
    if target.suffix.lower() not in SINKS:
        raise UsageError(f"'{target.name}' names no kind of table.", hint=f"End the file name with {', '.join(SINKS)}.")
    if target.is_dir():
        raise UsageError(f"'{target}' is a folder.", hint="Name a file.")


class _CsvSink:
    """RFC 4180 with a header; empty cells for None, 1 and 0 for yes and no, nine significant digits."""

    def __init__(self, stream: IO[str], labels: tuple[str, ...]) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(columns(labels))

    def write(self, row: Mapping[str, Cell]) -> None:
        self._writer.writerow([_csv_text(cell) for cell in row.values()])

    def finish(self) -> None:
        return


class _CsvFile(_CsvSink):
    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        super().__init__(self._stream, labels)

    def finish(self) -> None:
        self._stream.close()


class _JsonLines:
    """One object per line, every column in it, null for None."""

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:  # noqa: ARG002 - every kind of table is opened alike
        self._stream = path.open("w", encoding="utf-8", newline="\n")

    def write(self, row: Mapping[str, Cell]) -> None:
        self._stream.write(json.dumps(_as_texts(row), ensure_ascii=False, allow_nan=False) + "\n")

    def finish(self) -> None:
        self._stream.close()


class _Parquet:
    """Typed columns: text, int32, float64, bool; null for None."""

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        import pyarrow.parquet as parquet

        self._schema = _schema(labels)
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._waiting: list[Mapping[str, Cell]] = []

    def write(self, row: Mapping[str, Cell]) -> None:
        self._waiting.append(_as_texts(row))
        if len(self._waiting) >= ROWS_IN_A_GROUP:
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []


SINKS: Mapping[str, Callable[[Path, tuple[str, ...]], RowSink]] = {".csv": _CsvFile, ".jsonl": _JsonLines, ".parquet": _Parquet}


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Name the columns of a Parquet table.

    Raises:
        ValueError: it is none.
    """
    import pyarrow.parquet as parquet

    return tuple(parquet.read_schema(path).names)


def parquet_rows(path: Path) -> Iterator[Mapping[str, Cell]]:
    """Give the rows of a Parquet table; a group of them is held at a time."""
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        for group in file.iter_batches(batch_size=ROWS_IN_A_GROUP):
            yield from group.to_pylist()


def _csv_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        return f"{cell:.9g}"
    return to_utf8(str(cell))


def _as_texts(row: Mapping[str, Cell]) -> dict[str, Cell]:
    return {key: to_utf8(cell) if isinstance(cell, str) else cell for key, cell in row.items()}


def _schema(labels: tuple[str, ...]) -> Any:  # Any: pyarrow comes without types
    import pyarrow as pa

    kinds = {"frame": pa.int32(), "in_distribution": pa.float64()}
    for label in labels:
        kinds |= {f"{prefix}{label}": pa.float64() for prefix in ("p_", "logit_", "heat_in_lungs_")}
        kinds[f"positive_{label}"] = pa.bool_()
    return pa.schema([(column, kinds.get(column, pa.string())) for column in columns(labels)])
