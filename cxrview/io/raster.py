"""PNG, JPEG, TIFF, BMP, WebP and JPEG 2000 files to `Pixels`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import UnreadableImage
from cxrview.core.image import Fact, ImageInfo, Pixels, StoredArray, read_only
from cxrview.io.codecs import decode_png, decode_stream, decode_tiff, decode_webp
from cxrview.io.codestreams import read_codestream
from cxrview.io.dicom import Tag
from cxrview.io.limits import Limits, check_bytes, check_dimensions, check_ratio
from cxrview.io.luminance import is_colourless, luminance_fact, luminance_of_rgb, over_black
from cxrview.io.sniff import Kind
from cxrview.io.tiff import Directory, read_directories

_CONVERT: Final = "Save it as PNG or TIFF with 8 or 16 bits."
_DAMAGED: Final = "The file is damaged; copy it again."
_ORIENTATION: Final = 0x0112
_ORIENTATION_WORDS: Final = {
    2: "mirrored left to right",
    3: "turned by 180°",
    4: "mirrored top to bottom",
    5: "transposed",
    6: "turned clockwise by 90°",
    7: "transposed across",
    8: "turned anticlockwise by 90°",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """Decoded samples and what the container says about them.

    Attributes:
        samples: (rows, columns) or (rows, columns, channels).
        format: for people.
        space: colour space of the channels, when not RGB.
        orientation: EXIF orientation, 1 to 8.
        bits: bits of a sample, 0 when all of them.
    """

    samples: npt.NDArray[Any]  # bool, uint8, uint16 or what must be refused
    format: str
    space: str = "RGB"
    orientation: int = 1
    bits: int = 0
    offset: int = 0
    is_inverted: bool = False
    frames: int = 1
    facts: tuple[Fact, ...] = ()


def read_raster(data: bytes, kind: Kind, frame: int, limits: Limits) -> Pixels:
    """Decode a raster file; only TIFF has more than one frame."""
    check_bytes(len(data), limits)
    picture = _read_picture(data, kind, frame, limits)
    values, facts = _gray(picture)
    values, turned = _oriented(values, picture.orientation)
    return Pixels(
        values=cast(StoredArray, read_only(values)),
        bits=max(picture.bits, int(values.max()).bit_length()) if picture.bits else 8 * values.itemsize,
        offset=picture.offset,
        is_inverted=picture.is_inverted,
        info=ImageInfo(format=picture.format),
        frames=picture.frames,
        facts=(*picture.facts, *facts, *turned),
    )


def count_pages(data: bytes, kind: Kind, limits: Limits) -> int:
    """Tell how many frames a raster file has."""
    return len(read_directories(data, limits)) if kind is Kind.TIFF else 1


def read_raster_tags(data: bytes, kind: Kind, limits: Limits) -> tuple[Tag, ...]:
    """List the EXIF entries of a JPEG, or the entries of a TIFF file's first page."""
    block = data if kind is Kind.TIFF else read_codestream(data).exif if kind is Kind.JPEG else b""
    if not block:
        return ()
    directory = read_directories(block, limits)[0]
    found = {tag: ("ASCII", text) for tag, text in directory.texts.items()}
    found |= {tag: ("INT", "\\".join(map(str, numbers[:16]))) for tag, numbers in directory.integers.items()}
    return tuple(Tag(f"{tag:04X}", _TAG_NAMES.get(tag, ""), vr, text) for tag, (vr, text) in sorted(found.items()))


def _read_picture(data: bytes, kind: Kind, frame: int, limits: Limits) -> _Picture:
    if frame and kind is not Kind.TIFF:
        raise UnreadableImage(f"The file has 1 frame; frame {frame + 1} was asked for.", hint="Choose frame 1.")
    match kind:
        case Kind.PNG:
            return _read_png(data, limits)
        case Kind.JPEG:
            return _read_jpeg(data, limits)
        case Kind.JPEG_2000:
            return _read_jpeg_2000(data, limits)
        case Kind.TIFF:
            return _read_tiff(data, frame, limits)
        case Kind.BMP:
            return _read_bmp(data, limits)
        case Kind.WEBP:
            return _read_webp(data, limits)
    raise UnreadableImage(f"{kind} is no picture format.", hint=_CONVERT)


def _read_png(data: bytes, limits: Limits) -> _Picture:
    width, height, depth, colour = _unpacked(">LLBB", data, 16, "PNG")
    channels = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}.get(colour, 4)
    _check(width, height, channels * (2 if depth > 8 else 1), limits, packed=len(data))
    return _Picture(decode_png(data), f"PNG, {depth} bit")


def _read_jpeg(data: bytes, limits: Limits) -> _Picture:
    stream = read_codestream(data)
    if stream.components not in (1, 3):
        raise UnreadableImage(f"The JPEG has {stream.components} colour components (as for print); 1 or 3 are read.", hint=_CONVERT)
    is_luma = stream.components == 3 and stream.is_rgb is not True
    samples = decode_stream(data, limits, is_luminance=is_luma)
    return _Picture(
        samples,
        f"{stream.family}, {stream.precision} bit",
        space="YCbCr" if is_luma else "RGB",
        orientation=_exif_orientation(stream.exif, limits),
        bits=stream.precision,
    )


def _read_jpeg_2000(data: bytes, limits: Limits) -> _Picture:
    stream = read_codestream(data)
    samples = decode_stream(data, limits)
    if samples.dtype.kind == "i":
        half = 1 << (stream.precision - 1)
        shifted = (samples.astype(np.int32) + half).astype(np.uint16)
        return _Picture(shifted, f"{stream.family}, {stream.precision} bit signed", bits=stream.precision, offset=-half)
    return _Picture(samples, f"{stream.family}, {stream.precision} bit", bits=stream.precision)


def _read_bmp(data: bytes, limits: Limits) -> _Picture:
    width, height = _unpacked("<HH", data, 18, "BMP") if data[14] == 12 else _unpacked("<ll", data, 18, "BMP")
    _check(abs(width), abs(height), 4, limits, packed=len(data))
    return _Picture(_decode_bmp(data), "BMP")


def _decode_bmp(data: bytes) -> npt.NDArray[Any]:
    """Decode by OpenCV to gray or RGB; it knows run lengths and distrusts headers. Alpha is left out: in a BMP it is seldom meant."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it prints what its answer says already
    try:
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        samples = None
    if samples is None:
        raise UnreadableImage("The BMP picture cannot be decoded.", hint=_DAMAGED)
    return samples if samples.ndim == 2 else samples[..., 2::-1]


def _read_webp(data: bytes, limits: Limits) -> _Picture:
    _check(*_webp_size(data), 4, limits, packed=len(data))
    return _Picture(decode_webp(data), "WebP")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Give width and height from the first chunk (lossy, lossless or extended)."""
    match data[12:16]:
        case b"VP8 ":
            width, height = _unpacked("<HH", data, 26, "WebP")
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = _unpacked("<L", data, 21, "WebP")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1


_WHITE_IS_ZERO, _BLACK_IS_ZERO, _TIFF_RGB, _PALETTE = 0, 1, 2, 3
_LIBTIFF_TO_RGB: Final = (_PALETTE, 5, 6)


def _read_tiff(data: bytes, frame: int, limits: Limits) -> _Picture:
    pages = read_directories(data, limits)
    if frame >= len(pages):
        raise UnreadableImage(f"The file has {len(pages)} pages; page {frame + 1} was asked for.", hint="Choose a lower one.")
    page = pages[frame]
    bits, photometric = page.first(258, 1), page.first(262, _BLACK_IS_ZERO)
    _refuse_strange_samples(page, bits, photometric)
    check_dimensions(page.first(322, 0) or 1, page.first(323, 0) or 1, limits)
    _check(page.first(256, 0), page.first(257, 0), max(page.first(277, 1), 4) * (2 if bits > 8 else 1), limits, packed=len(data))
    _check_strips(page, len(data))
    samples = decode_tiff(data, frame, is_rgb=photometric in _LIBTIFF_TO_RGB)
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    offset = 0
    if samples.dtype.kind == "i" and samples.dtype.itemsize <= 2:
        offset = -(1 << (8 * samples.dtype.itemsize - 1))
        samples = (samples.astype(np.int32) - offset).astype(f"u{samples.dtype.itemsize}")
    facts = (Fact("inverted", "inverted (TIFF, white is zero)"),) if photometric == _WHITE_IS_ZERO else ()
    if len(pages) > 1:
        facts = (Fact("frame", f"page {frame + 1} of {len(pages)}"), *facts)
    return _Picture(
        samples,
        f"TIFF, {bits} bit",
        orientation=page.first(_ORIENTATION, 1),
        bits=8 if photometric in _LIBTIFF_TO_RGB else bits,
        offset=offset,
        is_inverted=photometric == _WHITE_IS_ZERO,
        frames=len(pages),
        facts=facts,
    )


def _refuse_strange_samples(page: Directory, bits: int, photometric: int) -> None:
    sample_format = page.first(339, 1)
    if sample_format == 3:
        raise UnreadableImage(f"The TIFF holds {bits}-bit floating-point numbers; whole numbers of up to 16 bits are read.", hint=_CONVERT)
    if bits > 16 or sample_format not in (1, 2, 4):
        raise UnreadableImage(f"The TIFF holds {bits}-bit samples; whole numbers of up to 16 bits are read.", hint=_CONVERT)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _TIFF_RGB, *_LIBTIFF_TO_RGB):
        raise UnreadableImage(f"The TIFF has colours of kind {photometric}; gray, RGB, YCbCr, CMYK and palettes are read.", hint=_CONVERT)


def _check_strips(page: Directory, size: int) -> None:
    """Refuse a file that ends before its picture does."""
    for offsets, counts in ((273, 279), (324, 325)):
        ends = zip(page.integers.get(offsets, ()), page.integers.get(counts, ()), strict=False)
        if any(offset + count > size for offset, count in ends):
            raise UnreadableImage("The TIFF file is cut short.", hint=_DAMAGED)


def _unpacked(layout: str, data: bytes, position: int, what: str) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, position)
    except struct.error as error:
        raise UnreadableImage(f"The {what} file is cut short.", hint=_DAMAGED) from error


def _check(width: int, height: int, bytes_a_pixel: int, limits: Limits, *, packed: int) -> None:
    if width <= 0 or height <= 0:
        raise UnreadableImage("The picture has no pixels.", hint=_DAMAGED)
    check_dimensions(width, height, limits)
    check_bytes(width * height * bytes_a_pixel, limits)
    check_ratio(width * height * bytes_a_pixel, packed, limits)


def _gray(picture: _Picture) -> tuple[StoredArray, tuple[Fact, ...]]:
    """Give one channel of 8 or 16 bits."""
    samples = picture.samples
    if samples.dtype not in (np.uint8, np.uint16):
        raise UnreadableImage(f"The picture holds {samples.dtype} samples; whole numbers of 8 or 16 bits are read.", hint=_CONVERT)
    if samples.ndim == 2:
        return cast(StoredArray, samples), (luminance_fact("YCbCr"),) if picture.space == "YCbCr" else ()
    match samples.shape[2]:
        case 1:
            return samples[..., 0], ()
        case 2:
            return over_black(samples[..., 0], samples[..., 1]), _transparency_facts(samples[..., 1])
        case 3 | 4:
            alpha = samples[..., 3] if samples.shape[2] == 4 else None
            space = "RGB, all gray" if is_colourless(samples) else "RGB"
            gray = samples[..., 0] if space != "RGB" else luminance_of_rgb(samples)
            facts = (luminance_fact(space),)
            return (gray, facts) if alpha is None else (over_black(gray, alpha), (*facts, *_transparency_facts(alpha)))
    raise UnreadableImage(f"The picture has {samples.shape[2]} channels; 1 to 4 are read.", hint=_CONVERT)


def _transparency_facts(alpha: npt.NDArray[Any]) -> tuple[Fact, ...]:
    is_opaque = bool((alpha == np.iinfo(alpha.dtype).max).all())
    return () if is_opaque else (Fact("transparency", "transparent parts shown black"),)


def _exif_orientation(exif: bytes, limits: Limits) -> int:
    """Give the EXIF orientation, 1 when there is none or it cannot be read: a broken side note is no reason to refuse the picture."""
    try:
        return read_directories(exif, limits)[0].first(_ORIENTATION, 1) if exif else 1
    except (UnreadableImage, IndexError):
        return 1


def _oriented(values: StoredArray, orientation: int) -> tuple[StoredArray, tuple[Fact, ...]]:
    """Turn the picture upright as the EXIF orientation asks."""
    if orientation not in _ORIENTATION_WORDS:
        return values, ()
    fact = Fact("orientation", f"{_ORIENTATION_WORDS[orientation]} (orientation {orientation} in the file)")
    upright = values.T if orientation >= 5 else values
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    return upright, (fact,)


_TAG_NAMES: Final = {
    256: "ImageWidth",
    257: "ImageLength",
    258: "BitsPerSample",
    259: "Compression",
    262: "PhotometricInterpretation",
    270: "ImageDescription",
    271: "Make",
    272: "Model",
    274: "Orientation",
    277: "SamplesPerPixel",
    282: "XResolution",
    283: "YResolution",
    296: "ResolutionUnit",
    305: "Software",
    306: "DateTime",
    315: "Artist",
    339: "SampleFormat",
    33432: "Copyright",
    34665: "ExifIFD",
    34853: "GPSIFD",
}
