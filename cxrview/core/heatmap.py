"""Where the evidence lies: Grad-CAM of every class as algebra on the features and the head, without a second pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cxrview.core.activation import ACTIVATIONS
from cxrview.core.errors import ExplanationUnavailable
from cxrview.core.frame import Frame
from cxrview.core.image import read_only
from cxrview.core.manifest import HeatmapKind, Label
from cxrview.core.results import Finding, FloatArray, Forward, Heatmap, HeatmapTarget

GRAD_CAM = "gradcam"
HIRES_CAM = "hirescam"
METHOD_NAMES = {GRAD_CAM: "Grad-CAM", HIRES_CAM: "HiResCAM"}
ALGEBRA_KINDS = (HeatmapKind.POOLED_LINEAR, HeatmapKind.POOLED_MLP, HeatmapKind.FLATTEN_MLP)

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer: output = weight @ input + bias; `weight` (out, in), `bias` (out,), float32."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Everything between features and logits: mean over the cells or flatten, then dense layers with activations between.

    Attributes:
        layers: first to last; the first takes K values (pooled) or K * h * w in C order (flatten).
        activations: one fewer than layers.
        grid: (h, w) of the features; needed for flatten heads only, where it saves time.
        channel_weight: the first layer's weight averaged over the cells, (out, K); made here, None without `grid`.
    """

    kind: HeatmapKind
    layers: tuple[Dense, ...]
    activations: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None
    channel_weight: FloatArray | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Check that the layers fit, and average the first one where it pays."""
        if self.kind not in ALGEBRA_KINDS:
            raise ExplanationUnavailable(f"a head of kind {self.kind} has no heatmap by algebra.")
        if not self.layers or len(self.activations) != len(self.layers) - 1:
            raise ExplanationUnavailable(f"the head has {len(self.layers)} layers and {len(self.activations)} activations.")
        for activation in self.activations:
            if activation not in ACTIVATIONS:
                raise ExplanationUnavailable(f"the head has an activation '{activation}'; known are {', '.join(ACTIVATIONS)}.")
        for before, after in pairwise(self.layers):
            if after.weight.shape[1] != before.weight.shape[0]:
                raise ExplanationUnavailable("the layers of the head do not fit each other.")
        if self.kind is HeatmapKind.FLATTEN_MLP and self.grid is not None:
            object.__setattr__(self, "channel_weight", _mean_over_cells(self.layers[0].weight, self.grid[0] * self.grid[1]))

    @property
    def label_count(self) -> int:
        """How many logits come out."""
        return int(self.layers[-1].weight.shape[0])


def heatmaps(
    forward: Forward,
    head: Head,
    labels: Sequence[Label],
    *,
    target: HeatmapTarget = HeatmapTarget.LOGIT,
    method: str = GRAD_CAM,
    only: Sequence[int] | None = None,
) -> tuple[Heatmap, ...]:
    """Make the signed heatmaps of all labels, or of the label indices `only`, from one forward pass.

    Values are in logits. For a pooled-linear head and the logit as target the cells add up to the logit less its bias;
    so they do for HiResCAM of a single flattened layer.

    Raises:
        ExplanationUnavailable: no features, an unknown method, or features that do not fit the head.
    """
    if forward.features is None:
        raise ExplanationUnavailable("the model gives no features.")
    if method not in METHOD_NAMES:
        raise ExplanationUnavailable(f"'{method}' is not computed from features; that are {', '.join(METHOD_NAMES)}.")
    indices = tuple(range(len(labels))) if only is None else tuple(only)
    if method == HIRES_CAM:
        values = _hires_cam(head, forward.features, indices, target)
    else:
        values = _grad_cam(head, forward.features, indices, target)
    return tuple(
        Heatmap(label=labels[index], values=read_only(each), target=target, method=METHOD_NAMES[method])
        for index, each in zip(indices, values, strict=True)
    )


def head_logits(head: Head, features: FloatArray) -> FloatArray:
    """Run the head alone: logits (L,) from features (K, h, w)."""
    return _run(head, features)[-1]


def head_gradient(head: Head, features: FloatArray, indices: Sequence[int], target: HeatmapTarget = HeatmapTarget.LOGIT) -> FloatArray:
    """Give the gradient of each target with respect to each cell, (T, K, h, w), from features (K, h, w).

    For pooled heads it is the same in every cell.
    """
    cells = int(np.prod(features.shape[1:]))
    inner = _gradient_at_first_layer(head, features, indices, target)
    gradient = inner @ head.layers[0].weight
    if head.kind is HeatmapKind.FLATTEN_MLP:
        return gradient.reshape(len(indices), *features.shape)
    spread = np.broadcast_to((gradient / cells)[:, :, None, None], (len(indices), *features.shape))
    return np.ascontiguousarray(spread, dtype=np.float32)


def positive(values: FloatArray) -> FloatArray:
    """Keep what speaks for the target, zero elsewhere."""
    return np.maximum(values, 0.0)


def common_scale(heatmaps: Sequence[Heatmap]) -> float:
    """Give the largest absolute finite value of all the maps of an image, so that they can share one colour scale; 0 if none."""
    peaks = [float(np.abs(each.values[np.isfinite(each.values)]).max(initial=0.0)) for each in heatmaps]
    return max(peaks, default=0.0)


def gated(heatmaps: Sequence[Heatmap], findings: Sequence[Finding], *, least: float | None = None) -> tuple[Heatmap, ...]:
    """Keep the maps of the labels whose probability reaches `least`, or each label's own threshold when it is None."""
    probable = {each.label.id for each in findings if each.probability >= (each.threshold if least is None else least)}
    return tuple(each for each in heatmaps if each.label.id in probable)


def to_image_px(values: FloatArray, frame: Frame) -> FloatArray:
    """Scale a map (h, w) through the frame to the image, (H, W), linearly between cell centres; NaN where the model saw nothing."""
    x = (np.arange(frame.image_width) + 0.5 - frame.shift_x) / frame.scale_x
    y = (np.arange(frame.image_height) + 0.5 - frame.shift_y) / frame.scale_y
    down = _interpolation(y * values.shape[0] / frame.model_height, values.shape[0])
    across = _interpolation(x * values.shape[1] / frame.model_width, values.shape[1])
    scaled: FloatArray = down @ (values @ across.T)
    scaled[(y < 0.0) | (y > frame.model_height), :] = np.nan
    scaled[:, (x < 0.0) | (x > frame.model_width)] = np.nan
    return scaled


def fraction_inside(heatmap: Heatmap, mask: BoolArray, frame: Frame) -> float:
    """Give the fraction, 0 to 1, of the positive heatmap that lies inside a mask in image px; NaN where there is nothing positive.

    Each cell spreads evenly over the rectangle of the image it stands for; what falls outside the image is outside the mask.
    """
    return fractions_inside((heatmap,), mask, frame)[0]


def fractions_inside(heatmaps: Sequence[Heatmap], mask: BoolArray, frame: Frame) -> tuple[float, ...]:
    """Give the same for several heatmaps of one image, going over the mask once for each size of map."""
    if mask.shape != (frame.image_height, frame.image_width):
        raise ValueError(f"the mask is {mask.shape}, the image {(frame.image_height, frame.image_width)}")
    coverages = {grid: _coverage(mask, frame, grid) for grid in {each.values.shape for each in heatmaps}}
    return tuple(_fraction(each, coverages[each.values.shape]) for each in heatmaps)


def _fraction(heatmap: Heatmap, coverage: npt.NDArray[np.float64]) -> float:
    values = positive(heatmap.values).astype(np.float64)
    total = float(values.sum())
    if heatmap.is_flat or total <= 0.0:
        return float("nan")
    return float((values * coverage).sum() / total)


def _grad_cam(head: Head, features: FloatArray, indices: Sequence[int], target: HeatmapTarget) -> FloatArray:
    cells = int(np.prod(features.shape[1:]))
    inner = _gradient_at_first_layer(head, features, indices, target)
    if head.kind is not HeatmapKind.FLATTEN_MLP:
        weights = inner @ head.layers[0].weight / np.float32(cells)
    elif head.channel_weight is not None:
        weights = inner @ head.channel_weight
    else:
        weights = inner @ _mean_over_cells(head.layers[0].weight, cells)
    maps: FloatArray = np.einsum("tk,kc->tc", weights, features.reshape(len(features), cells), optimize=True)
    return maps.reshape(len(indices), *features.shape[1:])


def _hires_cam(head: Head, features: FloatArray, indices: Sequence[int], target: HeatmapTarget) -> FloatArray:
    if head.kind is not HeatmapKind.FLATTEN_MLP:
        return _grad_cam(head, features, indices, target)  # every cell of a channel has the same gradient
    gradient = head_gradient(head, features, indices, target)
    maps: FloatArray = np.einsum("tkij,kij->tij", gradient, features, optimize=True)
    return maps


def _mean_over_cells(weight: FloatArray, cells: int) -> FloatArray:
    mean: FloatArray = weight.reshape(len(weight), -1, cells).mean(axis=2)
    return mean


def _run(head: Head, features: FloatArray) -> list[FloatArray]:
    """Give what comes out of each dense layer, before its activation; the last are the logits."""
    if features.ndim != 3:
        raise ExplanationUnavailable(f"the features have {features.ndim} dimensions, a heatmap needs 3.")
    is_flat = head.kind is HeatmapKind.FLATTEN_MLP
    value = features.reshape(-1) if is_flat else features.mean(axis=(1, 2))
    if value.size != head.layers[0].weight.shape[1]:
        raise ExplanationUnavailable(f"the head takes {head.layers[0].weight.shape[1]} values, the features hold {value.size}.")
    outputs: list[FloatArray] = []
    for index, layer in enumerate(head.layers):
        if index:
            value = ACTIVATIONS[head.activations[index - 1]].value(value)
        value = layer.weight @ value + layer.bias
        outputs.append(value)
    return outputs


def _gradient_at_first_layer(head: Head, features: FloatArray, indices: Sequence[int], target: HeatmapTarget) -> FloatArray:
    """Give the gradient of each target with respect to what comes out of the first dense layer, (T, out)."""
    outputs = _run(head, features)
    gradient = _seeds(outputs[-1], indices, target)
    for index in range(len(head.layers) - 1, 0, -1):
        gradient = (gradient @ head.layers[index].weight) * ACTIVATIONS[head.activations[index - 1]].slope(outputs[index - 1])
    return gradient.astype(np.float32, copy=False)


def _seeds(logits: FloatArray, indices: Sequence[int], target: HeatmapTarget) -> FloatArray:
    """Give the gradient of each target with respect to the logits, (T, L)."""
    wanted = np.eye(len(logits), dtype=np.float32)[list(indices)]
    if target is HeatmapTarget.LOGIT or len(logits) == 1:
        return wanted
    others = np.where(wanted > 0.0, -np.inf, logits[None, :])
    weights = np.exp(others - others.max(axis=1, keepdims=True))
    softmax = weights / weights.sum(axis=1, keepdims=True)
    seeds: FloatArray = (wanted - softmax).astype(np.float32)
    return seeds


def _interpolation(at: npt.NDArray[np.float64], cells: int) -> FloatArray:
    """Give the weights (len(at), cells) of linear interpolation between cell centres, which lie at 0.5, 1.5, ..."""
    inside = np.clip(at - 0.5, 0.0, cells - 1.0)
    return np.maximum(1.0 - np.abs(inside[:, None] - np.arange(cells)), 0.0).astype(np.float32)


def _coverage(mask: BoolArray, frame: Frame, grid: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Give the fraction of each cell's rectangle that the mask covers, (h, w), exactly, from sums over the mask."""
    import cv2

    sums = np.asarray(cv2.integral(mask.view(np.uint8)), np.int32)
    rows = frame.scale_y * np.linspace(0.0, frame.model_height, grid[0] + 1) + frame.shift_y
    columns = frame.scale_x * np.linspace(0.0, frame.model_width, grid[1] + 1) + frame.shift_x
    corners = _between(_between(sums, np.clip(rows, 0, mask.shape[0])).T, np.clip(columns, 0, mask.shape[1])).T
    area = np.abs(frame.scale_y * frame.model_height / grid[0] * frame.scale_x * frame.model_width / grid[1])
    covered = np.abs(np.diff(np.diff(corners, axis=0), axis=1)) / area
    result: npt.NDArray[np.float64] = covered
    return result


def _between(sums: npt.NDArray[np.int32 | np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the rows of `sums` at fractional positions `at`."""
    low = np.minimum(at.astype(np.intp), len(sums) - 2)
    weight = (at - low)[:, None]
    result: npt.NDArray[np.float64] = sums[low] * (1.0 - weight) + sums[low + 1] * weight
    return result
