"""Writes a picture as a small valid DICOM Digital X-Ray file; knows pydicom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxrview.core.errors import CxrError
from cxrview.core.image import Lut, Pixels, SpacingKind, VoiFunction, Window
from cxrview.io.atomic import replacing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

UNKNOWN_DATE = "20000101"
UID_SEED = "cxrview"
MOST_ROWS = 65535


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """What a written file says beside its pixels.

    Attributes:
        identity: any text; the same text gives the same UIDs.
        view: DICOM View Position (`PA`, `AP`, `LL`, ...); may be empty.
        body_part: DICOM Body Part Examined.
        laterality: `L`, `R`, `B` or `U`.
    """

    identity: str
    patient_id: str = "phantom"
    patient_name: str = "Phantom^Drawn"
    patient_sex: str = "O"
    study_date: str = UNKNOWN_DATE
    description: str = "phantom"
    view: str = ""
    body_part: str = "CHEST"
    laterality: str = "U"
    has_burned_in_text: bool = False
    windows: tuple[Window, ...] = ()
    voi_luts: tuple[Lut, ...] = ()


def write_dx(path: Path, pixels: Pixels, header: DicomHeader) -> Path:
    """Write an uncompressed DX image (explicit little endian) and give its path.

    Stored depth, polarity, rescale, offset (as signed pixels) and spacing come from `pixels`; windows and VOI LUTs are those of
    `header`, or of `pixels` where the header has none. Overlays, shutters and modality LUTs are not written.

    Raises:
        CxrError: the picture has more rows or columns than DICOM can count.
    """
    if max(pixels.width, pixels.height) > MOST_ROWS:
        raise CxrError(f"A DICOM image has at most {MOST_ROWS} rows and columns.", hint="Make it smaller.", subject=str(path))
    dataset = _dataset(pixels, header)
    with replacing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
    return path


def _dataset(pixels: Pixels, header: DicomHeader) -> FileDataset:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[UID_SEED, header.identity, "image"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[UID_SEED, header.identity, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[UID_SEED, header.identity, "series"])
    _describe(dataset, header)
    _add_image(dataset, pixels)
    _add_voi(dataset, pixels, header)
    return dataset


def _describe(dataset: Dataset, header: DicomHeader) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.Modality = "DX"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PatientID = header.patient_id
    dataset.PatientName = header.patient_name
    dataset.PatientSex = header.patient_sex
    dataset.PatientBirthDate = ""
    dataset.PatientOrientation = ["L", "F"] if header.view in ("", "PA", "AP") else ["P", "F"]
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = header.study_date
    dataset.StudyTime = dataset.ContentTime = dataset.AcquisitionTime = "120000"
    dataset.StudyID = "1"
    dataset.StudyDescription = dataset.SeriesDescription = header.description
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.Manufacturer = "cxrview"
    dataset.SeriesNumber = "1"
    dataset.InstanceNumber = "1"
    dataset.BodyPartExamined = header.body_part
    dataset.ImageLaterality = header.laterality
    dataset.BurnedInAnnotation = "YES" if header.has_burned_in_text else "NO"
    if header.view:
        dataset.ViewPosition = header.view


def _add_image(dataset: Dataset, pixels: Pixels) -> None:
    allocated = pixels.values.dtype.itemsize * 8
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if pixels.is_inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if pixels.is_inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = pixels.height, pixels.width
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, pixels.bits, pixels.bits - 1
    dataset.PixelRepresentation = 1 if pixels.offset else 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = f"{pixels.slope:g}", f"{pixels.intercept:g}", "US"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1 if not pixels.is_inverted else 1
    dataset.LossyImageCompression = "00"
    if pixels.spacing.row_mm:
        spacing = [f"{pixels.spacing.row_mm:.6g}", f"{pixels.spacing.column_mm:.6g}"]
        dataset.ImagerPixelSpacing = spacing
        if pixels.spacing.kind is SpacingKind.CALIBRATED:
            dataset.PixelSpacing = spacing
    stored = pixels.values.astype(np.int32) + pixels.offset
    cell = f"<{'i' if pixels.offset else 'u'}{allocated // 8}"
    data = stored.astype(cell).tobytes()
    dataset.add_new("PixelData", "OB" if allocated == 8 else "OW", data + b"\0" * (len(data) % 2))


def _add_voi(dataset: Dataset, pixels: Pixels, header: DicomHeader) -> None:
    windows = header.windows or pixels.windows
    if windows:
        dataset.WindowCenter = [f"{window.center:g}" for window in windows]
        dataset.WindowWidth = [f"{window.width:g}" for window in windows]
        names = [window.name for window in windows]
        if any(names):
            dataset.WindowCenterWidthExplanation = names
        if windows[0].function is not VoiFunction.LINEAR:
            dataset.VOILUTFunction = windows[0].function.value
    luts = header.voi_luts or pixels.voi_luts
    if luts:
        dataset.VOILUTSequence = [_lut_item(lut) for lut in luts]


def _lut_item(lut: Lut) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    # A count of 65536 is written as 0 (DICOM PS3.3 C.11.2.1.1); a negative first value makes the descriptor signed.
    item.add_new("LUTDescriptor", "SS" if lut.first < 0 else "US", [len(lut.table) % 65536, lut.first, lut.bits])
    item.add_new("LUTData", "OW", lut.table.astype("<u2").tobytes())
    if lut.name:
        item.LUTExplanation = lut.name
    return item
