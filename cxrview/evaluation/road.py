"""Remove and debias: pixels taken away in the order of a map and filled so that the hole itself tells nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.results import FloatArray, Heatmap, ModelInput

# Parts of the picture that are removed, hottest first and coolest first.
REMOVED = (0.1, 0.3, 0.5, 0.7, 0.9)
# Of the picture's standard deviation: without it a filled place is smoother than any film, and the network could see where it is.
NOISE = 0.01
# Weights of the four neighbours beside a pixel and of the four at its corners, as in the paper; together 1.
BESIDE, CORNER = 1.0 / 6.0, 1.0 / 12.0
KERNEL = np.array([[CORNER, BESIDE, CORNER], [BESIDE, 0.0, BESIDE], [CORNER, BESIDE, CORNER]])
# The equations are solved to this part of their right side: below it gray levels differ by less than the noise.
TOLERANCE, MOST_STEPS = 2e-4, 600

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Road:
    """A label's logit, averaged over the parts removed, without the hottest places (`most`) and without the coolest (`least`)."""

    most: float
    least: float

    @property
    def gain(self) -> float:
        """How many logits more the hottest places carry than the coolest; 0 for an order by chance, below 0 for a map upside down."""
        return self.least - self.most


def remove_and_debias(
    model_input: ModelInput,
    heatmap: Heatmap,
    answer: Callable[[FloatArray], npt.NDArray[np.floating]],
    *,
    removed: Sequence[float] = REMOVED,
    seed: int = 0,
) -> Road:
    """Remove a picture's hottest pixels, and its coolest, and see how the logit differs.

    Rong et al., "A consistent and efficient evaluation strategy for attribution methods" (ROAD), ICML 2022: removed pixels are
    filled by noisy linear imputation, so that the shape of the hole does not give the answer away, and both orders are
    taken together, so that no order by chance is needed beside them.

    Args:
        model_input: the prepared picture.
        heatmap: whose order of places is judged, stretched to the picture.
        answer: the label's logit, (N,), of pictures (N, C, H, W).
        removed: parts of the picture, each above 0 and below 1.
        seed: of the noise.
    """
    picture = model_input.tensor[0]
    values = cv2.resize(np.nan_to_num(heatmap.values), picture.shape[:0:-1], interpolation=cv2.INTER_LINEAR)
    order = np.argsort(values, axis=None, kind="stable")
    counts = [max(1, round(part * order.size)) for part in removed]
    masks = [_mask(order[-count:], values.shape) for count in counts] + [_mask(order[:count], values.shape) for count in counts]
    rng = np.random.default_rng(seed)
    logits = np.asarray(answer(np.stack([imputed(picture, mask, rng) for mask in masks])), np.float64)
    return Road(float(logits[: len(counts)].mean()), float(logits[len(counts) :].mean()))


def imputed(picture: FloatArray, mask: BoolArray, rng: np.random.Generator, *, noise: float = NOISE) -> FloatArray:
    """Fill the masked pixels of a picture (C, H, W), each with the weighted mean of its eight neighbours, and add a little noise.

    The neighbours may be masked themselves, so all are solved for together: conjugate gradients from a coarse guess.
    """
    filled = np.stack([_solved(plane.astype(np.float64), mask) for plane in picture])
    scale = noise * picture.std(axis=(1, 2), keepdims=True)
    made: FloatArray = np.where(mask, filled + scale * rng.normal(size=picture.shape), picture).astype(np.float32)
    return made


def _mask(places: npt.NDArray[np.intp], shape: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(shape, np.bool_)
    mask.reshape(-1)[places] = True
    return mask


def _solved(plane: Float64Array, mask: BoolArray) -> Float64Array:
    inside = mask.astype(np.float64)
    weight = _neighbours(np.ones_like(plane))  # less than 1 at the edge of the picture
    right = _neighbours(plane * (1.0 - inside)) * inside
    x = _coarse(plane, mask) * inside

    def left(values: Float64Array) -> Float64Array:
        return (weight * values - _neighbours(values)) * inside

    residual = right - left(x)
    direction = residual.copy()
    size = float((residual**2).sum())
    enough = TOLERANCE**2 * float((right**2).sum())
    for _ in range(MOST_STEPS):
        if size <= enough:
            break
        turned = left(direction)
        step = size / float((direction * turned).sum())
        x += step * direction
        residual -= step * turned
        before, size = size, float((residual**2).sum())
        direction = residual + size / before * direction
    return x


def _neighbours(values: Float64Array) -> Float64Array:
    return np.asarray(cv2.filter2D(values, -1, KERNEL, borderType=cv2.BORDER_CONSTANT), np.float64)


def _coarse(plane: Float64Array, mask: BoolArray) -> Float64Array:
    """Guess masked pixels from the known ones of smaller and smaller copies of the picture."""
    known = (~mask).astype(np.float64)
    if known.all() or min(plane.shape) < 2:
        return plane
    size = (plane.shape[1] + 1) // 2, (plane.shape[0] + 1) // 2
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(plane * known, size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-12)
    guessed = _coarse(np.asarray(small, np.float64), np.asarray(share == 0.0))
    return np.where(mask, cv2.resize(guessed, plane.shape[::-1], interpolation=cv2.INTER_LINEAR), plane)
