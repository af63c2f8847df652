"""The sample files that pydicom installs, and the collection beside the checkout: each is read right, or refused for a stated reason."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, pixel_array

from cxrview.core.errors import CxrError, ImageTooLarge, NotAnImage
from cxrview.core.image import ImageRef
from cxrview.core.voi import display_table
from cxrview.io.read import find_images, frame_refs, read_pixels, read_tags
from tests.io.dicom_files import read, stored, texts

INSTALLED = Path(pydicom.__file__).parent / "data" / "test_files"
COLLECTION = Path(__file__).parents[2].parent / "shared" / "dicom"

NO_PICTURE = "The file holds no picture"
DEEP = "The pixels are 32 bits deep"
NO_HEADER = "The header does not describe the picture: Rows"
REFUSALS = {
    "2026-05-26-oob-monochrome-46341.dcm": "46341×46341 = 2,147,488,281 pixels; at most",
    "2026-05-26-oob-monochrome-65535.dcm": "65535×65535 = 4,294,836,225 pixels; at most",
    "DX_VOILUT_NoPixelData.dcm": "describes a picture (Digital X-Ray Image Storage - For Presentation) but holds no pixel data",
    "ExplVR_BigEndNoMeta.dcm": f"{NO_PICTURE} (RT Ion Plan Storage)",
    "ExplVR_LitEndNoMeta.dcm": f"{NO_PICTURE} (RT Ion Plan Storage)",
    "JPEG2000-embedded-sequence-delimiter.dcm": "The JPEG 2000 stream has a size or tiles that make no sense",
    "MR_truncated.dcm": "The pixel data are cut short: 8,130 of 8,192 bytes",
    "SC_rgb_rle_32bit.dcm": DEEP,
    "SC_rgb_rle_32bit_2frame.dcm": DEEP,
    "UN_sequence.dcm": NO_PICTURE,
    "badVR.dcm": DEEP,
    "empty_charset_LEI.dcm": NO_PICTURE,
    "meta_missing_tsyntax.dcm": NO_HEADER,
    "nested_priv_SQ.dcm": NO_HEADER,
    "no_meta.dcm": "The file is data of an unknown kind",  # its first byte is missing
    "no_meta_group_length.dcm": NO_PICTURE,
    "priv_SQ.dcm": NO_PICTURE,
    "reportsi.dcm": f"{NO_PICTURE} (Basic Text SR Storage)",
    "reportsi_with_empty_number_tags.dcm": f"{NO_PICTURE} (Basic Text SR Storage)",
    "rtdose.dcm": DEEP,
    "rtdose_1frame.dcm": DEEP,
    "rtdose_expb.dcm": DEEP,
    "rtdose_expb_1frame.dcm": DEEP,
    "rtdose_rle.dcm": DEEP,
    "rtdose_rle_1frame.dcm": DEEP,
    "rtplan.dcm": f"{NO_PICTURE} (RT Plan Storage)",
    "rtplan_truncated.dcm": f"{NO_PICTURE} (RT Plan Storage)",
    "rtstruct.dcm": f"{NO_PICTURE} (RT Structure Set Storage)",
    "test-SR.dcm": f"{NO_PICTURE} (Comprehensive SR Storage)",
    "udacity_test1_is_html.dcm": "The file is an HTML page",
    "waveform_ecg.dcm": f"{NO_PICTURE} (12-lead ECG Waveform Storage)",
}
LUMA = np.array([0.299, 0.587, 0.114])


def sample_files() -> list[Path]:
    installed = sorted(path for path in INSTALLED.rglob("*.dcm") if path.name != "DICOMDIR-empty.dcm")
    collection = sorted(path for path in COLLECTION.glob("*/*") if path.is_file())
    return installed + collection


FILES = sample_files()


def expected_refusal(path: Path) -> str | None:
    return REFUSALS.get(path.name)


def reference(path: Path) -> tuple[np.ndarray, pydicom.Dataset] | None:
    """Give what pydicom decodes, by GDCM where the file is compressed; None where it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
            dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
        is_jpeg = dataset.file_meta.TransferSyntaxUID.startswith("1.2.840.10008.1.2.4.")
        try:
            return np.asarray(pixel_array(dataset, index=0, raw=True, decoding_plugin="gdcm" if is_jpeg else "")), dataset
        except (RuntimeError, NotImplementedError, ValueError):
            return None


def is_lossless(dataset: pydicom.Dataset) -> bool:
    return dataset.file_meta.TransferSyntaxUID.name.find("Lossless") >= 0 or not dataset.file_meta.TransferSyntaxUID.is_encapsulated


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}-{path.name}" for path in FILES])
def test_every_sample_is_read_or_refused_for_the_expected_reason(path: Path) -> None:
    words = expected_refusal(path)
    if words is None:
        pixels = read(path)
        assert pixels.values.dtype == (np.uint8 if pixels.bits <= 8 else np.uint16)
        assert int(pixels.values.max()) < 2**pixels.bits
        assert display_table(pixels).size in (256, 65536)
        assert read_tags(ImageRef(path))
    else:
        with pytest.raises(CxrError) as caught:
            read(path)
        assert words in caught.value.message
        assert (caught.value.subject, bool(caught.value.hint)) == (str(path), True)


@pytest.mark.parametrize(
    "path", [path for path in FILES if expected_refusal(path) is None], ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_pixels_agree_with_gdcm_and_pydicom(path: Path) -> None:
    pytest.importorskip("gdcm")
    found = reference(path)
    if found is None:
        pytest.skip("neither pydicom nor GDCM can decode it")
    theirs, dataset = found
    pixels = read(path)
    photometric = dataset.PhotometricInterpretation
    if theirs.ndim == 3:
        luminance = theirs[..., 0] if photometric.startswith("YBR_FULL") else theirs @ LUMA
        assert np.abs(stored(pixels) - luminance).max() <= (1.5 if pixels.bits == 8 else 2)
    elif photometric == "PALETTE COLOR":
        assert np.abs(stored(pixels) - apply_color_lut(theirs, dataset) @ LUMA).max() <= 2
    else:
        assert np.abs(stored(pixels) - theirs).max() <= (0 if is_lossless(dataset) else 1)


@pytest.mark.parametrize("name", ["SC_rgb_rle_16bit_2frame.dcm", "examples_ybr_color.dcm"])
def test_every_frame_of_a_sample_is_read(name: str) -> None:
    refs = frame_refs(ImageRef(INSTALLED / name))
    assert len(refs) == {"SC_rgb_rle_16bit_2frame.dcm": 2, "examples_ybr_color.dcm": 30}[name]
    assert {read_pixels(ref).values.shape for ref in refs} == {read_pixels(refs[0]).values.shape}


def test_the_samples_are_found_in_their_folder() -> None:
    found = find_images([INSTALLED])
    assert set(INSTALLED.glob("*.dcm")) <= {ref.path for ref in found.refs}
    assert INSTALLED / "dicomdirtests" / "77654033" / "CR1" / "6154" in {ref.path for ref in found.refs}
    assert found.others >= 5


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered", "DICOMDIR-nooffset"])
def test_the_sample_discs_are_read(name: str) -> None:
    found = find_images([INSTALLED / "dicomdirtests" / name])
    assert len(found.refs) + len(found.problems) >= 31
    assert all("not here" in problem.reason for problem in found.problems)


@pytest.fixture
def collection() -> Path:
    if not COLLECTION.is_dir():
        pytest.skip("the collection is not beside this checkout")
    return COLLECTION


def test_the_catalogue_and_the_reader_agree(collection: Path) -> None:
    """Sizes, bits, polarity and syntax of the collection's own catalogue."""
    with (collection / "dicom_catalogue.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["decodes"].startswith("ok") and Path(row["path"]).name not in REFUSALS]
    assert len(rows) >= 40
    for row in rows:
        pixels = read(collection / row["path"])
        assert (pixels.height, pixels.width) == (int(row["rows"]), int(row["cols"])), row["path"]
        assert pixels.is_inverted == (row["photometric"] == "MONOCHROME1"), row["path"]
        if row["photometric"].startswith("MONO"):
            assert pixels.bits == int(row["bits_stored"]), row["path"]
            assert bool(pixels.windows) == (row["window_present"] == "Y"), row["path"]
            assert bool(pixels.voi_luts) == (row["voi_lut_sequence"] == "Y"), row["path"]
            assert (pixels.modality_lut is not None) == (row["modality_lut_sequence"] == "Y"), row["path"]


@pytest.mark.parametrize("number", [2, 3])
def test_12_bit_lossy_jpeg_is_close_to_its_uncompressed_twin(collection: Path, number: int) -> None:
    lossy, exact = (read(collection / "xray_noncxr" / f"RG{number}_{kind}") for kind in ("JPLY", "UNC"))
    difference = np.abs(stored(lossy) - stored(exact))
    assert difference.mean() < 4
    assert np.percentile(difference, 99.9) < 32  # of 1023
    assert lossy.bits == exact.bits == 10


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("kind", ["J2KR", "JLSL", "JPLL", "RLE"])
def test_lossless_twins_are_identical(collection: Path, number: int, kind: str) -> None:
    twin, exact = (read(collection / "xray_noncxr" / f"RG{number}_{name}") for name in (kind, "UNC"))
    assert np.array_equal(twin.values, exact.values)


def test_the_two_files_that_declare_billions_of_pixels_are_too_large(collection: Path) -> None:
    for path in (collection / "other").glob("*-oob-*"):
        with pytest.raises(ImageTooLarge):
            read(path)


def test_a_web_page_named_dcm_is_no_picture(collection: Path) -> None:
    with pytest.raises(NotAnImage, match="an HTML page"):
        read(collection / "other" / "udacity_test1_is_html.dcm")


def test_a_forged_polarity_shows_the_negative(collection: Path) -> None:
    plain, forged = (read(collection / "cxr" / name) for name in ("rsna_cr_jpeg8_mono2.dcm", "rsna_fake_mono1.dcm"))
    assert np.array_equal(plain.values, forged.values)
    assert np.array_equal(display_table(forged), 255 - display_table(plain))
    assert texts(forged, "inverted") == ["inverted (MONOCHROME1)"]
