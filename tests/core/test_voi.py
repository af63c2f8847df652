"""Modality LUT, VOI and polarity, against the formulas of DICOM PS3.3 and against pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut, apply_windowing

from cxrview.core.image import Fact, Lut, Pixels, VoiFunction, Window
from cxrview.core.voi import auto_window, display_facts, display_table, file_window, modality_table


def pixels_of(values: object = ((0,),), **parts: object) -> Pixels:
    array = np.array(values, dtype=parts.pop("dtype", np.uint16))
    return Pixels(values=array, **{"bits": 8 * array.itemsize, **parts})  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "length"), [(np.uint8, 256), (np.uint16, 65536)])
def test_tables_have_an_entry_for_every_possible_value(dtype: type, length: int) -> None:
    pixels = pixels_of(dtype=dtype)
    assert modality_table(pixels).shape == display_table(pixels).shape == (length,)
    assert modality_table(pixels).dtype == np.float32
    assert display_table(pixels).dtype == np.uint8


def test_modality_value_is_slope_times_stored_plus_intercept() -> None:
    table = modality_table(pixels_of(slope=2.5, intercept=-1000.0, offset=-32768))
    assert table[32768] == -1000.0
    assert table[32768 + 10] == -975.0
    assert table[0] == -32768 * 2.5 - 1000


def test_modality_lut_wins_over_slope_and_is_held_at_its_ends() -> None:
    lut = Lut(first=-2, bits=16, table=np.array([10, 20, 40], dtype=np.uint16))
    table = modality_table(pixels_of(slope=9.0, offset=-5, modality_lut=lut))
    assert table[:8].tolist() == [10, 10, 10, 10, 20, 40, 40, 40]  # stored -5..2


# PS3.3 C.11.2.1.2.1, computed by hand for output 0..255:
# x <= c-0.5-(w-1)/2 -> 0, x > c-0.5+(w-1)/2 -> 255, else ((x-(c-0.5))/(w-1)+0.5)*255.
@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(2048, 4096), {0: 0, 1: 0, 2047: 127, 2048: 128, 4095: 255, 4094: 255, 1024: 64}),
        (Window(100, 1), {99: 0, 100: 255, 101: 255}),
        (Window(0, 100), {-50: 0, -49: 3, 0: 129, 49: 255, 50: 255}),
        (Window(2048, 4096, VoiFunction.LINEAR_EXACT), {0: 0, 2048: 128, 4096: 255, 1024: 64}),
        (Window(0, 100, VoiFunction.LINEAR_EXACT), {-50: 0, -25: 64, 0: 128, 25: 191, 50: 255}),
        (Window(100, 0.5, VoiFunction.LINEAR_EXACT), {99: 0, 100: 128, 101: 255}),
        (Window(100, 40, VoiFunction.SIGMOID), {100: 128, 110: 186, 90: 69, 0: 0, 300: 255}),
    ],
)
def test_windows_follow_the_standard(window: Window, expected: dict[int, int]) -> None:
    table = display_table(pixels_of(offset=-1000), window)
    assert {value: int(table[value + 1000]) for value in expected} == expected


@pytest.mark.parametrize("function", list(VoiFunction))
@given(center=st.floats(-5000, 5000), width=st.floats(1, 9000))
def test_windows_agree_with_pydicom(function: VoiFunction, center: float, width: float) -> None:
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 8, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, str(function)
    values = np.arange(-6000, 6000, 7, dtype=np.int16)
    with np.errstate(over="ignore"):
        theirs = apply_windowing(values, dataset)
    window = Window(float(dataset.WindowCenter), float(dataset.WindowWidth), function)
    ours = display_table(pixels_of(offset=-32768), window)[values.astype(np.int64) + 32768]
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-6


def test_voi_lut_agrees_with_pydicom() -> None:
    entries = (np.linspace(0, 1, 50) ** 2 * 4095).round().astype(np.uint16)
    dataset = Dataset()
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [50, 30, 12], entries.tolist()
    dataset.VOILUTSequence, dataset.PixelRepresentation = [item], 0
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    values = np.arange(120, dtype=np.uint16)
    pixels = pixels_of(voi_luts=(Lut(30, 12, entries),))
    assert np.abs(display_table(pixels)[:120] - apply_voi_lut(values, dataset) / 4095 * 255).max() <= 0.5 + 1e-6


def test_the_first_voi_lut_wins_over_windows_and_a_chosen_window_over_both() -> None:
    step = Lut(0, 8, np.array([0] * 10 + [255], dtype=np.uint16))
    pixels = pixels_of(voi_luts=(step,), windows=(Window(2.5, 4),))
    assert display_table(pixels)[[5, 9, 10, 11]].tolist() == [0, 0, 255, 255]
    assert display_table(pixels, Window(100, 1))[[11, 99, 100]].tolist() == [0, 0, 255]


def test_the_first_window_of_the_file_is_used_when_there_is_no_lut() -> None:
    pixels = pixels_of(windows=(Window(100, 1), Window(5, 1)))
    assert file_window(pixels) == Window(100, 1)
    assert display_table(pixels)[[99, 100]].tolist() == [0, 255]


def test_windows_are_in_modality_values() -> None:
    pixels = pixels_of(slope=2.0, intercept=-100.0, windows=(Window(0, 1),))
    assert display_table(pixels)[[49, 50]].tolist() == [0, 255]


def test_polarity_comes_last_and_the_user_may_turn_it_again() -> None:
    pixels = pixels_of(windows=(Window(100.5, 101),), is_inverted=True)
    plain = display_table(pixels_of(windows=pixels.windows))
    assert (display_table(pixels) == 255 - plain).all()
    assert (display_table(pixels, is_inverted=True) == plain).all()
    assert (display_table(pixels_of(windows=pixels.windows), is_inverted=True) == 255 - plain).all()


def test_a_straight_lut_has_an_exactly_equivalent_window() -> None:
    lut = Lut(first=100, bits=12, table=np.linspace(0, 4095, 401).round().astype(np.uint16), name="NORMAL")
    window = file_window(pixels_of(voi_luts=(lut,)))
    assert window is not None
    assert (window.center, window.width) == pytest.approx((300, 400), abs=0.5)
    assert (window.function, window.name) == (VoiFunction.LINEAR_EXACT, "NORMAL")


def test_a_curved_lut_has_a_window_close_to_it() -> None:
    x = np.arange(1000)
    lut = Lut(first=0, bits=16, table=(65535 / (1 + np.exp(-4 * (x - 500) / 300))).astype(np.uint16))
    by_lut = display_table(pixels_of(voi_luts=(lut,)))[:1000].astype(int)
    by_window = display_table(pixels_of(), file_window(pixels_of(voi_luts=(lut,))))[:1000].astype(int)
    assert np.abs(by_lut - by_window).max() <= 26  # a tenth of the range, at the bends


@pytest.mark.parametrize("table", [[7], [7, 7, 7], [9, 5, 1], [0, 65535]])
def test_odd_luts_have_a_window_too(table: list[int]) -> None:
    window = file_window(pixels_of(voi_luts=(Lut(10, 16, np.array(table, dtype=np.uint16)),)))
    assert window is not None
    assert window.width > 0


def test_without_lut_or_window_the_file_has_none() -> None:
    assert file_window(pixels_of()) is None


def test_automatic_window_ignores_the_extremes() -> None:
    values = np.full((100, 100), 500, dtype=np.uint16)
    values[:50] = np.linspace(400, 600, 5000).astype(np.uint16).reshape(50, 100)
    values[0, :20], values[1, :20] = 65535, 0
    window = auto_window(pixels_of(values))
    assert 400 <= window.center - window.width / 2 <= 405
    assert 595 <= window.center + window.width / 2 <= 600


def test_automatic_window_looks_inside_the_shutter_and_past_padding() -> None:
    values = np.full((60, 60), 4000, dtype=np.uint16)
    values[10:50, 10:50] = np.linspace(100, 200, 1600).astype(np.uint16).reshape(40, 40)
    values[20:30, 20:30] = 0
    shutter = np.zeros((60, 60), dtype=np.bool_)
    shutter[10:50, 10:50] = True
    window = auto_window(pixels_of(values, shutter=shutter, padding=(0, 0)))
    assert window.center - window.width / 2 >= 100
    assert window.center + window.width / 2 <= 200


def test_automatic_window_takes_padding_as_stored_values() -> None:
    values = np.array([[0, 0, 0, 100, 110, 120]], dtype=np.uint16)
    window = auto_window(pixels_of(values, offset=-2000, padding=(-2000, -1950)))
    assert (window.center, window.width) == (-1890, 20)


@pytest.mark.parametrize("value", [0, 77, 65535])
def test_automatic_window_of_an_even_picture_is_valid(value: int) -> None:
    pixels = pixels_of(np.full((8, 8), value), padding=(value, value))
    assert auto_window(pixels).width == 1.0
    assert display_table(pixels).shape == (65536,)


def test_automatic_window_is_in_modality_values_even_when_they_fall() -> None:
    window = auto_window(pixels_of([[0, 10, 20]], slope=-1.0, intercept=100.0))
    assert (window.center, window.width) == (90, 20)


@given(seed=st.integers(0, 2**32 - 1), low=st.integers(0, 1000), span=st.integers(1, 3000))
def test_automatic_window_spans_most_of_the_picture(seed: int, low: int, span: int) -> None:
    values = np.random.default_rng(seed).integers(low, low + span, (50, 40)).astype(np.uint16)
    levels = display_table(pixels_of(values))[values]
    assert ((levels > 0) & (levels < 255)).mean() >= 0.9 or span < 100
    assert low - 1 <= auto_window(pixels_of(values)).center <= low + span


def test_facts_tell_the_display_steps_in_order() -> None:
    lut = Lut(0, 16, np.arange(4, dtype=np.uint16))
    windows = (Window(2047, 4095), Window(1, 2))
    assert display_facts(pixels_of(slope=2.0, intercept=-1.0, windows=windows)) == (
        Fact("modality", "rescaled by 2, -1"),
        Fact("window", "window 2047/4095 from file, first of 2"),
    )
    assert display_facts(pixels_of(modality_lut=lut)) == (
        Fact("modality", "modality LUT of 4 entries"),
        Fact("window", "window 0/1 from the picture's own gray levels"),
    )
    assert display_facts(pixels_of(voi_luts=(Lut(0, 8, lut.table, "HARD"),), windows=windows)) == (
        Fact("window", "VOI LUT from file (HARD)"),
    )
    assert display_facts(pixels_of(windows=windows), Window(7, 8, VoiFunction.SIGMOID)) == (Fact("window", "window 7/8 sigmoid"),)
