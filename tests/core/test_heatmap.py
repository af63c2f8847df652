"""Heatmaps by algebra: they add up to what they explain, they follow the head's true gradient, and they lie where they are drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.activation import ACTIVATIONS
from cxrview.core.errors import ExplanationUnavailable
from cxrview.core.frame import Box, Frame, frame_of_box
from cxrview.core.heatmap import (
    HIRES_CAM,
    Dense,
    Head,
    common_scale,
    fraction_inside,
    gated,
    head_gradient,
    head_logits,
    heatmaps,
    positive,
    to_image_px,
)
from cxrview.core.manifest import HeatmapKind, Label
from cxrview.core.results import Finding, Forward, Heatmap, HeatmapTarget

CHANNELS, ROWS, COLUMNS = 6, 3, 4
CELLS = ROWS * COLUMNS
LABELS = tuple(Label(f"l{index}", f"L{index}") for index in range(4))


def features(seed: int = 0) -> np.ndarray:
    return np.maximum(np.random.default_rng(seed).normal(0.2, 1.0, (CHANNELS, ROWS, COLUMNS)), 0.0).astype(np.float32)


def dense(inputs: int, outputs: int, seed: int) -> Dense:
    random = np.random.default_rng(seed)
    return Dense(
        random.normal(0, 1 / np.sqrt(inputs), (outputs, inputs)).astype(np.float32), random.normal(0, 0.3, outputs).astype(np.float32)
    )


def head_of(kind: HeatmapKind, *activations: str, grid: tuple[int, int] | None = None) -> Head:
    inputs = CHANNELS * CELLS if kind is HeatmapKind.FLATTEN_MLP else CHANNELS
    sizes = [inputs, *([7] * len(activations)), len(LABELS)]
    layers = tuple(dense(a, b, seed) for seed, (a, b) in enumerate(pairwise(sizes)))
    return Head(kind, layers, activations, grid=grid)


def forward_of(head: Head, values: np.ndarray) -> Forward:
    return Forward(logits=head_logits(head, values), features=values)


def target_value(head: Head, values: np.ndarray, index: int, target: HeatmapTarget) -> float:
    logits = _run_in_float64(head, values)
    if target is HeatmapTarget.LOGIT:
        return float(logits[index])
    return float(logits[index] - np.log(np.exp(np.delete(logits, index)).sum()))


def _run_in_float64(head: Head, values: np.ndarray) -> np.ndarray:
    x = values.astype(np.float64)
    x = x.reshape(-1) if head.kind is HeatmapKind.FLATTEN_MLP else x.mean(axis=(1, 2))
    for index, layer in enumerate(head.layers):
        if index:
            x = ACTIVATIONS[head.activations[index - 1]].value(x)
        x = layer.weight.astype(np.float64) @ x + layer.bias
    return np.asarray(x)


HEADS = {
    "linear": head_of(HeatmapKind.POOLED_LINEAR),
    **{f"mlp {name}": head_of(HeatmapKind.POOLED_MLP, name) for name in ACTIVATIONS},
    "mlp of three": head_of(HeatmapKind.POOLED_MLP, "silu", "tanh"),
    "flatten": head_of(HeatmapKind.FLATTEN_MLP),
    "flatten gelu": head_of(HeatmapKind.FLATTEN_MLP, "gelu", "relu", grid=(ROWS, COLUMNS)),
}


@pytest.mark.parametrize("target", HeatmapTarget)
@pytest.mark.parametrize("name", HEADS)
def test_the_gradient_of_the_head_is_the_slope_that_small_steps_show(name: str, target: HeatmapTarget) -> None:
    head, values, step = HEADS[name], features().astype(np.float64) + 0.05, 1e-5
    gradient = head_gradient(head, values.astype(np.float32), range(len(LABELS)), target)
    assert gradient.shape == (len(LABELS), CHANNELS, ROWS, COLUMNS)
    for cell in ((0, 0, 0), (3, 1, 2), (5, 2, 3)):
        up, down = values.copy(), values.copy()
        up[cell] += step
        down[cell] -= step
        for index in range(len(LABELS)):
            slope = (target_value(head, up, index, target) - target_value(head, down, index, target)) / (2 * step)
            assert gradient[(index, *cell)] == pytest.approx(slope, abs=2e-3)


@given(st.integers(0, 2**31))
def test_the_cells_of_a_pooled_linear_map_add_up_to_the_logit_less_its_bias(seed: int) -> None:
    head, values = HEADS["linear"], features(seed)
    forward = forward_of(head, values)
    for index, each in enumerate(heatmaps(forward, head, LABELS)):
        assert each.values.sum() == pytest.approx(forward.logits[index] - head.layers[0].bias[index], abs=1e-4)


def test_the_cells_of_hirescam_on_a_flattened_layer_add_up_to_the_logit_less_its_bias() -> None:
    head, values = HEADS["flatten"], features()
    forward = forward_of(head, values)
    for index, each in enumerate(heatmaps(forward, head, LABELS, method=HIRES_CAM)):
        assert each.values.sum() == pytest.approx(forward.logits[index] - head.layers[0].bias[index], abs=1e-4)


def test_one_against_the_rest_adds_up_to_the_difference_of_two_logits_when_there_are_two() -> None:
    head = Head(HeatmapKind.POOLED_LINEAR, (dense(CHANNELS, 2, 5),))
    forward = forward_of(head, features())
    first, second = heatmaps(forward, head, LABELS[:2], target=HeatmapTarget.ONE_AGAINST_REST)
    np.testing.assert_allclose(first.values, -second.values, atol=1e-6)
    biases = head.layers[0].bias
    assert first.values.sum() == pytest.approx(forward.logits[0] - forward.logits[1] - (biases[0] - biases[1]), abs=1e-4)


def test_one_against_the_rest_of_a_single_logit_is_the_logit() -> None:
    head = Head(HeatmapKind.POOLED_LINEAR, (dense(CHANNELS, 1, 5),))
    forward = forward_of(head, features())
    (alone,) = heatmaps(forward, head, LABELS[:1], target=HeatmapTarget.ONE_AGAINST_REST)
    (plain,) = heatmaps(forward, head, LABELS[:1])
    np.testing.assert_array_equal(alone.values, plain.values)


@pytest.mark.parametrize("name", HEADS)
def test_hirescam_is_gradcam_for_pooled_heads_and_another_map_for_flattened_ones(name: str) -> None:
    head = HEADS[name]
    forward = forward_of(head, features())
    plain, sharp = heatmaps(forward, head, LABELS)[1].values, heatmaps(forward, head, LABELS, method=HIRES_CAM)[1].values
    if head.kind is HeatmapKind.FLATTEN_MLP:
        assert np.abs(plain - sharp).max() > 0.01
    else:
        np.testing.assert_array_equal(plain, sharp)


def test_weights_averaged_beforehand_change_nothing() -> None:
    layers = HEADS["flatten gelu"].layers
    late = Head(HeatmapKind.FLATTEN_MLP, layers, ("gelu", "relu"))
    values = features()
    for one, two in zip(
        heatmaps(forward_of(late, values), late, LABELS), heatmaps(forward_of(late, values), HEADS["flatten gelu"], LABELS), strict=True
    ):
        np.testing.assert_allclose(one.values, two.values, atol=1e-5)


def test_a_heatmap_names_its_label_target_and_method_and_cannot_be_written() -> None:
    head = HEADS["linear"]
    (one,) = heatmaps(forward_of(head, features()), head, LABELS, target=HeatmapTarget.ONE_AGAINST_REST, method=HIRES_CAM, only=[2])
    assert (one.label, one.target, one.method) == (LABELS[2], HeatmapTarget.ONE_AGAINST_REST, "HiResCAM")
    assert one.values.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        one.values[0, 0] = 1.0


def test_large_logits_do_not_overflow_the_softmax_of_the_others() -> None:
    head = Head(HeatmapKind.POOLED_LINEAR, (Dense(np.full((3, CHANNELS), 1e4, np.float32), np.float32([1e5, 0, -1e5])),))
    maps = heatmaps(forward_of(head, features()), head, LABELS[:3], target=HeatmapTarget.ONE_AGAINST_REST)
    assert all(np.isfinite(each.values).all() for each in maps)


def test_what_cannot_be_explained_says_why() -> None:
    head, values = HEADS["linear"], features()
    with pytest.raises(ExplanationUnavailable, match="no features"):
        heatmaps(Forward(np.zeros(4, np.float32), None), head, LABELS)
    with pytest.raises(ExplanationUnavailable, match="gradcam, hirescam"):
        heatmaps(forward_of(head, values), head, LABELS, method="scorecam")
    with pytest.raises(ExplanationUnavailable, match="takes 6 values, the features hold 5"):
        heatmaps(Forward(np.zeros(4, np.float32), values[:5]), head, LABELS)
    with pytest.raises(ExplanationUnavailable, match="1 dimensions"):
        heatmaps(Forward(np.zeros(4, np.float32), values[:, 0, 0]), head, LABELS)


def test_a_head_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ExplanationUnavailable, match="do not fit"):
        Head(HeatmapKind.POOLED_MLP, (dense(6, 7, 0), dense(8, 2, 1)), ("relu",))
    with pytest.raises(ExplanationUnavailable, match="2 layers and 0 activations"):
        Head(HeatmapKind.POOLED_MLP, (dense(6, 7, 0), dense(7, 2, 1)))
    with pytest.raises(ExplanationUnavailable, match="'sine'"):
        Head(HeatmapKind.POOLED_MLP, (dense(6, 7, 0), dense(7, 2, 1)), ("sine",))
    with pytest.raises(ExplanationUnavailable, match="no heatmap by algebra"):
        Head(HeatmapKind.GRADIENT, (dense(6, 2, 0),))


def test_all_maps_of_an_image_share_one_scale() -> None:
    maps = [heatmap([[0.0, 1.0]]), heatmap([[-3.0, 2.0]]), heatmap([[np.nan, 0.5]])]
    assert common_scale(maps) == 3.0
    assert common_scale([]) == 0.0
    assert positive(maps[1].values).tolist() == [[0.0, 2.0]]


def test_improbable_labels_are_gated_away() -> None:
    maps = [heatmap([[1.0]], label) for label in LABELS[:3]]
    answers = [Finding(label, 0.0, probability, 0.5) for label, probability in zip(LABELS, (0.2, 0.5, 0.9), strict=False)]
    assert [each.label.id for each in gated(maps, answers)] == ["l1", "l2"]
    assert [each.label.id for each in gated(maps, answers, least=0.8)] == ["l2"]
    assert len(gated(maps, answers, least=0.0)) == 3


def heatmap(values: object, label: Label = LABELS[0]) -> Heatmap:
    return Heatmap(label, np.asarray(values, np.float32), HeatmapTarget.LOGIT, "Grad-CAM")


WHOLE = frame_of_box(Box(0, 0, 80, 60), model_size=(64, 64), image_size=(80, 60))


def test_the_fraction_inside_a_mask_counts_the_positive_part_by_area() -> None:
    left = np.zeros((60, 80), bool)
    left[:, :40] = True
    assert fraction_inside(heatmap([[3.0, 1.0], [0.0, -9.0]]), left, WHOLE) == pytest.approx(0.75)
    left[:, :20] = False
    assert fraction_inside(heatmap([[3.0, 1.0], [0.0, -9.0]]), left, WHOLE) == pytest.approx(0.375)


def test_the_fraction_inside_follows_the_mirrored_frame() -> None:
    left = np.zeros((60, 80), bool)
    left[:, :40] = True
    assert fraction_inside(heatmap([[3.0, 1.0]]), left, WHOLE.mirrored()) == pytest.approx(0.25)


def test_evidence_outside_the_image_is_outside_the_mask() -> None:
    letterbox = frame_of_box(Box(0, -10, 80, 70), model_size=(64, 64), image_size=(80, 60))
    assert fraction_inside(heatmap([[1.0], [0.0], [0.0], [1.0]]), np.ones((60, 80), bool), letterbox) == pytest.approx(0.5)


def test_a_flat_or_negative_map_has_no_fraction() -> None:
    mask = np.ones((60, 80), bool)
    assert np.isnan(fraction_inside(heatmap([[0.5, 0.5]]), mask, WHOLE))
    assert np.isnan(fraction_inside(heatmap([[-1.0, -2.0]]), mask, WHOLE))
    with pytest.raises(ValueError, match="mask"):
        fraction_inside(heatmap([[1.0, 2.0]]), mask[:50], WHOLE)


BOXES = st.builds(Box, left=st.floats(-30, 20), top=st.floats(-30, 20), right=st.floats(40, 120), bottom=st.floats(40, 90))


@given(BOXES, st.booleans(), st.integers(0, 1000))
def test_mask_and_its_complement_share_what_lies_in_the_image(box: Box, flipped: bool, seed: int) -> None:
    frame = frame_of_box(box, model_size=(64, 64), image_size=(80, 60))
    frame = frame.mirrored() if flipped else frame
    random = np.random.default_rng(seed)
    mask = random.random((60, 80)) < 0.4
    one = heatmap(random.normal(0, 1, (5, 7)))
    parts = [fraction_inside(one, each, frame) for each in (mask, ~mask, np.ones_like(mask))]
    assert parts[0] + parts[1] == pytest.approx(parts[2])
    assert -1e-9 <= parts[0] <= parts[2] <= 1.0 + 1e-9


def test_scaling_to_the_image_keeps_the_values_at_the_cell_centres_and_their_range() -> None:
    values = np.float32([[0.0, 1.0], [2.0, 5.0]])
    frame = Frame(1.0, 1.0, 0.0, 0.0, 30, 30, 30, 30)
    scaled = to_image_px(values, frame)
    assert scaled.shape == (30, 30)
    np.testing.assert_allclose(scaled[7, 7], 0.0, atol=1e-6)
    np.testing.assert_allclose(scaled[22, 22], 5.0, atol=1e-6)
    np.testing.assert_allclose(scaled[7, 22], 1.0, atol=1e-6)
    assert scaled.min() >= 0.0
    assert scaled.max() <= 5.0


def test_scaling_to_the_image_mirrors_with_the_frame_and_is_nan_where_the_model_saw_nothing() -> None:
    values = np.float32([[0.0, 1.0, 4.0]])
    frame = frame_of_box(Box(20, 0, 60, 60), model_size=(64, 64), image_size=(80, 60))
    plain, flipped = to_image_px(values, frame), to_image_px(values, frame.mirrored())
    assert np.isnan(plain[:, :20]).all()
    assert np.isnan(plain[:, 60:]).all()
    np.testing.assert_allclose(plain[:, 20:60], flipped[:, 20:60][:, ::-1], atol=1e-5)
