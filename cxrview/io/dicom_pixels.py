"""A DICOM file to `Pixels`: one frame decoded, and everything the file says about showing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from cxrview.core.errors import NotAnImage, UnreadableImage
from cxrview.core.image import Fact, ImageInfo, Pixels, StoredArray, read_only
from cxrview.io.attributes import Attributes
from cxrview.io.codecs import decode_rle, decode_stream, inflate
from cxrview.io.codestreams import Codestream, read_codestream
from cxrview.io.dicom import Parsed, encapsulated_frame, native_bytes, palette_colours, parse, uid_name
from cxrview.io.dicom_display import GrayPipeline, gray_pipeline, overlays, shutter, spacing
from cxrview.io.limits import LimitedReader, Limits, check_bytes, check_dimensions, check_frames
from cxrview.io.luminance import is_colourless, luminance_fact, luminance_of_partial_range, luminance_of_rgb
from cxrview.io.samples import PixelFormat, Samples, StoredValues, stored_from_codec, stored_from_native, unpack_native

_RLE: Final = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
_GE_BIG_ENDIAN_PIXELS: Final = "1.2.840.113619.5.2"
_UNREADABLE_SYNTAXES: Final = {
    **{f"1.2.840.10008.1.2.4.{number}": "a video" for number in range(100, 109)},
    "1.2.840.10008.1.2.4.94": "kept on a server (JPIP)",
    "1.2.840.10008.1.2.4.95": "kept on a server (JPIP)",
    "1.2.840.10008.1.2.4.204": "kept on a server (JPIP)",
    "1.2.840.10008.1.2.4.205": "kept on a server (JPIP)",
    **{f"1.2.840.10008.1.2.4.{number}": "JPEG XL, which is not read yet" for number in (110, 111, 112)},
}
_GRAY: Final = ("MONOCHROME1", "MONOCHROME2")
_LUMA_FIRST: Final = ("YBR_FULL", "YBR_FULL_422")
_LUMA_FIRST_PARTIAL: Final = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
_RGB: Final = ("RGB", "YBR_RCT", "YBR_ICT")
_ASK_AGAIN: Final = "Ask for the file to be exported again."


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """One frame as stored values, still in its colours.

    Attributes:
        stored: values (rows, columns) or (rows, columns, samples).
        space: colour space of the values as they now are.
        raw: uncompressed samples with all their bits, where the file has them.
        codec: the way of compression in words.
    """

    stored: StoredValues
    space: str
    raw: Samples | None
    codec: str


def read_dicom(file: LimitedReader, frame: int, limits: Limits) -> Pixels:
    """Read one frame (from 0) of a DICOM file."""
    parsed = parse(file, limits)
    form = _pixel_format(parsed)
    check_dimensions(form.columns, form.rows, limits)
    check_frames(form.frames, limits)
    if frame >= form.frames:
        raise UnreadableImage(f"The file has {form.frames} frames; frame {frame + 1} was asked for.", hint="Choose a lower frame.")
    decoded = _decode(parsed, form, frame, limits)
    gray = _gray(decoded, parsed.attributes)
    attributes = Attributes((*_functional_groups(parsed.attributes, frame), *parsed.attributes.datasets), parsed.attributes.is_big_endian)
    pipeline = gray_pipeline(attributes, lowest=gray.offset, bits=gray.bits) if decoded.space in _GRAY else GrayPipeline()
    rows, columns = gray.values.shape
    planes, overlay_facts = overlays(attributes, decoded.raw, frame=frame, limits=limits)
    shown, shutter_facts = shutter(attributes, rows=rows, columns=columns, frame=frame, limits=limits)
    spacing_mm, spacing_facts = spacing(attributes)
    return Pixels(
        values=cast(StoredArray, read_only(gray.values)),
        bits=gray.bits,
        offset=gray.offset,
        slope=pipeline.slope,
        intercept=pipeline.intercept,
        modality_lut=pipeline.modality_lut,
        windows=pipeline.windows,
        voi_luts=pipeline.voi_luts,
        is_inverted=pipeline.is_inverted,
        padding=pipeline.padding,
        overlays=planes,
        shutter=shown,
        spacing=spacing_mm,
        info=_info(attributes, decoded.codec),
        frames=form.frames,
        facts=(
            *_file_facts(parsed, form, frame),
            *gray.facts,
            *pipeline.facts,
            *overlay_facts,
            *shutter_facts,
            *spacing_facts,
        ),
    )


def count_frames(file: LimitedReader, limits: Limits) -> int:
    """Tell how many frames the file declares."""
    frames = _pixel_format(parse(file, limits)).frames
    check_frames(frames, limits)
    return frames


def _pixel_format(parsed: Parsed) -> PixelFormat:
    attributes = parsed.attributes
    rows, columns = attributes.integer("Rows"), attributes.integer("Columns")
    if parsed.element is None:
        _refuse_without_pixels(attributes, has_size=rows is not None and columns is not None)
    elif parsed.element.is_float:
        raise UnreadableImage("The pixel data are floating-point numbers; whole numbers of up to 16 bits are read.", hint=_ASK_AGAIN)
    allocated = attributes.integer("BitsAllocated")
    if not rows or not columns or rows < 0 or columns < 0 or allocated is None:
        missing = "Rows" if not rows else "Columns" if not columns else "BitsAllocated"
        raise UnreadableImage(f"The header does not describe the picture: {missing} is missing or no number.", hint=_ASK_AGAIN)
    if allocated not in (1, 8, 12, 16):
        raise UnreadableImage(f"The pixels are {allocated} bits deep; whole numbers of up to 16 bits are read.", hint=_ASK_AGAIN)
    stored = attributes.integer("BitsStored") or allocated
    stored = stored if 1 <= stored <= allocated else allocated
    high = attributes.integer("HighBit")
    samples = attributes.integer("SamplesPerPixel") or 1
    if samples not in (1, 3):
        raise UnreadableImage(f"The picture has {samples} samples a pixel; 1 or 3 are read.", hint=_ASK_AGAIN)
    return PixelFormat(
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high if high is not None and stored - 1 <= high < allocated else stored - 1,
        is_signed=attributes.integer("PixelRepresentation") == 1,
        is_planar=attributes.integer("PlanarConfiguration") == 1,
        photometric=_photometric(attributes.text("PhotometricInterpretation"), samples),
        frames=_frames(attributes),
    )


def _photometric(stated: str, samples: int) -> str:
    """Correct what contradicts the number of samples."""
    if samples == 1:
        return stated if stated in (*_GRAY, "PALETTE COLOR") else "MONOCHROME2"
    return "RGB" if stated in ("", *_GRAY, "PALETTE COLOR") else stated


def _refuse_without_pixels(attributes: Attributes, *, has_size: bool) -> None:
    name = uid_name(attributes.text("SOPClassUID")) or "a DICOM object"
    if has_size:
        raise UnreadableImage(f"The file describes a picture ({name}) but holds no pixel data.", hint=_ASK_AGAIN)
    raise NotAnImage(f"The file holds no picture ({name}).", hint="Choose the image files of the study.")


def _frames(attributes: Attributes) -> int:
    if not attributes.text("NumberOfFrames"):
        return 1
    frames = attributes.integer("NumberOfFrames")
    if frames is None:
        raise UnreadableImage("The header does not describe the picture: NumberOfFrames is no number.", hint=_ASK_AGAIN)
    return max(frames, 1)


def _decode(parsed: Parsed, form: PixelFormat, frame: int, limits: Limits) -> _Decoded:
    syntax = parsed.syntax
    if syntax in _UNREADABLE_SYNTAXES:
        raise UnreadableImage(f"The pixel data are {_UNREADABLE_SYNTAXES[syntax]}.", hint="Export the picture as a plain DICOM image.")
    check_bytes((form.frame_bits + 7) // 8, limits)
    if parsed.element is not None and parsed.element.length is not None:
        return _decode_native(parsed, form, frame)
    data = encapsulated_frame(parsed, frame, frames=form.frames)
    if syntax == _RLE:
        return _decode_rle(data, form)
    if syntax == _DEFLATED_FRAMES:
        unpacked = np.frombuffer(inflate(data, limits), np.uint8)
        if unpacked.size * 8 < form.frame_bits:
            raise UnreadableImage("The deflated frame is cut short.", hint=_ASK_AGAIN)
        raw = unpack_native(unpacked, form, is_big_endian=False)
        return _Decoded(stored_from_native(raw, form), form.photometric, raw, "deflated frames")
    return _decode_codestream(data, form, limits)


def _decode_native(parsed: Parsed, form: PixelFormat, frame: int) -> _Decoded:
    start_bit = frame * form.frame_bits
    count = (start_bit % 8 + form.frame_bits + 7) // 8
    data = native_bytes(parsed, start=start_bit // 8, count=count + count % 2 if _has_swapped_bytes(parsed, form) else count)
    if _has_swapped_bytes(parsed, form):
        data = data.view(np.uint16).byteswap().view(np.uint8)
    is_big_endian = parsed.is_big_endian or parsed.syntax == _GE_BIG_ENDIAN_PIXELS
    raw = unpack_native(data, form, is_big_endian=is_big_endian, skip_bits=start_bit % 8)
    return _Decoded(stored_from_native(raw, form), form.photometric, raw, "uncompressed")


def _has_swapped_bytes(parsed: Parsed, form: PixelFormat) -> bool:
    """Tell whether 8-bit samples lie in big-endian 16-bit words."""
    return parsed.is_big_endian and form.bits_allocated == 8 and parsed.element is not None and parsed.element.vr == "OW"


def _decode_rle(data: bytes, form: PixelFormat) -> _Decoded:
    dtype = "u1" if form.bits_allocated == 8 else "<u2"
    planes = decode_rle(data, dtype=dtype, samples=form.samples, rows=form.rows, columns=form.columns)
    raw = planes[0] if form.samples == 1 else np.moveaxis(planes, 0, -1)
    return _Decoded(stored_from_native(raw, form), form.photometric, raw, "RLE")


def _decode_codestream(data: bytes, form: PixelFormat, limits: Limits) -> _Decoded:
    stream = read_codestream(data)
    if (stream.width, stream.height) != (form.columns, form.rows):
        raise UnreadableImage(
            f"The compressed picture is {stream.width}×{stream.height}, the header says {form.columns}×{form.rows}.", hint=_ASK_AGAIN
        )
    space = _space_of_stream(stream, form.photometric)
    samples = decode_stream(data, limits, is_luminance=space in _LUMA_FIRST)
    stored = stored_from_codec(samples, form, is_lossless=stream.is_lossless)
    words = f"{stream.family} lossless" if stream.is_lossless and "lossless" not in stream.family else f"{stream.family}"
    return _Decoded(stored, space, None, words)


def _space_of_stream(stream: Codestream, photometric: str) -> str:
    """Settle what the components of a stream mean: its own markers first, then the header."""
    if stream.components == 1:
        return photometric if photometric in (*_GRAY, "PALETTE COLOR") else "MONOCHROME2"
    if stream.is_rgb is not None:
        return "RGB" if stream.is_rgb else "YBR_FULL"
    return "RGB" if photometric in (*_GRAY, "PALETTE COLOR") else photometric


def _gray(decoded: _Decoded, attributes: Attributes) -> StoredValues:
    """Reduce colours to luminance, with the fact that says so; a monochrome picture passes unchanged."""
    stored, space = decoded.stored, decoded.space
    if space in _GRAY:
        return stored
    if space == "PALETTE COLOR":
        colours = palette_colours(attributes, 256 if stored.values.dtype == np.uint8 else 65536)
        table = luminance_of_rgb(colours[np.newaxis])[0]
        return _reduced(stored, table[stored.values], space, bits=8 * table.itemsize)
    if space in _LUMA_FIRST:
        return _reduced(stored, stored.values if stored.values.ndim == 2 else stored.values[..., 0], space)
    if space in _LUMA_FIRST_PARTIAL and stored.bits == 8:
        return _reduced(stored, luminance_of_partial_range(stored.values[..., 0]), space)
    if space in _RGB and stored.values.shape[2] == 3:
        note = ", all gray" if is_colourless(stored.values) else ""
        return _reduced(stored, luminance_of_rgb(stored.values), f"{space}{note}")
    raise UnreadableImage(f"The colour space {space[:40]!r} is not read.", hint=_ASK_AGAIN)


def _reduced(stored: StoredValues, luminance: StoredArray, space: str, *, bits: int | None = None) -> StoredValues:
    return StoredValues(luminance, bits or stored.bits, 0, (*stored.facts, luminance_fact(space)))


def _functional_groups(attributes: Attributes, frame: int) -> tuple[object, ...]:
    """Give the data sets of an enhanced multi-frame file that speak of this frame, the most specific first."""
    per_frame, shared = attributes.items("PerFrameFunctionalGroupsSequence"), attributes.items("SharedFunctionalGroupsSequence")
    groups = (*per_frame[frame : frame + 1], *shared[:1])
    macros = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")
    return tuple(item.datasets[0] for group in groups for macro in macros for item in group.items(macro)[:1])


def _info(attributes: Attributes, codec: str) -> ImageInfo:
    view = attributes.text("ViewPosition")
    if not view:
        codes = attributes.items("ViewCodeSequence")
        view = codes[0].text("CodeMeaning") if codes else ""
    return ImageInfo(
        format=f"DICOM, {codec}",
        modality=attributes.text("Modality"),
        view=view,
        body_part=attributes.text("BodyPartExamined"),
        patient_id=attributes.text("PatientID"),
        patient_name=attributes.text("PatientName"),
        patient_sex=attributes.text("PatientSex"),
        patient_age=attributes.text("PatientAge"),
        study_uid=attributes.text("StudyInstanceUID"),
        study_date=attributes.text("StudyDate"),
        study_description=attributes.text("StudyDescription"),
        series_uid=attributes.text("SeriesInstanceUID"),
        sop_instance_uid=attributes.text("SOPInstanceUID"),
        laterality=attributes.text("ImageLaterality") or attributes.text("Laterality"),
        manufacturer=attributes.text("Manufacturer"),
    )


def _file_facts(parsed: Parsed, form: PixelFormat, frame: int) -> tuple[Fact, ...]:
    facts = []
    if form.frames > 1:
        facts.append(Fact("frame", f"frame {frame + 1} of {form.frames}"))
    if not parsed.syntax:
        facts.append(Fact("irregular", "no transfer syntax in the file: the way of storing was recognised from the data"))
    if parsed.remarks:
        facts.append(Fact("irregular", f"the file departs from the standard in {parsed.remarks} place{'s' if parsed.remarks > 1 else ''}"))
    orientation = parsed.attributes.texts("PatientOrientation")
    if len(orientation) == 2:
        facts.append(Fact("orientation", f"rows run towards {orientation[0]}, columns towards {orientation[1]}"))
    if form.is_signed:
        facts.append(Fact("signed", "signed pixels"))
    return tuple(facts)
