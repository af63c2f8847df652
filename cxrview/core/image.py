"""An image as it was stored: where it came from, its pixels at stored depth, and what the file says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

StoredArray = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, order=True)
class ImageRef:
    """One picture: a file, or a member of an archive, and the frame in it (from 0)."""

    path: Path
    member: str = ""
    frame: int = 0

    def __str__(self) -> str:
        """Give the name people see: path, archive member, frame (from 1) when it is not the first."""
        name = f"{self.path}!{self.member}" if self.member else str(self.path)
        return f"{name}#{self.frame + 1}" if self.frame else name


@dataclass(frozen=True, slots=True)
class Fact:
    """One step that was taken on the way from file to picture, readable by people.

    `key` is stable (`inverted`, `window`, `luminance`, ...), `text` is the sentence.
    """

    key: str
    text: str


class VoiFunction(StrEnum):
    """VOI LUT Function, DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """A window in modality values; `width` > 0."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """A lookup table as in DICOM PS3.3 C.11.1.1: `first` is the input value mapped to `table[0]`.

    Inputs below `first` take the first entry, inputs past the end the last. `table` holds unsigned values of `bits` bits.
    """

    first: int
    bits: int
    table: npt.NDArray[np.uint16]
    name: str = ""


class SpacingKind(StrEnum):
    """What a length on a projection radiograph means."""

    AT_DETECTOR = "at detector"
    MAGNIFICATION_CORRECTED = "magnification-corrected"
    CALIBRATED = "calibrated"
    UNKNOWN = "unknown spacing"


@dataclass(frozen=True, slots=True)
class Spacing:
    """Millimetres between pixel centres, and what they are worth; zero where `kind` is UNKNOWN and no number exists."""

    row_mm: float = 0.0
    column_mm: float = 0.0
    kind: SpacingKind = SpacingKind.UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A 60xx overlay plane: `mask` True where it is drawn; `row`, `column` are its origin in image pixels, from 0."""

    mask: npt.NDArray[np.bool_]
    row: int
    column: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the file says about the picture, as text; empty where it says nothing."""

    format: str = ""
    modality: str = ""
    view: str = ""
    body_part: str = ""
    patient_id: str = ""
    patient_name: str = ""
    patient_sex: str = ""
    patient_age: str = ""
    study_uid: str = ""
    study_date: str = ""
    study_description: str = ""
    series_uid: str = ""
    sop_instance_uid: str = ""
    laterality: str = ""
    manufacturer: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """A picture at stored depth with everything needed to show it, nothing applied.

    Order of the steps (DICOM PS3.3 C.7.6.3, PS3.4 N.2): stored value = `values + offset`; modality value =
    `modality_lut` or `slope * stored + intercept`; then VOI (LUT or window); polarity last.

    Attributes:
        values: (rows, columns), uint8 or uint16, C-contiguous, read-only.
        offset: 0, or negative for signed pixels, so that `values` is never negative.
        bits: bits stored, 1 to 16.
        windows: as in the file, in file order; empty when the file has none.
        voi_luts: VOI LUT Sequence items; they win over `windows` when present.
        is_inverted: low values are bright (MONOCHROME1, or Presentation LUT Shape INVERSE).
        padding: inclusive range of stored values that mean "no picture here".
        shutter: True where the picture may be shown, same shape as `values`; None when there is no shutter.
        frames: how many frames the file holds.
    """

    values: StoredArray
    bits: int
    offset: int = 0
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: Lut | None = None
    windows: tuple[Window, ...] = ()
    voi_luts: tuple[Lut, ...] = ()
    is_inverted: bool = False
    padding: tuple[int, int] | None = None
    overlays: tuple[Overlay, ...] = ()
    shutter: npt.NDArray[np.bool_] | None = None
    spacing: Spacing = field(default_factory=Spacing)
    info: ImageInfo = field(default_factory=ImageInfo)
    frames: int = 1
    facts: tuple[Fact, ...] = ()

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.values.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.values.shape[1])


def read_only(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return the array C-contiguous and not writable, copying only when it must."""
    contiguous = np.ascontiguousarray(array)
    contiguous.setflags(write=False)
    return contiguous
