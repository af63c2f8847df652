"""Messages between two processes: a few words as JSON, and arrays behind them as they lie in memory."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxrview.core.results import FloatArray

_LENGTH: Final = struct.Struct("<I")
_FLOAT: Final = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What one process tells the other; `arrays` are float32 of any shape."""

    words: Mapping[str, Any]  # Any: JSON
    arrays: tuple[FloatArray, ...] = ()


def write_message(stream: io.RawIOBase, words: Mapping[str, Any], arrays: Sequence[FloatArray] = ()) -> None:  # Any: JSON
    """Write one message to a pipe.

    Raises:
        OSError: nobody reads any more.
    """
    head = json.dumps({"words": words, "shapes": [each.shape for each in arrays]}).encode()
    _write(stream, _LENGTH.pack(len(head)) + head)
    for each in arrays:
        _write(stream, np.ascontiguousarray(each, dtype=_FLOAT).reshape(-1).view(np.uint8).data)


def read_message(stream: io.RawIOBase) -> Message | None:
    """Wait for one message; None when the pipe has ended, also in the middle of one."""
    length = _read(stream, _LENGTH.size)
    head = None if length is None else _read(stream, _LENGTH.unpack(length)[0])
    if head is None:
        return None
    told = json.loads(bytes(head))
    arrays = []
    for shape in told["shapes"]:
        content = _read(stream, math.prod(shape) * _FLOAT.itemsize)
        if content is None:
            return None
        arrays.append(np.frombuffer(content, dtype=_FLOAT).reshape(shape))
    return Message(told["words"], tuple(arrays))


def _write(stream: io.RawIOBase, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def _read(stream: io.RawIOBase, count: int) -> bytearray | None:
    content = bytearray(count)
    rest = memoryview(content)
    while rest:
        got = stream.readinto(rest)
        if not got:
            return None
        rest = rest[got:]
    return content
