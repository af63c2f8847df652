"""Phantoms on disk are real files: any reader gets back the very pixels that were drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_voi_lut

from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef, Lut, Pixels, Spacing, SpacingKind, VoiFunction, Window, read_only
from cxrview.core.phantom import View, as_pixels, phantom
from cxrview.io.dicom_write import DicomHeader, write_dx
from cxrview.io.phantom_files import PhantomVoi, write_dicom, write_phantoms, write_png
from cxrview.io.read import read_pixels

SIZE = (61, 48)
HEADER = DicomHeader(identity="test")


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_dicom_phantom_holds_the_drawn_pixels_at_their_depth_and_polarity(tmp_path: Path, bits: int, is_inverted: bool) -> None:
    drawn = phantom(1, size=SIZE, bits=bits)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", drawn, is_inverted=is_inverted))
    assert np.array_equal(dataset.pixel_array, as_pixels(drawn, is_inverted=is_inverted).values)
    assert (dataset.BitsStored, dataset.HighBit, dataset.BitsAllocated) == (bits, bits - 1, 8 if bits == 8 else 16)
    assert dataset.PhotometricInterpretation == ("MONOCHROME1" if is_inverted else "MONOCHROME2")
    assert dataset.PresentationLUTShape == ("INVERSE" if is_inverted else "IDENTITY")


def test_a_dicom_phantom_is_a_dx_image_with_all_that_the_module_requires(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", phantom(3, size=SIZE, view=View.AP, marker="L")))
    assert dataset.SOPClassUID.name == "Digital X-Ray Image Storage - For Presentation"
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert (dataset.Modality, dataset.ViewPosition, dataset.BodyPartExamined, dataset.PatientID) == ("DX", "AP", "CHEST", "phantom-3")
    assert dataset.BurnedInAnnotation == "YES"
    assert dataset.PatientOrientation == ["L", "F"]
    assert float(dataset.ImagerPixelSpacing[0]) == pytest.approx(phantom(3, size=SIZE, view=View.AP).spacing_mm, rel=1e-4)


@pytest.mark.parametrize(
    ("view", "position", "part", "orientation"),
    [(View.PA, "PA", "CHEST", "L"), (View.LATERAL, "LL", "CHEST", "P"), (View.HAND, None, "HAND", "L"), (View.TEXT, None, "", "L")],
)
def test_the_view_is_told(tmp_path: Path, view: View, position: str | None, part: str, orientation: str) -> None:
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", phantom(3, size=SIZE, view=view)))
    assert dataset.get("ViewPosition") == position
    assert (dataset.get("BodyPartExamined") or "") == part
    assert dataset.PatientOrientation[0] == orientation
    assert dataset.BurnedInAnnotation == "NO"


def test_the_same_phantom_has_the_same_uids_and_another_has_others(tmp_path: Path) -> None:
    drawn, other = phantom(1, size=SIZE), phantom(2, size=SIZE)
    first, again, different = (write_dicom(tmp_path / f"{index}.dcm", each) for index, each in enumerate((drawn, drawn, other)))
    assert first.read_bytes() == again.read_bytes()
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    uids = [pydicom.dcmread(path)[keyword].value for path in (first, different) for keyword in keywords]
    assert len(set(uids)) == 6


def test_the_window_form_covers_all_stored_values(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", phantom(1, size=SIZE, bits=14)))
    assert (dataset.WindowCenter, dataset.WindowWidth) == (8192, 16384)
    assert "VOILUTSequence" not in dataset


def test_the_lut_form_has_an_s_shaped_table_that_pydicom_applies(tmp_path: Path) -> None:
    drawn = phantom(1, size=SIZE, bits=16)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", drawn, voi=PhantomVoi.LUT))
    assert "WindowCenter" not in dataset
    shown = apply_voi_lut(dataset.pixel_array, dataset)
    order = np.argsort(drawn.values, axis=None)
    assert (np.diff(shown.ravel()[order].astype(int)) >= 0).all()
    middle = np.abs(drawn.values.astype(float) - 32768) < 600
    assert shown[middle] == pytest.approx(drawn.values[middle] / 16, abs=60)
    assert 3600 < shown.max() <= 4095


def test_the_plain_form_has_neither(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", phantom(1, size=SIZE), voi=PhantomVoi.NONE))
    assert "WindowCenter" not in dataset
    assert "VOILUTSequence" not in dataset


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_a_png_phantom_has_full_range_at_8_or_16_bits(tmp_path: Path, bits: int, dtype: type[np.generic]) -> None:
    drawn = phantom(1, size=SIZE, bits=bits)
    values = cv2.imread(str(write_png(tmp_path / "a.png", drawn)), cv2.IMREAD_UNCHANGED)
    assert values is not None
    assert values.dtype == dtype
    full = np.iinfo(dtype).max
    assert values / full == pytest.approx(drawn.values / (2**bits - 1), abs=0.51 / full)


def test_a_folder_of_dicom_phantoms_has_every_form_of_real_ones(tmp_path: Path) -> None:
    paths = write_phantoms(tmp_path / "new" / "folder", 10, 5, size=SIZE)
    datasets = [pydicom.dcmread(path) for path in paths]
    assert [path.name for path in paths] == [f"phantom-{seed:04d}.dcm" for seed in range(5, 15)]
    assert {dataset.BitsStored for dataset in datasets} == {10, 12, 14, 15, 16}
    assert {dataset.PhotometricInterpretation for dataset in datasets} == {"MONOCHROME1", "MONOCHROME2"}
    assert {("WindowCenter" in dataset, "VOILUTSequence" in dataset) for dataset in datasets} == {
        (True, False),
        (False, True),
        (False, False),
    }
    assert Counter(dataset.ViewPosition for dataset in datasets) == {"PA": 8, "AP": 2}
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 10


def test_a_folder_of_png_phantoms_has_both_depths(tmp_path: Path) -> None:
    paths = write_phantoms(tmp_path, 2, 0, kind="png", size=SIZE)
    depths = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype for path in paths]
    assert depths == [np.uint8, np.uint16]


def test_a_mixed_folder_alternates(tmp_path: Path) -> None:
    assert [path.suffix for path in write_phantoms(tmp_path, 4, 0, kind="mixed", size=SIZE)] == [".dcm", ".png", ".dcm", ".png"]


def test_writing_again_writes_the_same_and_leaves_nothing_else(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_phantoms(tmp_path, 3, 0, kind="mixed", size=SIZE)]
    second = [path.read_bytes() for path in write_phantoms(tmp_path, 3, 0, kind="mixed", size=SIZE)]
    assert first == second
    assert len(list(tmp_path.iterdir())) == 3


def test_the_program_reads_back_the_pixels_it_wrote(tmp_path: Path) -> None:
    for is_inverted in (False, True):
        drawn = phantom(2, size=SIZE, bits=14)
        pixels = read_pixels(ImageRef(write_dicom(tmp_path / "a.dcm", drawn, is_inverted=is_inverted, voi=PhantomVoi.LUT)))
        assert np.array_equal(pixels.values, as_pixels(drawn, is_inverted=is_inverted).values)
        assert (pixels.bits, pixels.is_inverted, len(pixels.voi_luts), pixels.info.view) == (14, is_inverted, 1, "PA")
        assert pixels.spacing.kind is SpacingKind.AT_DETECTOR
        assert pixels.spacing.row_mm == pytest.approx(drawn.spacing_mm, rel=1e-4)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PhantomKind"):
        write_phantoms(tmp_path / "x", 1, 0, kind="gif")
    assert not (tmp_path / "x").exists()


def test_signed_pixels_rescale_and_odd_lengths_survive(tmp_path: Path) -> None:
    values = np.arange(15, dtype=np.uint16).reshape(3, 5) * 100
    pixels = Pixels(values=read_only(values), bits=12, offset=-500, slope=2.0, intercept=-3.5)
    dataset = pydicom.dcmread(write_dx(tmp_path / "a.dcm", pixels, HEADER))
    assert dataset.PixelRepresentation == 1
    assert np.array_equal(dataset.pixel_array, values.astype(int) - 500)
    assert (float(dataset.RescaleSlope), float(dataset.RescaleIntercept)) == (2.0, -3.5)
    odd = Pixels(values=read_only(np.arange(15, dtype=np.uint8).reshape(3, 5)), bits=8)
    path = write_dx(tmp_path / "b.dcm", odd, HEADER)
    assert np.array_equal(pydicom.dcmread(path).pixel_array, odd.values)
    assert path.stat().st_size % 2 == 0


def test_spacing_is_written_as_what_it_is(tmp_path: Path) -> None:
    values = read_only(np.zeros((4, 4), np.uint8))
    calibrated = Pixels(values=values, bits=8, spacing=Spacing(0.2, 0.25, SpacingKind.CALIBRATED))
    dataset = pydicom.dcmread(write_dx(tmp_path / "a.dcm", calibrated, HEADER))
    assert [float(each) for each in dataset.PixelSpacing] == [0.2, 0.25]
    unknown = pydicom.dcmread(write_dx(tmp_path / "b.dcm", Pixels(values=values, bits=8), HEADER))
    assert "PixelSpacing" not in unknown
    assert "ImagerPixelSpacing" not in unknown


def test_several_windows_their_names_and_function_are_written(tmp_path: Path) -> None:
    windows = (Window(100, 50, VoiFunction.SIGMOID, "BONE"), Window(80.5, 200, VoiFunction.SIGMOID, "LUNG"))
    pixels = Pixels(values=read_only(np.zeros((4, 4), np.uint8)), bits=8, windows=windows)
    dataset = pydicom.dcmread(write_dx(tmp_path / "a.dcm", pixels, HEADER))
    assert [float(each) for each in dataset.WindowCenter] == [100, 80.5]
    assert list(dataset.WindowCenterWidthExplanation) == ["BONE", "LUNG"]
    assert dataset.VOILUTFunction == "SIGMOID"


def test_unnamed_linear_windows_say_no_more_than_their_numbers(tmp_path: Path) -> None:
    pixels = Pixels(values=read_only(np.zeros((4, 4), np.uint8)), bits=8, windows=(Window(100, 50),))
    dataset = pydicom.dcmread(write_dx(tmp_path / "a.dcm", pixels, HEADER))
    assert "VOILUTFunction" not in dataset
    assert "WindowCenterWidthExplanation" not in dataset


@pytest.mark.parametrize(("first", "name"), [(0, ""), (-100, "SIGNED")])
def test_a_lut_is_written_with_its_first_value_and_its_name(tmp_path: Path, first: int, name: str) -> None:
    lut = Lut(first=first, bits=8, table=read_only(np.arange(256, dtype=np.uint16)), name=name)
    pixels = Pixels(values=read_only(np.zeros((4, 4), np.uint8)), bits=8, voi_luts=(lut,))
    item = pydicom.dcmread(write_dx(tmp_path / "a.dcm", pixels, HEADER)).VOILUTSequence[0]
    assert list(item.LUTDescriptor) == [256, first, 8]
    assert item.get("LUTExplanation", "") == name


def test_a_picture_too_large_for_dicom_is_refused_and_the_older_file_stays(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", phantom(1, size=SIZE))
    before = path.read_bytes()
    with pytest.raises(CxrError, match="65535"):
        write_dx(path, Pixels(values=read_only(np.zeros((1, 65536), np.uint8)), bits=8), HEADER)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
