"""What a DICOM file says about showing its pixels: LUTs, windows, polarity, padding, shutter, overlays, spacing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.image import Fact, Lut, Overlay, Spacing, VoiFunction, Window, read_only
from cxrview.io.attributes import Attributes
from cxrview.io.limits import Limits, check_dimensions
from cxrview.io.samples import Samples
from cxrview.io.shutter import Circle, Polygon, Rectangle, Shape, shutter_mask
from cxrview.io.spacing import Pair, SpacingTags, spacing_of

_SECTIONAL_MODALITIES = frozenset(("CT", "MR", "PT", "NM", "OCT", "OPT"))


@dataclass(frozen=True, slots=True, eq=False)
class GrayPipeline:
    """The gray-scale steps of PS3.3 C.7.6.3 and C.11; the defaults change nothing."""

    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: Lut | None = None
    windows: tuple[Window, ...] = ()
    voi_luts: tuple[Lut, ...] = ()
    is_inverted: bool = False
    padding: tuple[int, int] | None = None
    facts: tuple[Fact, ...] = ()


def gray_pipeline(attributes: Attributes, *, lowest: int, bits: int) -> GrayPipeline:
    """Read modality LUT, VOI, polarity and padding of a monochrome picture whose stored values start at `lowest`."""
    facts: list[Fact] = []
    slope, intercept = _rescale(attributes, facts)
    modality_lut = _first(_luts(attributes, "ModalityLUTSequence", smallest=lowest, largest=lowest + 2**bits - 1, facts=facts))
    ends = (lowest * slope + intercept, (lowest + 2**bits - 1) * slope + intercept)
    voi_luts = _luts(attributes, "VOILUTSequence", smallest=min(ends), largest=max(ends), facts=facts)
    windows = _windows(attributes, facts)
    is_inverted = _polarity(attributes, facts)
    padding = _padding(attributes, lowest=lowest, bits=bits)
    if padding is not None:
        span = f"{padding[0]}" if padding[0] == padding[1] else f"{padding[0]} to {padding[1]}"
        facts.append(Fact("padding", f"stored value {span} is padding"))
    return GrayPipeline(slope, intercept, modality_lut, windows, voi_luts, is_inverted, padding, tuple(facts))


def _first(luts: tuple[Lut, ...]) -> Lut | None:
    return luts[0] if luts else None


def _rescale(attributes: Attributes, facts: list[Fact]) -> tuple[float, float]:
    slope, intercept = attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")
    if slope == 0:
        facts.append(Fact("irregular", "rescale slope 0 ignored"))
        return 1.0, 0.0
    return 1.0 if slope is None else slope, 0.0 if intercept is None else intercept


def _luts(attributes: Attributes, keyword: str, *, smallest: float, largest: float, facts: list[Fact]) -> tuple[Lut, ...]:
    luts = []
    for item in attributes.items(keyword):
        lut = _lut(item, smallest=smallest, largest=largest)
        if lut is None:
            facts.append(Fact("irregular", f"item of {keyword} ignored: descriptor and data do not fit"))
        else:
            luts.append(lut)
    return tuple(luts)


def _lut(item: Attributes, *, smallest: float, largest: float) -> Lut | None:
    descriptor = item.integers("LUTDescriptor")
    if len(descriptor) != 3:
        return None
    entries, first, bits = descriptor
    entries = entries & 0xFFFF or 65536
    table = item.table("LUTData")
    if table.size * 2 in (entries, entries + 1) and bits <= 8 and table.size < entries:
        table = np.frombuffer(table.astype("<u2").tobytes(), np.uint8)[:entries].astype(np.uint16)  # two 8-bit entries in a word
    if table.size < entries or not 1 <= bits <= 16:
        return None
    first &= 0xFFFF
    if first > largest or (first >= 0x8000 and smallest < 0):  # written as unsigned, meant as signed
        first -= 0x10000
    name = item.text("LUTExplanation") or item.text("ModalityLUTType")
    return Lut(first, bits, read_only(table[:entries]), name)


def _windows(attributes: Attributes, facts: list[Fact]) -> tuple[Window, ...]:
    centers, widths = attributes.numbers("WindowCenter"), attributes.numbers("WindowWidth")
    if not centers or not widths:
        if attributes.has("WindowCenter") or attributes.has("WindowWidth"):
            facts.append(Fact("irregular", "window of the file ignored: centre or width is missing or no number"))
        return ()
    names = attributes.texts("WindowCenterWidthExplanation")
    function = _voi_function(attributes.text("VOILUTFunction"), facts)
    windows = []
    for index, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if width <= 0:
            facts.append(Fact("irregular", f"window {center:g}/{width:g} of the file ignored: its width is not positive"))
        else:
            windows.append(Window(center, width, function, names[index] if index < len(names) else ""))
    return tuple(windows)


def _voi_function(name: str, facts: list[Fact]) -> VoiFunction:
    if name in ("", *VoiFunction):
        return VoiFunction(name or VoiFunction.LINEAR)
    facts.append(Fact("irregular", f"VOI LUT Function {name[:20]!r} is unknown, LINEAR used"))
    return VoiFunction.LINEAR


def _polarity(attributes: Attributes, facts: list[Fact]) -> bool:
    photometric, shape = attributes.text("PhotometricInterpretation"), attributes.text("PresentationLUTShape")
    if photometric == "MONOCHROME1":
        conflict = ", although Presentation LUT Shape says IDENTITY" if shape == "IDENTITY" else ""
        facts.append(Fact("inverted", f"inverted (MONOCHROME1{conflict})"))
        return True
    if shape == "INVERSE":
        facts.append(Fact("inverted", "inverted (Presentation LUT Shape INVERSE)"))
        return True
    return False


def _padding(attributes: Attributes, *, lowest: int, bits: int) -> tuple[int, int] | None:
    value = attributes.integer("PixelPaddingValue")
    if value is None:
        return None
    limit = attributes.integer("PixelPaddingRangeLimit")
    edges = sorted(_as_stored(edge, lowest, bits) for edge in (value, value if limit is None else limit))
    return edges[0], edges[1]


def _as_stored(value: int, lowest: int, bits: int) -> int:
    """Read a value written with the wrong sign, or sign-extended to 16 bits, as one of the stored values."""
    if lowest <= value < lowest + 2**bits:
        return value
    masked = value & ((1 << bits) - 1)
    return masked - (1 << bits) if lowest < 0 and masked >= 2 ** (bits - 1) else masked


def overlays(attributes: Attributes, raw: Samples | None, *, frame: int, limits: Limits) -> tuple[tuple[Overlay, ...], tuple[Fact, ...]]:
    """Read the overlay planes, whether in their own elements or in unused bits of the uncompressed samples `raw`."""
    shutter_group = attributes.integer("ShutterOverlayGroup")
    found: list[Overlay] = []
    facts: list[Fact] = []
    for group in range(0x6000, 0x6020, 2):
        if group == shutter_group or not attributes.has(group << 16 | 0x0010):
            continue
        overlay = _overlay(attributes, group, raw, frame, limits)
        if overlay is None:
            facts.append(Fact("irregular", f"overlay {group:04X} ignored: its data do not fit its size"))
        else:
            found.append(overlay)
    if found:
        facts.append(Fact("overlay", f"{len(found)} overlay plane{'s' if len(found) > 1 else ''}"))
    return tuple(found), tuple(facts)


def _overlay(attributes: Attributes, group: int, raw: Samples | None, frame: int, limits: Limits) -> Overlay | None:
    base = group << 16
    rows, columns = attributes.integer(base | 0x0010) or 0, attributes.integer(base | 0x0011) or 0
    if rows <= 0 or columns <= 0:
        return None
    check_dimensions(columns, rows, limits)
    mask = _overlay_bits(attributes, base, raw, rows, columns, frame)
    if mask is None:
        return None
    origin = attributes.integers(base | 0x0050)
    row, column = origin if len(origin) == 2 else (1, 1)
    label = attributes.text(base | 0x1500) or attributes.text(base | 0x0022)
    return Overlay(read_only(mask), row - 1, column - 1, label)


def _overlay_bits(
    attributes: Attributes, base: int, raw: Samples | None, rows: int, columns: int, frame: int
) -> npt.NDArray[np.bool_] | None:
    data = attributes.value(base | 0x3000)
    if not isinstance(data, bytes):
        bit = attributes.integer(base | 0x0102) or 0
        if raw is None or raw.ndim != 2 or not 0 < bit < 8 * raw.dtype.itemsize or raw.shape != (rows, columns):
            return None
        return (raw >> bit & 1).astype(np.bool_)
    first = (attributes.integer(base | 0x0051) or 1) - 1
    planes = attributes.integer(base | 0x0015) or 1
    start = (min(max(frame - first, 0), planes - 1)) * rows * columns
    octets = np.frombuffer(attributes.words(data).astype("<u2").tobytes() if attributes.is_big_endian else data, np.uint8)
    window = octets[start // 8 : (start + rows * columns + 7) // 8]
    bits = np.unpackbits(window, bitorder="little")[start % 8 : start % 8 + rows * columns]
    return bits.reshape(rows, columns).astype(np.bool_) if bits.size == rows * columns else None


def shutter(
    attributes: Attributes, *, rows: int, columns: int, frame: int, limits: Limits
) -> tuple[npt.NDArray[np.bool_] | None, tuple[Fact, ...]]:
    """Read the display shutter: True where the picture may be shown; None when there is none."""
    names = [name for name in attributes.texts("ShutterShape") if name in ("RECTANGULAR", "CIRCULAR", "POLYGONAL", "BITMAP")]
    if not names:
        return None, ()
    shapes = tuple(shape for shape in (_shape(attributes, name) for name in names) if shape is not None)
    mask = shutter_mask(shapes, rows=rows, columns=columns)
    if "BITMAP" in names:
        mask &= ~_bitmap(attributes, rows, columns, frame, limits)
    words = ", ".join(name.lower() for name in names)
    if not mask.any():
        return None, (Fact("irregular", f"shutter ({words}) ignored: it would hide the whole picture"),)
    if mask.all():
        return None, ()
    return read_only(mask), (Fact("shutter", f"shutter ({words})"),)


def _shape(attributes: Attributes, name: str) -> Shape | None:
    match name:
        case "RECTANGULAR":
            names = ("ShutterLeftVerticalEdge", "ShutterRightVerticalEdge", "ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge")
            edges = [attributes.integer(keyword) for keyword in names]
            left, right, upper, lower = edges
            return None if left is None or right is None or upper is None or lower is None else Rectangle(left, right, upper, lower)
        case "CIRCULAR":
            center, radius = attributes.integers("CenterOfCircularShutter"), attributes.integer("RadiusOfCircularShutter")
            return Circle(center[0], center[1], radius) if len(center) == 2 and radius is not None else None
        case "POLYGONAL":
            flat = attributes.integers("VerticesOfThePolygonalShutter")
            return Polygon(tuple(zip(flat[0::2], flat[1::2], strict=False))) if len(flat) >= 6 else None
    return None


def _bitmap(attributes: Attributes, rows: int, columns: int, frame: int, limits: Limits) -> npt.NDArray[np.bool_]:
    """Place the overlay that hides pixels; what lies outside the overlay stays visible."""
    hidden = np.zeros((rows, columns), dtype=np.bool_)
    overlay = _overlay(attributes, attributes.integer("ShutterOverlayGroup") or 0x6000, None, frame, limits)
    if overlay is None:
        return hidden
    top, left = max(overlay.row, 0), max(overlay.column, 0)
    part = overlay.mask[top - overlay.row :, left - overlay.column :][: max(rows - top, 0), : max(columns - left, 0)]
    hidden[top : top + part.shape[0], left : left + part.shape[1]] = part
    return hidden


def spacing(attributes: Attributes) -> tuple[Spacing, tuple[Fact, ...]]:
    """Read the spacing and its meaning."""
    found, fact = spacing_of(
        SpacingTags(
            pixel=_pair(attributes, "PixelSpacing"),
            imager=_pair(attributes, "ImagerPixelSpacing"),
            scanned=_pair(attributes, "NominalScannedPixelSpacing"),
            is_calibrated=attributes.has("PixelSpacingCalibrationType") or attributes.has("PixelSpacingCalibrationDescription"),
            magnification=_magnification(attributes),
            is_projection=attributes.text("Modality") not in _SECTIONAL_MODALITIES,
        )
    )
    return found, (fact,) if fact is not None else ()


def _pair(attributes: Attributes, keyword: str) -> Pair | None:
    numbers = attributes.numbers(keyword)
    return (numbers[0], numbers[1]) if len(numbers) >= 2 and numbers[0] > 0 and numbers[1] > 0 else None


def _magnification(attributes: Attributes) -> float | None:
    factor = attributes.number("EstimatedRadiographicMagnificationFactor")
    if factor is None:
        detector, patient = attributes.number("DistanceSourceToDetector"), attributes.number("DistanceSourceToPatient")
        factor = detector / patient if detector and patient else None
    return factor if factor is not None and factor >= 1 else None
