"""Time to read a 3000×3000 DICOM file, against pydicom with its own plugins: `python -m tests.benchmarks.bench_decode`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxrview.core.image import ImageRef
from cxrview.io.read import read_pixels

SIZE = 3000
RUNS = 7


def film() -> np.ndarray:
    """Make a smooth, noisy 12-bit picture."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    noise = np.random.default_rng(0).normal(0, 12, (SIZE, SIZE))
    return (1800 + 1200 * np.sin(x / 500) * np.cos(y / 700) + noise).astype(np.uint16)


def dataset_of(values: np.ndarray, bits: int, syntax: UID, stream: bytes | None) -> FileDataset:
    """Wrap pixels, or a stream that holds them, in a file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = DigitalXRayImageStorageForPresentation, "1.2.3", "DX"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.WindowCenter, dataset.WindowWidth = 2047, 4095
    dataset.PixelData = values.tobytes() if stream is None else encapsulate([stream])
    dataset["PixelData"].VR = "OW" if stream is None else "OB"
    return dataset


def write_files(folder: Path) -> dict[str, Path]:
    """Write the picture once for each way of compression."""
    values = film()
    full_depth = values << 4 | values >> 8
    streams: dict[str, tuple[np.ndarray, int, UID, bytes | None]] = {
        "raw, 16 bit": (full_depth, 16, ExplicitVRLittleEndian, None),
        "raw, 12 bit": (values, 12, ExplicitVRLittleEndian, None),
        "JPEG lossless": (values, 12, JPEGLosslessSV1, imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, bitspersample=12)),
        "JPEG-LS": (values, 12, JPEGLSLossless, imagecodecs.jpegls_encode(values)),
        "JPEG 2000": (
            values,
            12,
            JPEG2000Lossless,
            imagecodecs.jpeg2k_encode(values, 0, codecformat="J2K", reversible=True, bitspersample=12),
        ),
        "HTJ2K": (values, 12, HTJ2KLossless, imagecodecs.htj2k_encode(values, reversible=True)),
    }
    files = {}
    for number, (name, parts) in enumerate(streams.items()):
        files[name] = folder / f"{number}.dcm"
        dataset_of(*parts).save_as(files[name], enforce_file_format=True)
    rle = dataset_of(values, 12, ExplicitVRLittleEndian, None)
    rle.compress(RLELossless)
    files["RLE"] = folder / "rle.dcm"
    rle.save_as(files["RLE"], enforce_file_format=True)
    return files


def timed(work: Callable[[], object]) -> float:
    """Give the milliseconds that the work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def compare(name: str, file: Path) -> str:
    """Time both readers in turns, and see that they agree."""
    ours = lambda: read_pixels(ImageRef(file)).values  # noqa: E731
    theirs = lambda: pixel_array(pydicom.dcmread(file))  # noqa: E731
    values = ours()
    try:
        same = "identical" if np.array_equal(values, theirs()) else "DIFFERENT"
    except RuntimeError:
        return f"{name:14}  {statistics.median(timed(ours) for _ in range(RUNS)):8.1f}  {'no plugin':>9}"
    pairs = [(timed(ours), timed(theirs)) for _ in range(RUNS)]
    our_ms, their_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    return f"{name:14}  {our_ms:8.1f}  {their_ms:9.1f}  {our_ms / their_ms:11.2f}  {their_ms / our_ms:6.2f}  {same}"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print(f"{SIZE}×{SIZE}, medians of {RUNS} interleaved runs, Python {sys.version.split()[0]}, pydicom {pydicom.__version__}")
    print(f"{'':14}  {'ours ms':>8}  {'pydicom':>9}  {'ours/theirs':>11}  {'faster':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, file in write_files(Path(folder)).items():
            print(compare(name, file))


if __name__ == "__main__":
    main()
