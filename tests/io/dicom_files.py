"""Small DICOM files for the tests, written by pydicom, and short ways to read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import config, dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxrview.core.image import ImageRef, Pixels
from cxrview.io.limits import DEFAULT_LIMITS, Limits
from cxrview.io.read import read_pixels

GRADIENT = np.arange(12 * 10, dtype=np.uint16).reshape(12, 10) * 34  # 12 rows, 10 columns, 0..4046


def dataset(values: np.ndarray = GRADIENT, *, bits: int = 12, **attributes: object) -> Dataset:
    """Make the header and the native pixels of a single-frame gray picture; attributes replace or add to it."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = DigitalXRayImageStorageForPresentation, "1.2.3.4", "DX"
    made.Rows, made.Columns = values.shape[:2]
    made.SamplesPerPixel = 1 if values.ndim == 2 else values.shape[2]
    made.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = 8 * values.itemsize
    made.BitsStored, made.HighBit = bits, bits - 1
    made.PixelRepresentation = int(values.dtype.kind == "i")
    made.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    made["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def write(folder: Path, made: Dataset, *, syntax: UID = ExplicitVRLittleEndian, name: str = "film.dcm") -> Path:
    """Write a data set as a DICOM file; its pixel data must fit the syntax."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = made.SOPClassUID, "1.2.3.4", syntax
    path = folder / name
    whole = FileDataset(str(path), made, file_meta=meta, preamble=bytes(128))
    if "PixelData" in whole and UID(syntax).is_compressed and syntax != "1.2.840.10008.1.2.1.99":
        whole["PixelData"].VR = "OB"
        whole["PixelData"].is_undefined_length = True
    mode, config.settings.writing_validation_mode = config.settings.writing_validation_mode, config.IGNORE
    try:
        dcmwrite(path, whole, enforce_file_format=True)
    finally:
        config.settings.writing_validation_mode = mode
    return path


def write_stream(folder: Path, stream: bytes | list[bytes], made: Dataset, *, syntax: UID) -> Path:
    """Write compressed frames under the header of `made`."""
    frames = [stream] if isinstance(stream, bytes) else stream
    made.PixelData = encapsulate(frames)
    return write(folder, made, syntax=syntax)


def write_bare(folder: Path, made: Dataset, *, is_implicit: bool, is_little_endian: bool = True, name: str = "bare") -> Path:
    """Write a data set without preamble and file meta information."""
    path = folder / name
    dcmwrite(path, made, implicit_vr=is_implicit, little_endian=is_little_endian)
    return path


def read(path: Path, *, frame: int = 0, member: str = "", limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """Read a frame."""
    return read_pixels(ImageRef(path, member, frame), limits=limits)


def stored(pixels: Pixels) -> np.ndarray:
    """Give the stored values, signed where the file's are."""
    return pixels.values.astype(np.int64) + pixels.offset


def texts(pixels: Pixels, key: str) -> list[str]:
    """Give the texts of the facts of one key."""
    return [fact.text for fact in pixels.facts if fact.key == key]


def item(**attributes: object) -> Dataset:
    """Make a sequence item."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def raw(made: Dataset, keyword: str, vr: str, value: bytes) -> Dataset:
    """Put bytes into a data set as they are, however wrong."""
    tag = Tag(keyword)
    made[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return made
