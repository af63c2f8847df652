"""From the samples of a DICOM frame, as they lie in the file, to values that are never negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import UnreadableImage
from cxrview.core.image import Fact, StoredArray

Samples = npt.NDArray[Any]
"""Integers of the width and sign that the codec or the file gives."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the pixels of a DICOM file are laid out (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    is_planar: bool
    photometric: str
    frames: int

    @property
    def frame_samples(self) -> int:
        """Samples of one uncompressed frame; YBR_FULL_422 stores two where others store three."""
        pixels = self.rows * self.columns
        return pixels * 2 if self.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422") and self.samples == 3 else pixels * self.samples

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame."""
        return self.frame_samples * self.bits_allocated


@dataclass(frozen=True, slots=True, eq=False)
class StoredValues:
    """Values with their offset and bits, as `Pixels` wants them."""

    values: StoredArray
    bits: int
    offset: int
    facts: tuple[Fact, ...] = ()


def unpack_native(data: npt.NDArray[np.uint8], form: PixelFormat, *, is_big_endian: bool, skip_bits: int = 0) -> Samples:
    """View the bytes of an uncompressed frame as (rows, columns) or (rows, columns, samples).

    Args:
        data: at least the bytes of the frame, contiguous.
        form: the layout.
        is_big_endian: byte order of 16-bit samples.
        skip_bits: bits before the frame in the first byte, for frames of single bits.
    """
    count = form.frame_samples
    match form.bits_allocated:
        case 1:
            bits = np.unpackbits(data, bitorder="little")
            flat: Samples = bits[skip_bits : skip_bits + count]
        case 8:
            flat = data[:count]
        case 12:
            flat = _unpack_12_bits(data, count)
        case _:
            flat = data[: 2 * count].view(">u2" if is_big_endian else "<u2")
    return _arranged(flat.astype(flat.dtype.newbyteorder("="), copy=False), form)


def _unpack_12_bits(packed: npt.NDArray[np.uint8], count: int) -> Samples:
    """Unpack the retired layout of two 12-bit samples in three bytes, least significant bits first."""
    padded = np.zeros((count + 1) // 2 * 3, dtype=np.uint16)
    padded[: min(packed.size, padded.size)] = packed[: padded.size]
    first, second, third = padded[0::3], padded[1::3], padded[2::3]
    pairs = np.stack((first | (second & 0x0F) << 8, second >> 4 | third << 4), axis=-1)
    return pairs.reshape(-1)[:count]


def _arranged(flat: Samples, form: PixelFormat) -> Samples:
    if form.samples == 1:
        return flat.reshape(form.rows, form.columns)
    if form.frame_samples != form.rows * form.columns * form.samples:
        return flat.reshape(-1, 4)[:, :2].reshape(form.rows, form.columns, 1)  # Y1 Y2 Cb Cr: luma alone
    if form.is_planar:
        return np.moveaxis(flat.reshape(form.samples, form.rows, form.columns), 0, -1)
    return flat.reshape(form.rows, form.columns, form.samples)


def stored_from_native(raw: Samples, form: PixelFormat) -> StoredValues:
    """Cut the stored bits out of uncompressed (or RLE) samples, wherever they lie; other bits (overlays) are dropped."""
    shift = form.high_bit + 1 - form.bits_stored
    bits = form.bits_stored
    facts: tuple[Fact, ...] = ()
    if shift > 0:
        raw = raw >> shift
        facts = (Fact("bits", f"bits {shift} to {form.high_bit} of {form.bits_allocated} used"),)
    return StoredValues(_unsigned(raw, bits, is_signed=form.is_signed), bits, _offset(bits, is_signed=form.is_signed), facts)


def stored_from_codec(decoded: Samples, form: PixelFormat, *, is_lossless: bool) -> StoredValues:
    """Fit decoded samples, which are right-aligned whatever the header says, into the stored bits.

    Lossy compression may overshoot the range: that is clipped. A lossless stream with more bits than the header states is believed.
    """
    if decoded.dtype.itemsize > 2 or decoded.dtype.kind not in "iu":
        raise UnreadableImage(f"The decoded samples are {decoded.dtype}; at most 16 bits are read.", hint="Convert the picture to 16 bits.")
    bits = form.bits_stored
    raw = decoded.view(f"u{decoded.dtype.itemsize}")
    facts: tuple[Fact, ...] = ()
    if not form.is_signed and decoded.dtype.kind == "u" and decoded.size:
        needed = int(decoded.max()).bit_length()
        if needed > bits and is_lossless:
            facts = (Fact("bits", f"{needed} bits found where the header states {bits}"),)
            bits = needed
        elif needed > bits:
            facts = (Fact("bits", f"overshoot of lossy compression clipped to {bits} bits"),)
            raw = np.minimum(raw, 2**bits - 1)
    return StoredValues(_unsigned(raw, bits, is_signed=form.is_signed), bits, _offset(bits, is_signed=form.is_signed), facts)


def _offset(bits: int, *, is_signed: bool) -> int:
    return -(1 << (bits - 1)) if is_signed else 0


def _unsigned(raw: Samples, bits: int, *, is_signed: bool) -> StoredArray:
    """Mask to the stored bits and shift two's complement so that the smallest value is 0."""
    width = 8 * raw.dtype.itemsize
    if is_signed:
        half = raw.dtype.type(1 << (bits - 1))
        raw = raw ^ half if bits == width else (raw & raw.dtype.type((1 << bits) - 1)) ^ half
    elif bits < width and raw.size and int(raw.max()) >> bits:
        raw = raw & raw.dtype.type((1 << bits) - 1)
    return raw.astype(np.uint8, order="C", copy=False) if bits <= 8 else raw.astype(np.uint16, order="C", copy=False)
