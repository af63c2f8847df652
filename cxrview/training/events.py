"""The log of a run: one JSON object a line, appended and flushed, so that any process can follow it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

Value = str | int | float | bool | None | list[str] | dict[str, float]


class EventLog:
    """Append events to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: str, **values: Value) -> None:
        """Append one event with the time in seconds since 1970; numbers that are not finite become null."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **{key: _finite(value) for key, value in values.items()}})
        with self._path.open("a+b") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 1))
            is_torn = size > 0 and stream.read(1) != b"\n"  # the writer before was killed in the middle of a line
            stream.write((b"\n" if is_torn else b"") + line.encode() + b"\n")


def read_events(path: Path) -> Iterator[dict[str, Value]]:
    """Yield the events of a run; a line that is still being written, or was cut off, is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if line.endswith("\n"):
                with suppress(ValueError):
                    yield json.loads(line)


def _finite(value: Value) -> Value:
    if isinstance(value, float):
        return round(value, 6) if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: round(number, 6) for key, number in value.items() if abs(number) < float("inf")}
    return value
