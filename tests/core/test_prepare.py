"""The model sees the same picture whatever way it was stored or shown, and every point of its input is found again in the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrview.core.burned_in import without_marks
from cxrview.core.enhance import beasf, clahe, equalise, histogram_of, match_histogram
from cxrview.core.errors import UnsuitableImage
from cxrview.core.frame import Box
from cxrview.core.image import Lut, Pixels, Window, read_only
from cxrview.core.manifest import Channels, Enhancement, InputSpec, Normalisation, RangeRule, ResizeRule
from cxrview.core.phantom import Phantom, as_pixels, phantom
from cxrview.core.prepare import normalise, prepare, to_channels, to_gray

Gray = npt.NDArray[np.uint8]

SPEC = InputSpec(width=64, height=64)
FULL_RANGE = replace(SPEC, range_rule=RangeRule.BIT_DEPTH)
SMALL = as_pixels(phantom(1, size=(96, 96), bits=10))


@pytest.fixture(scope="module")
def film() -> Phantom:
    return phantom(2, size=(300, 260), bits=12)


@pytest.fixture(scope="module")
def pixels(film: Phantom) -> Pixels:
    return as_pixels(film)


def of(values: npt.NDArray[np.generic], *, bits: int = 8) -> Pixels:
    stored = values.astype(np.uint8 if bits <= 8 else np.uint16)
    return Pixels(values=read_only(stored), bits=bits)


def far_apart(first: Gray, second: Gray) -> int:
    return int(np.abs(first.astype(int) - second).max())


@st.composite
def specs(draw: st.DrawFn) -> InputSpec:
    return InputSpec(
        width=draw(st.integers(32, 96)),
        height=draw(st.integers(32, 96)),
        via_px=draw(st.sampled_from([0, 0, 48, 128])),
        border_crop=draw(st.sampled_from([0.0, 0.0, 0.04, 0.1, 0.25])),
        resize=draw(st.sampled_from(list(ResizeRule))),
        lung_crop=draw(st.booleans()),
        lung_margin=draw(st.sampled_from([0.0, 0.05, 0.2])),
        range_rule=RangeRule.BIT_DEPTH,
    )


SIZES = st.tuples(st.integers(120, 260), st.integers(120, 260))
LUNG_BOXES = st.sampled_from([None, Box(10.4, 12.6, 110.2, 118.9), Box(-5, 20, 90, 119.5)])


def dotted(size: tuple[int, int], x: float, y: float, sigma_x: float, sigma_y: float) -> Pixels:
    """Give a black picture with one soft white dot at (x, y) image px."""
    across = np.exp(-0.5 * np.square((np.arange(size[0]) + 0.5 - x) / sigma_x))
    down = np.exp(-0.5 * np.square((np.arange(size[1]) + 0.5 - y) / sigma_y))
    return of(np.rint(65535 * down[:, None] * across), bits=16)


def middle_of_mass(gray: Gray) -> tuple[float, float]:
    weights = gray.astype(float)
    columns, rows = np.arange(gray.shape[1]) + 0.5, np.arange(gray.shape[0]) + 0.5
    return float((weights @ columns).sum() / weights.sum()), float((rows @ weights).sum() / weights.sum())


@settings(deadline=None)
@given(specs(), SIZES, LUNG_BOXES, st.floats(0.42, 0.58), st.floats(0.42, 0.58))
def test_a_dot_is_where_the_frame_says_and_leads_back_to_the_image(
    spec: InputSpec, size: tuple[int, int], lung_box: Box | None, at_x: float, at_y: float
) -> None:
    noise = of(np.random.default_rng(0).integers(0, 255, (size[1], size[0])))
    frame = prepare(noise, spec, lung_box=lung_box).frame
    seen = frame.model_box_in_image()
    left, top, right, bottom = max(seen.left, 0.0), max(seen.top, 0.0), min(seen.right, size[0]), min(seen.bottom, size[1])
    if spec.lung_crop and lung_box is not None:  # beside the lungs a letterbox shows bars, not the image
        grow_x, grow_y = lung_box.width * spec.lung_margin, lung_box.height * spec.lung_margin
        left, top = max(left, lung_box.left - grow_x), max(top, lung_box.top - grow_y)
        right, bottom = min(right, lung_box.right + grow_x), min(bottom, lung_box.bottom + grow_y)
    x, y = left + at_x * (right - left), top + at_y * (bottom - top)
    # The dot is wide enough to survive the coarsest grid on the way.
    coarsest = max(max(seen.width, seen.height) / spec.via_px if spec.via_px else 1.0, 1.0)
    dot = dotted(size, x, y, 2 * max(coarsest, frame.scale_x), 2 * max(coarsest, frame.scale_y))
    made = prepare(dot, spec, lung_box=lung_box)
    assert made.frame == frame
    found = middle_of_mass(made.gray)
    assert found == pytest.approx(frame.to_model(x, y), abs=0.5)
    back = frame.to_image(*found)
    assert back[0] == pytest.approx(x, abs=0.5 * max(frame.scale_x, 1.0))
    assert back[1] == pytest.approx(y, abs=0.5 * max(frame.scale_y, 1.0))


@settings(deadline=None)
@given(specs(), SIZES, LUNG_BOXES)
def test_the_frame_knows_both_sizes_and_the_input_has_the_models(spec: InputSpec, size: tuple[int, int], lung_box: Box | None) -> None:
    made = prepare(of(np.random.default_rng(1).integers(0, 255, (size[1], size[0]))), spec, lung_box=lung_box)
    assert (made.frame.image_width, made.frame.image_height) == size
    assert (made.frame.model_width, made.frame.model_height) == (spec.width, spec.height)
    assert made.gray.shape == (spec.height, spec.width)
    assert made.tensor.shape == (1, 1, spec.height, spec.width)


def test_stretching_covers_the_whole_picture(pixels: Pixels) -> None:
    assert prepare(pixels, SPEC).frame.model_box_in_image() == Box(0, 0, 300, 260)


def test_cropping_keeps_the_aspect_and_the_middle(pixels: Pixels) -> None:
    made = prepare(pixels, replace(SPEC, resize=ResizeRule.CROP))
    assert made.frame.model_box_in_image() == Box(20, 0, 280, 260)
    assert made.frame.scale_x == made.frame.scale_y


def test_a_tall_model_crops_the_sides(pixels: Pixels) -> None:
    made = prepare(pixels, replace(SPEC, width=32, height=64, resize=ResizeRule.CROP))
    assert made.frame.model_box_in_image() == Box(85, 0, 215, 260)


def test_letterboxing_shows_everything_between_black_bars(pixels: Pixels) -> None:
    made = prepare(pixels, replace(SPEC, resize=ResizeRule.LETTERBOX))
    seen = made.frame.model_box_in_image()
    assert (seen.left, seen.right) == (0, 300)
    assert seen.top < 0
    assert seen.bottom > 260
    top = made.frame.to_model(0, 0)[1]
    assert not made.gray[: int(top)].any()
    assert made.gray[int(top) + 1].any()


def test_letterbox_bars_do_not_count_as_gray_levels_of_the_picture(pixels: Pixels) -> None:
    bright = replace(pixels, values=read_only((pixels.values // 4 + 3000).astype(np.uint16)))
    boxed = prepare(bright, replace(SPEC, resize=ResizeRule.LETTERBOX, percentiles=(0.0, 100.0)))
    inside = boxed.gray[8:-8]
    assert (inside.min(), inside.max()) == (0, 255)


def test_the_border_is_cut_before_anything_else_and_told(pixels: Pixels) -> None:
    framed = pixels.values.copy()
    framed[:26] = framed[-26:] = framed[:, :30] = framed[:, -30:] = 4095
    cut = replace(SPEC, border_crop=0.1)
    with_border, without = prepare(replace(pixels, values=read_only(framed)), cut), prepare(pixels, cut)
    assert np.array_equal(with_border.tensor, without.tensor)
    assert with_border.frame.model_box_in_image() == Box(30, 26, 270, 234)
    assert [fact.key for fact in with_border.facts] == ["border_crop"]


def test_the_lung_box_is_grown_by_its_margin_and_told(pixels: Pixels) -> None:
    made = prepare(pixels, replace(SPEC, lung_crop=True, lung_margin=0.1), lung_box=Box(50, 40, 250, 240))
    assert made.frame.model_box_in_image() == Box(30, 20, 270, 260)
    assert [fact.key for fact in made.facts] == ["lung_crop"]


def test_a_lung_box_is_ignored_unless_the_contract_asks_for_it(pixels: Pixels) -> None:
    assert np.array_equal(prepare(pixels, SPEC, lung_box=Box(50, 40, 250, 240)).tensor, prepare(pixels, SPEC).tensor)


def test_what_is_not_lung_is_blanked_beyond_the_dilation_and_the_lungs_keep_their_own_gray_range(pixels: Pixels) -> None:
    mask = np.zeros((260, 300), np.bool_)
    mask[65:195, 75:225] = True
    spec = replace(SPEC, lung_mask=True, lung_dilation=0.0)
    made = prepare(pixels, spec, lung_mask=mask)
    assert not made.gray[:15].any()
    assert not made.gray[:, :15].any()
    inside = made.gray[17:47, 17:47]
    assert inside.min() < 20
    assert inside.max() > 235
    assert [fact.key for fact in made.facts] == ["lung_mask"]
    grown = prepare(pixels, replace(spec, lung_dilation=0.1), lung_mask=mask)
    assert (grown.gray[32] > 0).sum() == pytest.approx((made.gray[32] > 0).sum() + 12, abs=3)


def test_a_lung_mask_lies_where_the_crop_puts_it(pixels: Pixels) -> None:
    mask = np.zeros((260, 300), np.bool_)
    mask[40:240, 50:250] = True
    spec = replace(SPEC, lung_mask=True, lung_crop=True, lung_margin=0.0, lung_dilation=0.0)
    made = prepare(pixels, spec, lung_box=Box(50, 40, 250, 240), lung_mask=mask)
    assert np.array_equal(
        made.tensor, prepare(pixels, replace(SPEC, lung_crop=True, lung_margin=0.0), lung_box=Box(50, 40, 250, 240)).tensor
    )


def test_a_lung_mask_is_ignored_unless_the_contract_asks_for_it(pixels: Pixels) -> None:
    assert np.array_equal(prepare(pixels, SPEC, lung_mask=np.zeros((260, 300), np.bool_)).tensor, prepare(pixels, SPEC).tensor)


def test_a_contract_with_lung_crop_takes_the_whole_picture_when_no_box_is_known(pixels: Pixels) -> None:
    assert np.array_equal(prepare(pixels, replace(SPEC, lung_crop=True)).tensor, prepare(pixels, SPEC).tensor)


@pytest.mark.parametrize("percentiles", [(0.5, 99.5), (0.0, 98.0), (5.0, 100.0)])
@pytest.mark.parametrize("rule", [RangeRule.PERCENTILE, RangeRule.BIT_DEPTH])
@pytest.mark.parametrize("resize", list(ResizeRule))
def test_monochrome1_and_monochrome2_of_one_film_are_the_same_input(
    film: Phantom, percentiles: tuple[float, float], rule: RangeRule, resize: ResizeRule
) -> None:
    spec = replace(SPEC, percentiles=percentiles, range_rule=rule, resize=resize)
    upright, inverted = prepare(as_pixels(film), spec), prepare(as_pixels(film, is_inverted=True), spec)
    assert far_apart(upright.gray, inverted.gray) <= 1


@settings(deadline=None)
@given(st.floats(0.01, 50), st.floats(-5000, 5000))
def test_a_linear_rescale_changes_nothing_under_percentiles(slope: float, intercept: float) -> None:
    rescaled = replace(SMALL, slope=slope, intercept=intercept)
    assert far_apart(prepare(SMALL, SPEC).gray, prepare(rescaled, SPEC).gray) <= 1


@pytest.mark.parametrize("rule", [RangeRule.PERCENTILE, RangeRule.BIT_DEPTH])
def test_signed_pixels_are_the_same_input_as_unsigned_ones(pixels: Pixels, rule: RangeRule) -> None:
    spec = replace(SPEC, range_rule=rule)
    assert far_apart(prepare(pixels, spec).gray, prepare(replace(pixels, offset=-2048), spec).gray) <= 1


@pytest.mark.parametrize("rule", [RangeRule.PERCENTILE, RangeRule.BIT_DEPTH])
def test_what_the_file_wants_shown_never_changes_the_input(pixels: Pixels, rule: RangeRule) -> None:
    spec = replace(SPEC, range_rule=rule)
    curve = Lut(first=0, bits=8, table=read_only(np.arange(4096, dtype=np.uint16)[::-1]))
    shown = replace(pixels, windows=(Window(300, 100),), voi_luts=(curve,))
    assert np.array_equal(prepare(pixels, spec).tensor, prepare(shown, spec).tensor)


def test_the_window_rule_takes_the_files_window(pixels: Pixels) -> None:
    spec = replace(SPEC, range_rule=RangeRule.WINDOW)
    narrow = prepare(replace(pixels, windows=(Window(2000, 400),)), spec).gray
    wide = prepare(replace(pixels, windows=(Window(2048, 4096),)), spec).gray
    assert ((narrow == 0) | (narrow == 255)).mean() > 0.5
    assert far_apart(wide, prepare(pixels, FULL_RANGE).gray) <= 1


def test_the_window_rule_finds_a_window_where_the_file_has_none(pixels: Pixels) -> None:
    gray = prepare(pixels, replace(SPEC, range_rule=RangeRule.WINDOW)).gray
    assert gray.min() <= 3
    assert gray.max() >= 250


@pytest.mark.parametrize("rule", [RangeRule.PERCENTILE, RangeRule.BIT_DEPTH])
def test_eight_and_sixteen_bits_of_one_film_are_the_same_input(rule: RangeRule) -> None:
    shallow = phantom(5, size=(200, 220), bits=8).values
    spec = replace(SPEC, range_rule=rule)
    deep = of(shallow.astype(np.uint16) * 257, bits=16)
    assert far_apart(prepare(of(shallow), spec).gray, prepare(deep, spec).gray) <= 1


def test_a_modality_lut_is_applied_before_the_picture_shrinks(pixels: Pixels) -> None:
    squares = read_only((np.arange(4096, dtype=np.uint32) ** 2 // 256).astype(np.uint16))
    through_lut = replace(pixels, modality_lut=Lut(first=0, bits=16, table=squares))
    applied = of(squares[pixels.values], bits=16)
    assert far_apart(prepare(through_lut, SPEC).gray, prepare(applied, SPEC).gray) <= 1
    assert far_apart(prepare(through_lut, FULL_RANGE).gray, prepare(applied, FULL_RANGE).gray) <= 1


def test_pixels_that_hold_no_picture_do_not_set_the_gray_range_and_are_black(pixels: Pixels) -> None:
    values = np.maximum(pixels.values, 1)
    values[:, :75] = 0
    for is_inverted in (False, True):
        bare = replace(pixels, values=read_only(values), is_inverted=is_inverted)
        known = replace(bare, padding=(0, 0))
        masked = replace(bare, shutter=read_only(values > 0))
        with_padding, with_shutter = prepare(known, SPEC).gray, prepare(masked, SPEC).gray
        assert np.array_equal(with_padding, with_shutter)
        assert not with_padding[:, :16].any()
        alone = prepare(replace(bare, values=read_only(values[:, 75:])), replace(SPEC, width=48)).gray
        assert far_apart(with_padding[:, 17:], alone[:, 1:]) <= 3


def test_a_picture_that_is_all_padding_is_refused(pixels: Pixels) -> None:
    with pytest.raises(UnsuitableImage, match="shutter"):
        prepare(replace(pixels, padding=(0, 4095)), SPEC)


def test_padding_values_that_do_not_occur_change_nothing(pixels: Pixels) -> None:
    assert np.array_equal(prepare(replace(pixels, padding=(60000, 65535)), SPEC).tensor, prepare(pixels, SPEC).tensor)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((256, 512))
    stripes[:, ::2] = 200
    gray = prepare(of(stripes), FULL_RANGE).gray
    assert set(np.unique(gray)) == {100}


def test_shrinking_one_side_averages_while_the_other_grows() -> None:
    stripes = np.zeros((40, 512))
    stripes[:, ::2] = 200
    assert set(np.unique(prepare(of(stripes), FULL_RANGE).gray)) == {100}


def test_shrinking_keeps_the_mean(pixels: Pixels) -> None:
    for via_px in (0, 128):
        gray = prepare(pixels, replace(FULL_RANGE, via_px=via_px)).gray
        assert gray.mean() == pytest.approx(pixels.values.mean() / 4095 * 255, abs=0.5)


def test_growing_is_smooth() -> None:
    steps = np.repeat([[0.0, 255.0]], 16, axis=0).repeat(8, axis=1)
    row = prepare(of(steps), FULL_RANGE).gray[32].astype(int)
    assert (np.diff(row) >= 0).all()
    assert len(np.unique(row)) > 3


def test_going_through_a_coarse_grid_removes_what_only_the_fine_source_had(film: Phantom) -> None:
    spec = replace(SPEC, width=128, height=128)
    fine = prepare(as_pixels(film), spec).gray.astype(float)
    coarse = prepare(as_pixels(film), replace(spec, via_px=64)).gray.astype(float)
    assert np.abs(np.diff(coarse, axis=1)).mean() < 0.8 * np.abs(np.diff(fine, axis=1)).mean()


def test_a_picture_smaller_than_the_coarse_grid_is_not_enlarged_to_it(pixels: Pixels) -> None:
    assert np.array_equal(prepare(pixels, replace(SPEC, via_px=2000)).tensor, prepare(pixels, SPEC).tensor)


def test_percentiles_map_to_black_and_white(pixels: Pixels) -> None:
    gray = prepare(pixels, replace(SPEC, percentiles=(30.0, 80.0))).gray
    assert (gray == 0).mean() == pytest.approx(0.30, abs=0.01)
    assert (gray == 255).mean() == pytest.approx(0.20, abs=0.01)


def test_one_odd_pixel_in_black_does_not_stop_the_percentile_rule() -> None:
    values = np.zeros((64, 64))
    values[10:12, 10:12] = 90
    assert prepare(of(values), SPEC).gray.max() == 255


@pytest.mark.parametrize("rule", [RangeRule.PERCENTILE, RangeRule.WINDOW])
def test_a_single_gray_level_is_refused_or_stays_finite(rule: RangeRule) -> None:
    blank = of(np.full((64, 64), 77))
    if rule is RangeRule.PERCENTILE:
        with pytest.raises(UnsuitableImage, match="single gray level"):
            prepare(blank, SPEC)
    else:
        assert np.isfinite(prepare(blank, replace(SPEC, range_rule=rule)).tensor).all()


@pytest.mark.parametrize("shape", [(8, 300), (300, 15)])
def test_an_icon_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(UnsuitableImage, match="at least 16"):
        prepare(of(np.arange(shape[0] * shape[1]).reshape(shape) % 255), SPEC)


def test_a_crop_that_leaves_nothing_is_refused(pixels: Pixels) -> None:
    with pytest.raises(UnsuitableImage, match="too small"):
        prepare(pixels, replace(SPEC, lung_crop=True), lung_box=Box(5, 5, 8, 200))


def test_three_gray_channels_are_one_picture_thrice(pixels: Pixels) -> None:
    spec = replace(SPEC, channels=Channels.GRAY3, mean=(0.5,) * 3, std=(0.25,) * 3)
    tensor = prepare(pixels, spec).tensor
    assert tensor.shape == (1, 3, 64, 64)
    assert np.array_equal(tensor[0, 0], tensor[0, 2])


def test_the_three_planes_of_covid_cxnet_are_gray_clahe_and_beasf(pixels: Pixels) -> None:
    spec = replace(SPEC, channels=Channels.GRAY_CLAHE_BEASF, clahe_clip=3.0, clahe_tiles=4, beasf_gamma=2.0)
    gray = to_gray(pixels, spec).gray
    planes = to_channels(gray, spec)
    assert np.array_equal(planes, np.stack([gray, clahe(gray, clip=3.0, tiles=4), beasf(gray, gamma=2.0)]))


def test_enhancements_are_applied_in_their_order(pixels: Pixels) -> None:
    plain = prepare(pixels, SPEC).gray
    reference = tuple(histogram_of([phantom(8, size=(64, 64), bits=8).values]))
    spec = replace(SPEC, reference_histogram=reference, clahe_clip=4.0)
    steps = {
        Enhancement.CLAHE: lambda gray: clahe(gray, clip=4.0, tiles=8),
        Enhancement.BEASF: lambda gray: beasf(gray, gamma=1.5),
        Enhancement.EQUALISE: equalise,
        Enhancement.HISTOGRAM_MATCH: lambda gray: match_histogram(gray, reference),
        Enhancement.REMOVE_MARKS: without_marks,
    }
    for first in Enhancement:
        for second in Enhancement:
            made = prepare(pixels, replace(spec, enhancement=(first, second))).gray
            assert np.array_equal(made, steps[second](steps[first](plain)))


def test_fixed_normalisation_subtracts_the_mean_and_divides_by_the_std() -> None:
    spec = replace(SPEC, mean=(0.25,), std=(0.5,))
    tensor = normalise(np.array([[[0, 255]]], np.uint8), spec)
    assert tensor.tolist() == [[[[-0.5, 1.5]]]]


def test_each_channel_has_its_own_mean_and_std() -> None:
    spec = replace(SPEC, channels=Channels.GRAY3, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    assert normalise(np.full((3, 1, 1), 255, np.uint8), spec).ravel().tolist() == [1.0, 1.0, 0.0]


def test_per_image_normalisation_gives_mean_zero_and_std_one(pixels: Pixels) -> None:
    tensor = prepare(pixels, replace(SPEC, normalisation=Normalisation.PER_IMAGE)).tensor
    assert tensor.mean() == pytest.approx(0.0, abs=1e-5)
    assert tensor.std() == pytest.approx(1.0, abs=1e-5)


def test_per_image_normalisation_of_a_flat_picture_is_finite() -> None:
    flat = normalise(np.full((1, 4, 4), 9, np.uint8), replace(SPEC, normalisation=Normalisation.PER_IMAGE))
    assert not flat.any()


def test_the_result_is_read_only_and_of_the_promised_types(pixels: Pixels) -> None:
    made = prepare(pixels, SPEC)
    assert (made.tensor.dtype, made.gray.dtype) == (np.float32, np.uint8)
    assert not made.tensor.flags.writeable
    assert not made.gray.flags.writeable
    assert made.tensor.flags.c_contiguous
    assert np.isfinite(made.tensor).all()


def test_an_image_of_model_size_is_not_changed_in_place() -> None:
    values = phantom(4, size=(64, 64), bits=8).values
    before = values.copy()
    made = prepare(of(values), FULL_RANGE)
    assert np.array_equal(values, before)
    assert np.array_equal(made.gray, before)
