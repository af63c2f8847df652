"""Values of DICOM attributes as plain numbers and texts; what is missing, empty or nonsense is None."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Key = str | int
"""A keyword of the dictionary, or a tag as one number (0x60000010)."""

_BYTES_OF_WORDS = (2, 4, 6)

PARSING_FAILURES = (
    *(ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, OSError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error),
)
"""What a parser of hostile bytes may raise."""


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """Data sets in which a value is looked up; the first that has it wins.

    Attributes:
        datasets: pydicom data sets (the outside package stops here, hence Any).
        is_big_endian: byte order of values that are kept as bytes.
    """

    datasets: tuple[Any, ...]
    is_big_endian: bool = False

    def value(self, key: Key) -> Any:  # pydicom's values have many types; the other methods narrow them
        """Give the raw value, None when absent, empty or impossible to parse."""
        for dataset in self.datasets:
            try:
                if key in dataset:
                    value = dataset[key].value
                    if value is not None and value != "" and value != b"":
                        return value
            except PARSING_FAILURES:
                continue
        return None

    def has(self, key: Key) -> bool:
        """Tell whether there is a value."""
        return self.value(key) is not None

    def text(self, key: Key) -> str:
        """Give a value as text, several joined by a backslash as in the file; empty when there is none."""
        value = self.value(key)
        parts = value if _is_several(value) else [] if value is None else [value]
        return "\\".join(str(part) for part in parts).strip(" \0")

    def texts(self, key: Key) -> tuple[str, ...]:
        """Give the values as texts."""
        return tuple(part.strip() for part in self.text(key).split("\\") if part.strip())

    def numbers(self, key: Key) -> tuple[float, ...]:
        """Give the values as finite numbers; none when one of them is no number."""
        value = self.value(key)
        try:
            if isinstance(value, bytes):  # of unknown VR: two bytes a number where that is possible
                numbers = tuple(map(float, self.words(value))) if len(value) in _BYTES_OF_WORDS else ()
            else:
                numbers = tuple(float(part) for part in (value if _is_several(value) else [] if value is None else [value]))
        except PARSING_FAILURES:
            return ()
        return numbers if all(math.isfinite(number) for number in numbers) else ()

    def number(self, key: Key) -> float | None:
        """Give the first value as a finite number."""
        numbers = self.numbers(key)
        return numbers[0] if numbers else None

    def integers(self, key: Key) -> tuple[int, ...]:
        """Give the values as whole numbers; none when one of them is not."""
        numbers = self.numbers(key)
        return tuple(int(number) for number in numbers) if all(number == int(number) for number in numbers) else ()

    def integer(self, key: Key) -> int | None:
        """Give the first value as a whole number."""
        integers = self.integers(key)
        return integers[0] if integers else None

    def items(self, key: Key) -> tuple[Attributes, ...]:
        """Give the items of a sequence."""
        value = self.value(key)
        if value is None or isinstance(value, str | bytes | int | float):
            return ()
        try:
            return tuple(Attributes((item,), self.is_big_endian) for item in value if hasattr(item, "iterall"))
        except PARSING_FAILURES:
            return ()

    def words(self, data: bytes) -> npt.NDArray[np.uint16]:
        """View bytes as 16-bit words of the file's byte order."""
        return np.frombuffer(data[: len(data) // 2 * 2], ">u2" if self.is_big_endian else "<u2").astype(np.uint16)

    def table(self, key: Key) -> npt.NDArray[np.uint16]:
        """Give a table of 16-bit entries, whether the file keeps it as numbers or as bytes; empty when there is none."""
        value = self.value(key)
        if isinstance(value, bytes):
            return self.words(value)
        return np.array([entry & 0xFFFF for entry in self.integers(key)], dtype=np.uint16)


def _is_several(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes) and not hasattr(value, "family_name")
