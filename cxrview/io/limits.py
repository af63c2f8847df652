"""How much one file may ask for, and the refusals of files that ask for more."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

from cxrview.core.errors import ImageTooLarge

_HINT = "If the file is genuine, raise the limit; otherwise it is damaged or made to exhaust memory."


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: more than this.

    The largest detectors make 20 million pixels, digitised films 60 million.

    Attributes:
        max_pixels: rows times columns of one frame.
        max_bytes: bytes held for one picture: a raster file, an unpacked archive member, a DICOM header, one frame.
        max_frames: frames of one file.
        max_members: members of one archive.
        max_ratio: unpacked bytes per packed byte of an archive member or deflated data set, beyond `ratio_free_bytes`.
        ratio_free_bytes: what any member may unpack to whatever its ratio; an all-black picture packs a thousandfold.
        seconds: time for parsing one file.
    """

    max_pixels: int = 150_000_000
    max_bytes: int = 1 << 30
    max_frames: int = 100_000
    max_members: int = 250_000
    max_ratio: int = 200
    ratio_free_bytes: int = 64 << 20
    seconds: float = 60.0


DEFAULT_LIMITS = Limits()


def check_dimensions(width: int, height: int, limits: Limits) -> None:
    """Refuse a frame of more pixels than allowed, before anything is allocated for it."""
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"The file declares {width}×{height} = {width * height:,} pixels; at most {limits.max_pixels:,} are read.", hint=_HINT
        )


def check_frames(frames: int, limits: Limits) -> None:
    """Refuse a file of more frames than allowed."""
    if frames > limits.max_frames:
        raise ImageTooLarge(f"The file declares {frames:,} frames; at most {limits.max_frames:,} are read.", hint=_HINT)


def check_bytes(count: int, limits: Limits) -> None:
    """Refuse to hold more bytes than allowed."""
    if count > limits.max_bytes:
        raise ImageTooLarge(f"The file needs {count:,} bytes at once; at most {limits.max_bytes:,} are read.", hint=_HINT)


def check_ratio(unpacked: int, packed: int, limits: Limits) -> None:
    """Refuse what unpacks to implausibly more than it occupies."""
    if unpacked > limits.ratio_free_bytes and unpacked > limits.max_ratio * max(packed, 1):
        raise ImageTooLarge(
            f"{packed:,} packed bytes unpack to {unpacked:,}, more than {limits.max_ratio} times as many: a decompression bomb.",
            hint="Do not open this file.",
        )


_LARGE_READ = 1 << 16
"""Reads beyond this are cut to what is left of the file, so that a forged length allocates nothing."""


class LimitedReader(io.BufferedReader):
    """A binary file that refuses to be read for too long, or too much of it; `readinto` is left to callers who know their size."""

    name = ""  # WORKAROUND(https://github.com/pydicom/pydicom): FileDataset asks a BufferedReader for it, and BytesIO has none

    def __init__(self, raw: io.RawIOBase | io.BytesIO, limits: Limits) -> None:
        super().__init__(raw)
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._taken = 0
        self.size = self.seek(0, io.SEEK_END)
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does, within the limits."""
        if time.monotonic() > self._deadline:
            raise ImageTooLarge(f"Parsing took longer than {self._limits.seconds:g} seconds.", hint=_HINT)
        if size is None or size < 0 or size > _LARGE_READ:
            left = max(self.size - self.tell(), 0)
            size = left if size is None or size < 0 else min(size, left)
        self._taken += size
        check_bytes(self._taken, self._limits)
        return super().read(size)
