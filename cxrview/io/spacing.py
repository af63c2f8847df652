"""What a millimetre on a projection radiograph is worth."""

from __future__ import annotations

from dataclasses import dataclass

from cxrview.core.image import Fact, Spacing, SpacingKind

Pair = tuple[float, float]
"""Row and column spacing in mm."""

_SAME = 1e-4
"""Relative difference below which two spacings are the same number, written with different digits."""


@dataclass(frozen=True, slots=True)
class SpacingTags:
    """The attributes that speak of spacing, None where the file has none.

    Attributes:
        pixel: Pixel Spacing.
        imager: Imager Pixel Spacing, at the front of the detector.
        scanned: Nominal Scanned Pixel Spacing of a digitised film.
        is_calibrated: Pixel Spacing Calibration Type or Description is there.
        magnification: Estimated Radiographic Magnification Factor, else source-detector over source-patient distance.
        is_projection: the picture is a shadow (CR, DX, ...), not a section (CT, MR, ...).
    """

    pixel: Pair | None
    imager: Pair | None
    scanned: Pair | None
    is_calibrated: bool
    magnification: float | None
    is_projection: bool


def spacing_of(tags: SpacingTags) -> tuple[Spacing, Fact | None]:
    """Choose the spacing, and say what it means.

    A length in the patient is shorter than its shadow. Imager Pixel Spacing measures the shadow; only magnification, or a calibration by
    an object of known size, leads back to the patient.
    """
    if not tags.is_projection and tags.pixel is not None:
        return Spacing(*tags.pixel, SpacingKind.CALIBRATED), Fact("spacing", "spacing in the patient (cross-sectional image)")
    if tags.pixel is not None and tags.is_calibrated:
        return Spacing(*tags.pixel, SpacingKind.CALIBRATED), Fact("spacing", "spacing calibrated, as the file states")
    if tags.pixel is not None and (tags.imager is None or not _is_same(tags.pixel, tags.imager)):
        return Spacing(*tags.pixel, SpacingKind.UNKNOWN), Fact("spacing", "spacing of unknown meaning: nobody wrote how it was calibrated")
    if tags.imager is not None and tags.pixel is None and tags.magnification is not None:
        row_mm, column_mm = (edge / tags.magnification for edge in tags.imager)
        text = f"spacing at the detector divided by the magnification {tags.magnification:.3g}"
        return Spacing(row_mm, column_mm, SpacingKind.MAGNIFICATION_CORRECTED), Fact("spacing", text)
    at_detector = tags.imager or tags.scanned
    if at_detector is not None:
        text = "spacing at the detector: lengths in the patient are shorter"
        return Spacing(*at_detector, SpacingKind.AT_DETECTOR), Fact("spacing", text)
    return Spacing(), None


def _is_same(first: Pair, second: Pair) -> bool:
    return all(abs(a - b) <= _SAME * max(abs(a), abs(b)) for a, b in zip(first, second, strict=True))
