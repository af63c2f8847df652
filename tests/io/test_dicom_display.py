"""What a DICOM file says about showing its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from cxrview.core.image import SpacingKind, VoiFunction, Window
from cxrview.core.voi import display_facts, display_table, modality_table
from tests.io.dicom_files import GRADIENT, dataset, item, raw, read, texts, write

SIGNED = np.arange(-60, 60, dtype=np.int16).reshape(12, 10)


def lut_item(first: int, entries: list[int], bits: int, *, vr: str = "US", **attributes: object) -> Dataset:
    made = item(**attributes)
    made.add_new("LUTDescriptor", vr, [len(entries) % 65536, first, bits])
    made.add_new("LUTData", "US", entries)
    return made


def test_rescaling_and_windows_are_kept_for_later(tmp_path: Path) -> None:
    made = dataset(
        RescaleSlope="2",
        RescaleIntercept="-100",
        WindowCenter=["2047", "600"],
        WindowWidth=["4095", "50"],
        WindowCenterWidthExplanation=["LUNG", "BONE"],
    )
    pixels = read(write(tmp_path, made))
    assert np.array_equal(pixels.values, GRADIENT)
    assert (pixels.slope, pixels.intercept) == (2, -100)
    assert pixels.windows == (Window(2047, 4095, VoiFunction.LINEAR, "LUNG"), Window(600, 50, VoiFunction.LINEAR, "BONE"))
    assert [fact.text for fact in display_facts(pixels)] == ["rescaled by 2, -100", "window 2047/4095 from file, first of 2"]


@pytest.mark.parametrize("name", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_voi_function_is_read(tmp_path: Path, name: str) -> None:
    pixels = read(write(tmp_path, dataset(WindowCenter="10", WindowWidth="20", VOILUTFunction=name)))
    assert pixels.windows == (Window(10, 20, VoiFunction(name)),)


@pytest.mark.parametrize(
    ("changes", "kept", "words"),
    [
        (
            {"WindowCenter": ["1", "2"], "WindowWidth": ["0", "5"]},
            (Window(2, 5),),
            "window 1/0 of the file ignored: its width is not positive",
        ),
        ({"WindowCenter": "1"}, (), "window of the file ignored: centre or width is missing or no number"),
        (
            {"WindowCenter": "1", "WindowWidth": "2", "VOILUTFunction": "CUBIC"},
            (Window(1, 2),),
            "VOI LUT Function 'CUBIC' is unknown, LINEAR used",
        ),
        ({"RescaleSlope": "0", "RescaleIntercept": "7"}, (), "rescale slope 0 ignored"),
    ],
)
def test_what_cannot_be_followed_is_left_out_with_a_fact(
    tmp_path: Path, changes: dict[str, object], kept: tuple[Window, ...], words: str
) -> None:
    pixels = read(write(tmp_path, dataset(**changes)))
    assert pixels.windows == kept
    assert texts(pixels, "irregular") == [words]


def test_a_window_that_is_no_number_is_left_out_with_a_fact(tmp_path: Path) -> None:
    made = raw(raw(dataset(), "WindowCenter", "DS", b"12,5"), "WindowWidth", "DS", b"30")
    pixels = read(write(tmp_path, made))
    assert pixels.windows == ()
    assert texts(pixels, "irregular") == ["window of the file ignored: centre or width is missing or no number"]


@pytest.mark.parametrize(
    ("photometric", "shape", "is_inverted", "words"),
    [
        ("MONOCHROME2", None, False, []),
        ("MONOCHROME2", "IDENTITY", False, []),
        ("MONOCHROME1", None, True, ["inverted (MONOCHROME1)"]),
        ("MONOCHROME1", "INVERSE", True, ["inverted (MONOCHROME1)"]),
        ("MONOCHROME2", "INVERSE", True, ["inverted (Presentation LUT Shape INVERSE)"]),
        ("MONOCHROME1", "IDENTITY", True, ["inverted (MONOCHROME1, although Presentation LUT Shape says IDENTITY)"]),
    ],
)
def test_polarity_is_told_and_applied_once(
    tmp_path: Path, photometric: str, shape: str | None, is_inverted: bool, words: list[str]
) -> None:
    made = dataset(PhotometricInterpretation=photometric, WindowCenter="2048", WindowWidth="4096")
    if shape:
        made.PresentationLUTShape = shape
    pixels = read(write(tmp_path, made))
    assert np.array_equal(pixels.values, GRADIENT)
    assert (pixels.is_inverted, texts(pixels, "inverted")) == (is_inverted, words)
    assert display_table(pixels)[[0, 4095]].tolist() == ([255, 0] if is_inverted else [0, 255])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1", ExplicitVRBigEndian])
def test_modality_lut_agrees_with_pydicom(tmp_path: Path, syntax: str) -> None:
    entries = [int(value**1.5) for value in range(100)]
    values = np.arange(120, dtype=np.uint16).reshape(12, 10)
    made = dataset(values, ModalityLUTSequence=[lut_item(10, entries, 16, ModalityLUTType="US")], RescaleSlope="3")
    expected = apply_modality_lut(values, made)
    if syntax == ExplicitVRBigEndian:
        made.PixelData = values.astype(">u2").tobytes()
    pixels = read(write(tmp_path, made, syntax=syntax))
    assert np.array_equal(modality_table(pixels)[pixels.values], expected)
    assert display_facts(pixels)[0].text == "modality LUT of 100 entries"


@pytest.mark.parametrize(("vr", "first"), [("SS", -20), ("US", 65536 - 20)])
def test_a_lut_for_signed_pixels_begins_below_zero_whatever_its_vr(tmp_path: Path, vr: str, first: int) -> None:
    made = dataset(SIGNED, ModalityLUTSequence=[lut_item(first, list(range(100, 140)), 16, vr=vr, ModalityLUTType="US")])
    table = modality_table(read(write(tmp_path, made)))
    assert table[[2048 - 60, 2048 - 20, 2048, 2048 + 59]].tolist() == [100, 100, 120, 139]


def test_voi_luts_are_read_and_the_first_is_used(tmp_path: Path) -> None:
    luts = [lut_item(0, [0] * 34 + [4095] * 10, 12, LUTExplanation="HARD"), lut_item(0, [5, 6], 12, LUTExplanation="SOFT")]
    pixels = read(write(tmp_path, dataset(VOILUTSequence=luts, WindowCenter="5", WindowWidth="9")))
    assert [(lut.name, lut.bits, lut.table.size) for lut in pixels.voi_luts] == [("HARD", 12, 44), ("SOFT", 12, 2)]
    assert display_table(pixels)[[0, 33, 34, 4000]].tolist() == [0, 0, 255, 255]
    assert display_facts(pixels)[-1].text == "VOI LUT from file (HARD), first of 2"


def test_a_voi_lut_begins_below_zero_when_modality_values_do(tmp_path: Path) -> None:
    luts = [lut_item(65536 - 100, [0] * 100 + [255] * 100, 8)]
    pixels = read(write(tmp_path, dataset(VOILUTSequence=luts, RescaleIntercept="-1000", RescaleSlope="1")))
    assert pixels.voi_luts[0].first == -100
    assert display_table(pixels)[[999, 1000]].tolist() == [0, 255]


def test_a_lut_of_65536_entries_writes_its_length_as_zero(tmp_path: Path) -> None:
    made = item()
    made.add_new("LUTDescriptor", "US", [0, 0, 16])
    made.add_new("LUTData", "OW", np.arange(65536, dtype="<u2")[::-1].tobytes())
    pixels = read(write(tmp_path, dataset(VOILUTSequence=[made])))
    assert pixels.voi_luts[0].table.size == 65536
    assert display_table(pixels)[[0, 65535]].tolist() == [255, 0]


def test_a_lut_of_bytes_may_be_packed_two_to_a_word(tmp_path: Path) -> None:
    made = item()
    made.add_new("LUTDescriptor", "US", [4, 0, 8])
    made.add_new("LUTData", "OW", bytes([10, 20, 30, 40]))
    assert read(write(tmp_path, dataset(VOILUTSequence=[made]))).voi_luts[0].table.tolist() == [10, 20, 30, 40]


def test_a_lut_shorter_than_it_says_is_left_out_with_a_fact(tmp_path: Path) -> None:
    made = item()
    made.add_new("LUTDescriptor", "US", [400, 0, 16])
    made.add_new("LUTData", "US", [1, 2, 3])
    pixels = read(write(tmp_path, dataset(VOILUTSequence=[made])))
    assert pixels.voi_luts == ()
    assert texts(pixels, "irregular") == ["item of VOILUTSequence ignored: descriptor and data do not fit"]


@pytest.mark.parametrize(
    ("values", "changes", "expected"),
    [
        (GRADIENT, {"PixelPaddingValue": 0}, (0, 0)),
        (GRADIENT, {"PixelPaddingValue": 30, "PixelPaddingRangeLimit": 10}, (10, 30)),
        (SIGNED, {"PixelPaddingValue": -60}, (-60, -60)),
        (SIGNED, {"PixelPaddingValue": -2048, "PixelPaddingRangeLimit": -2000}, (-2048, -2000)),
        (GRADIENT, {}, None),
    ],
)
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1"])
def test_padding_is_a_range_of_stored_values(
    tmp_path: Path, values: np.ndarray, changes: dict[str, int], expected: tuple[int, int] | None, syntax: str
) -> None:
    made = dataset(values)
    for keyword, value in changes.items():
        made.add_new(keyword, "SS" if values is SIGNED else "US", value)
    pixels = read(write(tmp_path, made, syntax=syntax))
    assert pixels.padding == expected
    assert len(texts(pixels, "padding")) == (expected is not None)


def overlay_into(made: Dataset, mask: np.ndarray, *, group: int = 0x6000, origin: tuple[int, int] = (1, 1), **extra: object) -> Dataset:
    base = group << 16
    made.add_new(base | 0x0010, "US", mask.shape[0])
    made.add_new(base | 0x0011, "US", mask.shape[1])
    made.add_new(base | 0x0040, "CS", "G")
    made.add_new(base | 0x0050, "SS", list(origin))
    made.add_new(base | 0x0100, "US", 1)
    made.add_new(base | 0x0102, "US", 0)
    made.add_new(base | 0x1500, "LO", "MARKER")
    bits = np.packbits(mask.ravel(), bitorder="little").tobytes()
    made.add_new(base | 0x3000, "OW", bits + b"\0" * (len(bits) % 2))
    return made


MASK = np.random.default_rng(3).integers(0, 2, (5, 7)).astype(bool)


def test_overlays_are_read_with_their_place(tmp_path: Path) -> None:
    made = overlay_into(overlay_into(dataset(), MASK, origin=(3, 2)), ~MASK, group=0x601E)
    pixels = read(write(tmp_path, made))
    first, last = pixels.overlays
    assert np.array_equal(first.mask, MASK)
    assert np.array_equal(last.mask, ~MASK)
    assert (first.row, first.column, first.label, last.row) == (2, 1, "MARKER", 0)
    assert texts(pixels, "overlay") == ["2 overlay planes"]


def test_overlays_of_big_endian_files_lie_in_swapped_words(tmp_path: Path) -> None:
    made = overlay_into(dataset(PixelData=GRADIENT.astype(">u2").tobytes()), MASK)
    words = np.frombuffer(made[0x60003000].value, "<u2").astype(">u2")
    made[0x60003000].value = words.tobytes()
    assert np.array_equal(read(write(tmp_path, made, syntax=ExplicitVRBigEndian)).overlays[0].mask, MASK)


def test_overlays_in_unused_bits_are_found(tmp_path: Path) -> None:
    mask = np.random.default_rng(4).integers(0, 2, GRADIENT.shape).astype(bool)
    made = dataset(GRADIENT | mask.astype(np.uint16) << 13)
    for element, vr, value in ((0x0010, "US", 12), (0x0011, "US", 10), (0x0050, "SS", [1, 1]), (0x0100, "US", 16), (0x0102, "US", 13)):
        made.add_new(0x60000000 | element, vr, value)
    pixels = read(write(tmp_path, made))
    assert np.array_equal(pixels.overlays[0].mask, mask)
    assert np.array_equal(pixels.values, GRADIENT)


def test_a_multi_frame_overlay_gives_the_plane_of_its_frame(tmp_path: Path) -> None:
    planes = np.random.default_rng(5).integers(0, 2, (3, 5, 7)).astype(bool)
    made = overlay_into(dataset(NumberOfFrames=3, PixelData=GRADIENT.tobytes() * 3), planes.reshape(15, 7))
    made[0x60000010].value = 5
    made.add_new(0x60000015, "IS", "3")
    made.add_new(0x60000051, "US", 1)
    path = write(tmp_path, made)
    for number in range(3):
        assert np.array_equal(read(path, frame=number).overlays[0].mask, planes[number])


def test_an_overlay_shorter_than_it_says_is_left_out_with_a_fact(tmp_path: Path) -> None:
    made = overlay_into(dataset(), MASK)
    made[0x60000010].value = 500
    pixels = read(write(tmp_path, made))
    assert pixels.overlays == ()
    assert texts(pixels, "irregular") == ["overlay 6000 ignored: its data do not fit its size"]


def shown(path: Path) -> np.ndarray:
    mask = read(path).shutter
    assert mask is not None
    assert not mask.flags.writeable
    return mask


def rectangular(made: Dataset, left: int, right: int, upper: int, lower: int) -> Dataset:
    made.ShutterLeftVerticalEdge, made.ShutterRightVerticalEdge = left, right
    made.ShutterUpperHorizontalEdge, made.ShutterLowerHorizontalEdge = upper, lower
    return made


def test_a_rectangular_shutter_shows_its_edges_and_what_is_between(tmp_path: Path) -> None:
    path = write(tmp_path, rectangular(dataset(ShutterShape="RECTANGULAR"), 2, 5, 3, 4))
    expected = np.zeros((12, 10), dtype=bool)
    expected[2:4, 1:5] = True
    assert np.array_equal(shown(path), expected)
    assert texts(read(path), "shutter") == ["shutter (rectangular)"]


def test_a_circular_shutter_shows_a_disc(tmp_path: Path) -> None:
    mask = shown(write(tmp_path, dataset(ShutterShape="CIRCULAR", CenterOfCircularShutter=[6, 5], RadiusOfCircularShutter=3)))
    assert mask[5, 4]
    assert mask[5, 7]
    assert not mask[5, 8]
    assert mask[2, 4]
    assert not mask[1, 4]
    assert mask.sum() == 29  # points of the integer lattice within 3 of the origin


def test_a_polygonal_shutter_shows_its_inside(tmp_path: Path) -> None:
    corners = [2, 3, 2, 8, 9, 8, 9, 3]  # row, column
    mask = shown(write(tmp_path, dataset(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners)))
    expected = np.zeros((12, 10), dtype=bool)
    expected[1:9, 2:8] = True
    assert np.array_equal(mask, expected)


def test_several_shutters_show_what_all_of_them_show(tmp_path: Path) -> None:
    made = dataset(ShutterShape=["RECTANGULAR", "CIRCULAR"], CenterOfCircularShutter=[6, 5], RadiusOfCircularShutter=3)
    mask = shown(write(tmp_path, rectangular(made, 1, 5, 1, 12)))
    assert mask[5, 4]
    assert not mask[5, 5]


def test_a_bitmap_shutter_hides_where_its_overlay_is_set(tmp_path: Path) -> None:
    made = overlay_into(dataset(ShutterShape="BITMAP", ShutterOverlayGroup=0x6002), MASK, group=0x6002, origin=(2, 3))
    path = write(tmp_path, made)
    expected = np.ones((12, 10), dtype=bool)
    expected[1:6, 2:9] = ~MASK
    assert np.array_equal(shown(path), expected)
    assert read(path).overlays == ()


def test_a_shutter_that_would_hide_everything_is_ignored_with_a_fact(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, rectangular(dataset(ShutterShape="RECTANGULAR"), 0, 0, 0, 0)))
    assert pixels.shutter is None
    assert texts(pixels, "irregular") == ["shutter (rectangular) ignored: it would hide the whole picture"]


def test_a_shutter_that_hides_nothing_is_none(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, rectangular(dataset(ShutterShape="RECTANGULAR"), 1, 10, 1, 12)))
    assert pixels.shutter is None
    assert texts(pixels, "shutter") == []


@pytest.mark.parametrize(
    ("tags", "kind", "row_mm"),
    [
        ({}, SpacingKind.UNKNOWN, 0.0),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, SpacingKind.AT_DETECTOR, 0.2),
        (
            {"ImagerPixelSpacing": [0.2, 0.1], "EstimatedRadiographicMagnificationFactor": "1.25"},
            SpacingKind.MAGNIFICATION_CORRECTED,
            0.16,
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.1], "DistanceSourceToDetector": "1800", "DistanceSourceToPatient": "1600"},
            SpacingKind.MAGNIFICATION_CORRECTED,
            0.2 * 1600 / 1800,
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.1], "DistanceSourceToDetector": "1800", "DistanceSourceToPatient": "0"},
            SpacingKind.AT_DETECTOR,
            0.2,
        ),
        ({"ImagerPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.2, 0.1]}, SpacingKind.AT_DETECTOR, 0.2),
        ({"ImagerPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.18, 0.09]}, SpacingKind.UNKNOWN, 0.18),
        (
            {"ImagerPixelSpacing": [0.2, 0.1], "PixelSpacing": [0.18, 0.09], "PixelSpacingCalibrationType": "FIDUCIAL"},
            SpacingKind.CALIBRATED,
            0.18,
        ),
        ({"PixelSpacing": [0.18, 0.09]}, SpacingKind.UNKNOWN, 0.18),
        ({"PixelSpacing": [0.18, 0.09], "PixelSpacingCalibrationDescription": "ruler"}, SpacingKind.CALIBRATED, 0.18),
        ({"PixelSpacing": [0.18, 0.09], "Modality": "CT"}, SpacingKind.CALIBRATED, 0.18),
        ({"PixelSpacing": [0.0, 0.0]}, SpacingKind.UNKNOWN, 0.0),
        ({"NominalScannedPixelSpacing": [0.18, 0.09]}, SpacingKind.AT_DETECTOR, 0.18),
    ],
)
def test_spacing_is_told_for_what_it_is_worth(tmp_path: Path, tags: dict[str, object], kind: SpacingKind, row_mm: float) -> None:
    pixels = read(write(tmp_path, dataset(**tags)))
    assert pixels.spacing.kind is kind
    assert pixels.spacing.row_mm == pytest.approx(row_mm)
    assert pixels.spacing.column_mm == pytest.approx(row_mm / 2)
    assert len(texts(pixels, "spacing")) == (row_mm > 0)


def test_functional_groups_speak_for_their_frame(tmp_path: Path) -> None:
    frames = [item(FrameVOILUTSequence=[item(WindowCenter=str(10 * number), WindowWidth="5")]) for number in (1, 2)]
    shared = item(
        PixelValueTransformationSequence=[item(RescaleSlope="3", RescaleIntercept="1")],
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.25])],
    )
    made = dataset(
        NumberOfFrames=2,
        PixelData=GRADIENT.tobytes() * 2,
        Modality="CT",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )
    path = write(tmp_path, made)
    assert [read(path, frame=number).windows[0].center for number in (0, 1)] == [10, 20]
    pixels = read(path)
    assert (pixels.slope, pixels.intercept, pixels.spacing.row_mm) == (3, 1, 0.5)
