"""Phantoms look like the anatomy they claim, repeat exactly, and carry opacities where they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrview.core.image import ImageInfo, SpacingKind
from cxrview.core.phantom import Opacity, Phantom, View, as_pixels, phantom
from cxrview.core.phantom_chest import cross_chest, make_anatomy
from cxrview.core.phantom_solids import (
    FRONTAL_AXES,
    LATERAL_AXES,
    Barrel,
    Ellipsoid,
    Interval,
    Level,
    Screen,
    monotone,
    rod,
    trace,
    union_length,
    union_of_tubes,
)

SIZE = (240, 256)
CHEST = (View.PA, View.AP, View.LATERAL)
OTHER = (View.HAND, View.TEXT, View.NOISE, View.BLANK)


def gray(drawn: Phantom) -> npt.NDArray[np.float64]:
    return drawn.values / (2**drawn.bits - 1)


def screen(axes: npt.NDArray[np.float64] = FRONTAL_AXES, side: int = 81) -> Screen:
    """Give rays 0.25 cm apart whose middle one goes through the origin."""
    return Screen(axes, side, side, -side / 8, -side / 8, 0.25)


@pytest.mark.parametrize("view", list(View))
def test_the_same_arguments_give_the_same_picture(view: View) -> None:
    first, second = (phantom(7, size=SIZE, view=view, opacities=2, marker="L 2020", border=0.05) for _ in range(2))
    assert np.array_equal(first.values, second.values)
    assert np.array_equal(first.lung_mask, second.lung_mask)
    assert first.boxes == second.boxes


@pytest.mark.parametrize("view", [*CHEST, View.HAND, View.NOISE])
def test_another_seed_gives_another_picture(view: View) -> None:
    assert np.abs(gray(phantom(1, size=SIZE, view=view)) - gray(phantom(2, size=SIZE, view=view))).mean() > 0.005


def test_patients_differ_in_their_anatomy_not_only_in_noise() -> None:
    masks = [phantom(seed, size=SIZE).lung_mask for seed in range(6)]
    overlap = [(masks[0] & mask).sum() / (masks[0] | mask).sum() for mask in masks[1:]]
    assert max(overlap) < 0.99
    assert min(overlap) > 0.5


@pytest.mark.parametrize("bits", range(8, 17))
def test_every_depth_is_used_and_not_exceeded(bits: int) -> None:
    drawn = phantom(0, size=SIZE, bits=bits)
    assert drawn.values.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert drawn.values.max() <= 2**bits - 1
    assert drawn.values.max() > 0.85 * 2**bits
    assert drawn.values.min() < 0.05 * 2**bits


def test_depths_are_roundings_of_one_film() -> None:
    assert np.abs(gray(phantom(4, size=SIZE, bits=8)) - gray(phantom(4, size=SIZE, bits=16))).max() <= 0.5 / 255 + 1e-4


@pytest.mark.parametrize("size", [(16, 16), (64, 300), (300, 64), (121, 97), (700, 500)])
def test_any_size_is_drawn_with_masks_of_the_same_size(size: tuple[int, int]) -> None:
    drawn = phantom(3, size=size, opacities=1)
    assert drawn.size == size
    assert drawn.values.shape == drawn.lung_mask.shape == drawn.opacity_mask.shape == (size[1], size[0])


@pytest.mark.parametrize("size", [(256, 256), (160, 420), (420, 160)])
def test_the_lungs_fit_on_the_picture_whatever_its_shape(size: tuple[int, int]) -> None:
    lungs = phantom(5, size=size).lung_mask
    assert lungs.any()
    edge = np.concatenate([lungs[0], lungs[-1], lungs[:, 0], lungs[:, -1]])
    assert not edge.any()


def test_sizes_show_the_same_patient() -> None:
    small, large = phantom(6, size=(128, 128)), phantom(6, size=(512, 512))
    shrunk = gray(large).reshape(128, 4, 128, 4).mean(axis=(1, 3))
    assert np.corrcoef(shrunk.ravel(), gray(small).ravel())[0, 1] > 0.985
    assert large.spacing_mm == pytest.approx(small.spacing_mm / 4)


@pytest.mark.parametrize("view", [View.PA, View.AP])
@pytest.mark.parametrize("seed", range(4))
def test_lungs_let_more_radiation_through_than_heart_spine_and_belly(view: View, seed: int) -> None:
    drawn = phantom(seed, size=SIZE, view=view)
    shade, lungs = gray(drawn), drawn.lung_mask
    rows, columns = np.nonzero(lungs)
    left, right = columns.min(), columns.max()
    middle = (left + right) // 2
    mediastinum = shade[rows.min() : rows.max(), middle - 5 : middle + 6]
    belly = shade[-12:, left:right]
    assert shade[lungs].mean() < 0.75 * mediastinum.mean()
    assert shade[lungs].mean() < 0.75 * belly.mean()
    assert np.percentile(shade[lungs], 95) < np.median(mediastinum)


def test_there_are_two_lungs_one_on_each_side_of_the_midline() -> None:
    lungs = phantom(0, size=SIZE).lung_mask
    rows, columns = np.nonzero(lungs)
    middle = int(np.median(columns))
    row = lungs[int(np.percentile(rows, 60))]
    inside = np.flatnonzero(np.diff(row.astype(int)))
    assert len(inside) == 4
    assert inside[0] < middle < inside[3]
    share = lungs[:, : SIZE[0] // 2].sum() / lungs.sum()
    assert 0.4 < share < 0.65


def test_the_heart_points_to_the_patients_left_which_is_the_right_of_the_picture() -> None:
    for seed in range(4):
        lungs = phantom(seed, size=SIZE).lung_mask
        rows, columns = np.nonzero(lungs)
        low = lungs[int(np.percentile(rows, 85))]
        middle = (columns.min() + columns.max()) // 2
        gaps = np.flatnonzero(~low[columns.min() : columns.max()]) + columns.min()
        assert (gaps > middle).sum() > (gaps < middle).sum() + 8


def test_air_outside_the_patient_is_black_and_the_neck_is_not() -> None:
    shade = gray(phantom(0, size=SIZE))
    assert shade[:8, :8].max() < 0.05
    assert shade[:8, 115:125].mean() > 0.15


def test_a_film_taken_lying_has_a_wider_heart_and_smaller_lungs() -> None:
    upright, lying = (phantom(5, size=SIZE, view=view).lung_mask for view in (View.PA, View.AP))
    assert lying.sum() < 0.9 * upright.sum()


def test_the_side_view_is_another_picture_with_one_lung_field() -> None:
    front, side = phantom(9, size=SIZE), phantom(9, size=SIZE, view="lateral")
    assert side.view is View.LATERAL
    assert np.abs(gray(front) - gray(side)).mean() > 0.1
    row = side.lung_mask[int(np.percentile(np.nonzero(side.lung_mask)[0], 50))]
    assert len(np.flatnonzero(np.diff(row.astype(int)))) == 2


@pytest.mark.parametrize("view", OTHER)
def test_what_is_no_chest_has_no_lungs_and_takes_no_opacities(view: View) -> None:
    drawn = phantom(0, size=SIZE, view=view, opacities=3)
    assert not drawn.view.is_chest
    assert not drawn.lung_mask.any()
    assert drawn.opacities == drawn.boxes == ()
    assert np.array_equal(drawn.values, phantom(0, size=SIZE, view=view).values)


def test_non_chest_becomes_each_of_its_kinds_by_seed() -> None:
    assert {phantom(seed, size=(32, 32), view="non-chest").view for seed in range(24)} == set(OTHER)


def test_the_other_pictures_look_like_what_they_are() -> None:
    hand, text, noise, blank = (gray(phantom(1, size=SIZE, view=view)) for view in OTHER)
    assert np.median(hand) < 0.1 < 0.5 < hand.max()
    assert np.median(text) > 0.9
    assert text.min() < 0.3
    assert np.histogram(noise, 8, (0, 1))[0].min() > 0.1 * noise.size
    assert blank.std() < 0.01


@pytest.mark.parametrize("is_patchy", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_an_opacity_brightens_its_box_and_nothing_else(seed: int, is_patchy: bool) -> None:
    plain = phantom(seed, size=SIZE)
    rows, columns = np.nonzero(plain.lung_mask)
    pick = int(np.argmin(np.abs(columns - SIZE[0] * 0.3) + np.abs(rows - np.median(rows))))
    spot = Opacity(columns[pick] / SIZE[0], rows[pick] / SIZE[1], 0.06, density=1.0, is_patchy=is_patchy)
    drawn = phantom(seed, size=SIZE, opacities=[spot])
    assert drawn.opacities == (spot,)
    change = gray(drawn) - gray(plain)
    box = drawn.boxes[0]
    inside = np.zeros(change.shape, bool)
    inside[int(box.top) : int(np.ceil(box.bottom)), int(box.left) : int(np.ceil(box.right))] = True
    assert change[inside].mean() > 0.02
    assert change[drawn.opacity_mask].min() > -0.03
    # Scatter and the film's processing darken the surroundings a little, as they do in life.
    far = np.ones(change.shape, bool)
    far[max(int(box.top) - 12, 0) : int(box.bottom) + 12, max(int(box.left) - 12, 0) : int(box.right) + 12] = False
    assert np.abs(change[far]).max() < 0.03
    assert not (drawn.opacity_mask & ~inside).any()
    assert drawn.opacity_mask.any()


def test_a_denser_opacity_is_brighter() -> None:
    def brightness(density: float) -> float:
        drawn = phantom(1, size=SIZE, opacities=[Opacity(0.3, 0.5, 0.05, density=density)])
        return float(gray(drawn)[122:135, 66:79].mean())

    assert brightness(0.3) < brightness(0.6) < brightness(1.0)


def test_counted_opacities_lie_in_the_lungs_and_differ_by_seed() -> None:
    for seed in range(4):
        drawn = phantom(seed, size=SIZE, opacities=3)
        assert len(drawn.opacities) == len(drawn.boxes) == 3
        for opacity in drawn.opacities:
            assert drawn.lung_mask[int(opacity.y * SIZE[1]), int(opacity.x * SIZE[0])]
    assert phantom(0, size=SIZE, opacities=1).boxes != phantom(1, size=SIZE, opacities=1).boxes


def test_opacities_leave_patient_and_noise_as_they_are() -> None:
    assert np.array_equal(phantom(3, size=SIZE, opacities=2).lung_mask, phantom(3, size=SIZE).lung_mask)


def test_an_opacity_outside_the_lungs_or_the_picture_shows_nothing() -> None:
    plain = phantom(3, size=SIZE)
    for spot in (Opacity(0.02, 0.02, 0.02), Opacity(1.5, 1.5, 0.1), Opacity(0.5, 0.5, 0.0)):
        drawn = phantom(3, size=SIZE, opacities=[spot])
        assert np.array_equal(drawn.values, plain.values)
        assert not drawn.opacity_mask.any()


def test_boxes_end_at_the_picture() -> None:
    box = Opacity(0.0, 1.0, 0.1).box((100, 50))
    assert (box.left, box.top, box.right, box.bottom) == (0, 40, 10, 50)


@pytest.mark.parametrize(("marker", "columns"), [("L", slice(160, None)), ("R", slice(0, 80)), ("r", slice(0, 80))])
def test_the_side_letter_is_white_and_on_its_side(marker: str, columns: slice) -> None:
    plain, marked = phantom(0, size=SIZE), phantom(0, size=SIZE, marker=marker)
    change = marked.values.astype(int) - plain.values
    assert change[:64, columns].max() > 0.5 * 4095
    change[:64, columns] = 0
    assert not change.any()
    assert marked.marker == marker


def test_the_rest_of_the_marker_stands_at_the_lower_edge() -> None:
    change = phantom(0, size=SIZE, marker="L 2021-03-04").values.astype(int) - phantom(0, size=SIZE, marker="L").values
    assert change[-32:].any()
    assert not change[:-32].any()


def test_the_collimator_is_black_and_leaves_the_inside_alone() -> None:
    plain, framed = phantom(0, size=SIZE), phantom(0, size=SIZE, border=0.1)
    left, top = 24, 26
    assert np.array_equal(framed.values[top:-top, left:-left], plain.values[top:-top, left:-left])
    outside = framed.values.copy()
    outside[top:-top, left:-left] = 0
    assert not outside.any()


@pytest.mark.parametrize("marker", ["L 2020", "R 2020"])
def test_the_collimator_does_not_cover_the_marker(marker: str) -> None:
    plain, marked = phantom(0, size=SIZE, border=0.2), phantom(0, size=SIZE, marker=marker, border=0.2)
    change = (marked.values.astype(int) - plain.values) > 1000
    rows, columns = np.nonzero(change)
    assert rows.min() > 52
    assert rows.max() < 256 - 52
    assert columns.min() > 48
    assert columns.max() < 240 - 48 - 3


def test_noise_grows_with_depth_of_tissue_as_quanta_do() -> None:
    large = gray(phantom(2, size=(900, 900), bits=16))
    fine = large[1:-1, 1:-1] - (large[:-2, 1:-1] + large[2:, 1:-1] + large[1:-1, :-2] + large[1:-1, 2:]) / 4
    air, belly = fine[:40, :40], fine[-60:, 300:380]
    assert belly.std() > 2 * air.std()


@pytest.mark.parametrize(
    "arguments",
    [{"size": (15, 100)}, {"size": (100, 8)}, {"bits": 7}, {"bits": 17}, {"border": -0.1}, {"border": 0.3}, {"view": "sideways"}],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"size|bits|border|View"):
        phantom(0, **arguments)  # type: ignore[arg-type]


def test_arrays_are_read_only_and_contiguous() -> None:
    drawn = phantom(0, size=SIZE, opacities=1)
    for array in (drawn.values, drawn.lung_mask, drawn.opacity_mask):
        assert not array.flags.writeable
        assert array.flags.c_contiguous


def test_pixels_of_a_phantom_say_what_they_are() -> None:
    drawn = phantom(3, size=SIZE, bits=14)
    pixels = as_pixels(drawn)
    assert pixels.values is drawn.values
    assert (pixels.bits, pixels.is_inverted, pixels.info.view) == (14, False, "PA")
    assert pixels.spacing.kind is SpacingKind.AT_DETECTOR
    assert pixels.spacing.row_mm == drawn.spacing_mm
    assert [fact.key for fact in pixels.facts] == ["phantom"]
    assert as_pixels(phantom(0, size=(32, 32), view="noise")).info.view == ""


def test_inverted_pixels_store_the_complement_and_say_so() -> None:
    drawn = phantom(3, size=SIZE, bits=10)
    inverted = as_pixels(drawn, is_inverted=True, info=ImageInfo(format="test"))
    assert inverted.is_inverted
    assert inverted.info.format == "test"
    assert inverted.values.dtype == np.uint16
    assert np.array_equal(inverted.values + drawn.values, np.full(drawn.values.shape, 1023))


def test_a_part_of_the_screen_sees_that_part_of_the_chest() -> None:
    anatomy = make_anatomy(np.random.default_rng(0))
    whole = cross_chest(anatomy, Screen(FRONTAL_AXES, 200, 200, -18, -4.5, 0.18), np.random.default_rng(1))
    part = cross_chest(anatomy, Screen(FRONTAL_AXES, 60, 50, -18 + 20 * 0.18, -4.5 + 90 * 0.18, 0.18), np.random.default_rng(1))
    cut = (slice(90, 140), slice(20, 80))
    assert part.air_cm == pytest.approx(whole.air_cm[cut], abs=1e-3)
    assert np.array_equal(part.is_lung, whole.is_lung[cut])
    inner = (slice(4, -4), slice(4, -4))
    # The fine texture is drawn for each screen anew.
    assert np.abs(part.attenuation - whole.attenuation[cut])[inner].mean() < 0.05


# The solids: lengths that can be worked out by hand.


@pytest.mark.parametrize("axes", [FRONTAL_AXES, LATERAL_AXES])
def test_a_ball_has_the_chords_of_a_ball_from_every_side(axes: npt.NDArray[np.float64]) -> None:
    path = Ellipsoid((0, 0, 0), (4, 4, 4)).crossed_by(screen(axes)).length
    offset = np.abs((np.arange(81) - 40) * 0.25)
    wanted = 2 * np.sqrt(np.maximum(16 - offset**2, 0))
    assert path[40] == pytest.approx(wanted, abs=1e-3)
    assert path[:, 40] == pytest.approx(wanted, abs=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.floats(-90, 90), st.floats(-90, 90), st.floats(-90, 90))
def test_turning_an_ellipsoid_keeps_its_volume(roll: float, yaw: float, pitch: float) -> None:
    solid = Ellipsoid((0, 0, 0), (3, 5, 7), roll_deg=roll, yaw_deg=yaw, pitch_deg=pitch)
    for axes in (FRONTAL_AXES, LATERAL_AXES):
        volume = solid.crossed_by(screen(axes)).length.sum() * 0.25**2
        assert volume == pytest.approx(4 / 3 * np.pi * 3 * 5 * 7, rel=0.01)


def test_a_deep_ellipsoid_goes_on_downwards() -> None:
    path = Ellipsoid((0, 0, 0), (4, 4, 4), is_deep=True).crossed_by(screen()).length
    assert path[-1, 40] == pytest.approx(8)
    assert path[20, 40] < 8


@pytest.mark.parametrize(("axes", "thickness", "reach"), [(FRONTAL_AXES, 6.0, 5.0), (LATERAL_AXES, 10.0, 3.0)])
def test_a_barrel_is_as_thick_as_its_sections(axes: npt.NDArray[np.float64], thickness: float, reach: float) -> None:
    path = Barrel((Level(-4, 5, 3), Level(0, 5, 3), Level(4, 5, 3)), roundness=2.0).crossed_by(screen(axes)).length
    assert path[40, 40] == pytest.approx(thickness, abs=0.02)
    assert np.count_nonzero(path[40]) * 0.25 == pytest.approx(2 * reach, abs=0.5)
    assert not path[:20].any()
    assert not path[60:].any()


def test_a_union_counts_no_stretch_twice_and_no_hole() -> None:
    def interval(start: float, end: float) -> Interval:
        return Interval(np.full((1, 1), start, np.float32), np.full((1, 1), end, np.float32))

    parts = [interval(4, 6), interval(0, 2), interval(1, 3), interval(5, 5.5), interval(9, 9)]
    assert union_length(parts).item() == pytest.approx(5.0)
    assert union_length(parts, within=interval(1.5, 5)).item() == pytest.approx(2.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), min_size=1, max_size=7))
def test_a_union_is_as_long_as_the_cells_it_covers(spans: list[tuple[int, int]]) -> None:
    parts = [Interval(np.full((1, 1), a, np.float32), np.full((1, 1), a + n, np.float32)) for a, n in spans]
    covered = {cell for start, length in spans for cell in range(start, start + length)}
    assert union_length(parts).item() == len(covered)


def test_a_straight_rod_has_the_chords_of_a_cylinder_and_its_core_less() -> None:
    seen = trace(rod(np.array([(-5.0, 0, 0), (5.0, 0, 0)]), np.array([2.0, 2.0])), screen())
    assert seen is not None
    path, core = seen.path(), seen.path(shell_cm=0.5)
    middle = path[:, path.shape[1] // 2]
    offsets = screen().down[seen.rows, 0]
    assert middle == pytest.approx(2 * np.sqrt(np.maximum(4 - offsets**2, 0)), abs=1e-3)
    assert core.max() == pytest.approx(3.0, abs=0.01)


def test_a_slanted_rod_is_crossed_on_a_longer_path() -> None:
    flat = trace(rod(np.array([(-3.0, 0, 0), (3.0, 0, 0)]), np.array([1.0, 1.0])), screen())
    slanted = trace(rod(np.array([(-3.0, 0, -3.0), (3.0, 0, 3.0)]), np.array([1.0, 1.0])), screen())
    assert flat is not None
    assert slanted is not None
    assert slanted.path().max() == pytest.approx(np.sqrt(2) * flat.path().max(), rel=1e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000))
def test_many_tubes_drawn_together_are_the_union_of_each_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tubes = [rod(rng.uniform(-9, 9, (4, 3)), rng.uniform(0.3, 1.5, 4)) for _ in range(3)]
    wanted = np.zeros((81, 81), np.float32)
    for tube in tubes:
        for index in range(3):
            ends = slice(index, index + 2)
            seen = trace(rod(tube.points[ends], tube.radius[ends]), screen())
            if seen is not None:
                patch = wanted[seen.rows, seen.columns]
                np.maximum(patch, seen.path(), out=patch)
    # Where a ray grazes a tube its path is the root of a rounded difference: 1e-5 of it is 3e-3 of the path.
    assert union_of_tubes(tubes, screen()) == pytest.approx(wanted, abs=1e-2)


def test_a_rod_outside_the_screen_leaves_no_trace() -> None:
    assert trace(rod(np.array([(50.0, 0, 0), (60.0, 0, 0)]), np.array([1.0, 1.0])), screen()) is None


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=8))
def test_interpolation_meets_its_knots_and_never_overshoots(heights: list[float]) -> None:
    x, y = np.arange(float(len(heights))), np.array(heights)
    assert monotone(x, x, y) == pytest.approx(y, abs=1e-4)
    between = monotone(np.linspace(0, len(y) - 1, 50 * (len(y) - 1) + 1), x, y)
    for index in range(1, len(y) - 2):
        part = between[50 * index : 50 * index + 51]
        low, high = sorted((y[index], y[index + 1]))
        assert low - 1e-4 <= part.min()
        assert part.max() <= high + 1e-4
