"""Decoding of compressed streams; the one place that knows imagecodecs."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import UnreadableImage
from cxrview.io.codestreams import Codestream, Family, read_codestream
from cxrview.io.limits import Limits, check_bytes, check_dimensions, check_ratio
from cxrview.io.swallowed import swallowed_errors

Samples = npt.NDArray[Any]
"""(rows, columns) or (rows, columns, samples), as the stream stores them: the width and sign are the codec's, hence Any."""

Result = TypeVar("Result")

_DAMAGED = "The file is damaged; copy it again or ask for it to be sent again."
_THREADS = 2
"""Threads for JPEG 2000, ten times slower than the other codecs: halves the wait, and costs little where all cores are busy."""


def decode_stream(data: bytes, limits: Limits, *, is_luminance: bool = False) -> Samples:
    """Decode a JPEG, JPEG-LS or JPEG 2000 stream without changing its colour space, except that of JPEG 2000 to RGB.

    Args:
        data: the stream.
        limits: what to refuse.
        is_luminance: the stream is stored as luminance and chroma, and luminance alone will do; quicker for JPEG.
    """
    stream = read_codestream(data)
    check_dimensions(stream.width, stream.height, limits)
    decoded_bytes = stream.width * stream.height * stream.components * (2 if stream.precision > 8 else 1)
    check_bytes(decoded_bytes, limits)
    check_ratio(decoded_bytes, len(data), limits)
    if not stream.is_complete:
        raise UnreadableImage(f"The {stream.family} stream is cut short: its end marker is missing.", hint=_DAMAGED)
    if stream.precision > 16:
        raise UnreadableImage(
            f"The {stream.family} stream holds {stream.precision} bits a sample; at most 16 are read.", hint="Convert it to 16 bits."
        )
    decode = _decoder(stream, is_luminance=is_luminance)
    samples = _guarded(stream.family, lambda: decode(data))
    if samples.shape[:2] != (stream.height, stream.width):
        raise UnreadableImage(f"The {stream.family} stream decodes to another size than it declares.", hint=_DAMAGED)
    return samples


def _decoder(stream: Codestream, *, is_luminance: bool) -> Callable[[bytes], Samples]:
    import imagecodecs

    match stream.family:
        case Family.JPEG if stream.components == 3 and is_luminance:
            return lambda data: imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="GRAYSCALE")
        case Family.JPEG | Family.JPEG_LOSSLESS if stream.components == 3:
            return lambda data: imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
        case Family.JPEG | Family.JPEG_LOSSLESS:  # libjpeg-turbo: twice as fast as liblj92, which trusts hostile streams
            return imagecodecs.jpeg8_decode
        case Family.JPEG_LS:
            return imagecodecs.jpegls_decode
        case Family.JPEG_2000:
            return lambda data: imagecodecs.jpeg2k_decode(data, numthreads=_THREADS)
        case Family.HTJ2K:
            return _decode_htj2k


def _decode_htj2k(data: bytes) -> Samples:
    """Decode by OpenJPH.

    WORKAROUND(https://github.com/cgohlke/imagecodecs): errors inside the code blocks are printed, not raised, and the array comes back
    half filled.
    """
    import imagecodecs

    with swallowed_errors() as errors:
        samples = imagecodecs.htj2k_decode(data)
    if errors:
        raise errors[0]
    return samples


def decode_rle(data: bytes, *, dtype: str, samples: int, rows: int, columns: int) -> Samples:
    """Decode DICOM RLE to (samples, rows, columns)."""
    import imagecodecs

    _check_rle_header(data, segments=samples * np.dtype(dtype).itemsize)
    decoded = _guarded("RLE", lambda: imagecodecs.dicomrle_decode(data, dtype))
    wanted = samples * rows * columns
    if len(decoded) < wanted * np.dtype(dtype).itemsize:
        raise UnreadableImage("The RLE stream is cut short.", hint=_DAMAGED)
    return np.frombuffer(decoded, dtype, wanted).reshape(samples, rows, columns)


_RLE_HEADER = 64


def _check_rle_header(data: bytes, *, segments: int) -> None:
    """Refuse a header (PS3.5 G.5) that leads outside the stream: the decoder would follow it."""
    header = struct.unpack_from("<16L", data.ljust(_RLE_HEADER, b"\0"))
    starts = (*header[1 : segments + 1], len(data))
    if header[0] != segments or starts[0] < _RLE_HEADER or any(first >= last for first, last in pairwise(starts)):
        raise UnreadableImage("The RLE stream has a header that does not fit the picture.", hint=_DAMAGED)


def inflate(data: bytes, limits: Limits) -> bytes:
    """Unpack a deflated DICOM data set or frame within the limits."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(data, limits.max_bytes + 1)
    except zlib.error as error:
        raise UnreadableImage("The deflated part of the file cannot be unpacked.", hint=_DAMAGED) from error
    check_bytes(len(unpacked), limits)
    check_ratio(len(unpacked), len(data), limits)
    if not unpacker.eof:
        raise UnreadableImage("The deflated part of the file is cut short.", hint=_DAMAGED)
    return unpacked


def decode_png(data: bytes) -> Samples:
    """Decode a PNG to its channels; palettes become RGB."""
    import imagecodecs

    return _guarded("PNG", lambda: imagecodecs.png_decode(data))


def decode_webp(data: bytes) -> Samples:
    """Decode the first picture of a WebP file to RGB or RGBA."""
    import imagecodecs

    return _guarded("WebP", lambda: imagecodecs.webp_decode(data))


def decode_tiff(data: bytes, page: int, *, is_rgb: bool) -> Samples:
    """Decode a page of a TIFF file to its stored samples, or to RGBA where the colours need libtiff."""
    import imagecodecs

    return _guarded("TIFF", lambda: imagecodecs.tiff_decode(data, page, asrgb=is_rgb))


@cache
def _silence() -> None:
    """Keep the codecs' remarks, which name no file, from the user; what matters they raise."""
    logger = logging.getLogger("imagecodecs")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def _guarded(what: str, decode: Callable[[], Result]) -> Result:
    """Turn whatever a codec raises into a sentence."""
    _silence()
    try:
        return decode()
    except MemoryError as error:
        raise UnreadableImage(f"There is not enough memory to decode the {what} picture.", hint="Close other programs.") from error
    except (ArithmeticError, AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnreadableImage(f"The {what} picture cannot be decoded ({reason}).", hint=_DAMAGED) from error
