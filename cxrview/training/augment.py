"""Random changes of a prepared picture that leave the anatomy valid; training makes them and the wizard shows them."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.training.recipe import AugmentRecipe

Planes = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

# Of what a rectangle blanks, and its height over its width.
ERASED_AREA = (0.02, 0.10)
ERASED_RATIO = (0.3, 1 / 0.3)
# How much each plane counts in a picture's brightness, as for the colours of a photograph.
LUMINANCE = np.array([0.2989, 0.587, 0.114])


def augmented(planes: Planes, recipe: AugmentRecipe, random: np.random.Generator, *, mask: Planes | None = None) -> Planes:
    """Change a picture (C, H, W) uint8 as far as the recipe allows; black moves in at the edges.

    Given a mask, (H, W) uint8, it is moved with the picture and comes last, as plane C. All of geometry is one resampling and all of
    tone one table, so that a change costs little beside a training step.
    """
    stack = planes if mask is None else np.concatenate([planes, mask[np.newaxis]])
    if random.random() < recipe.flip:
        stack = stack[:, :, ::-1]
    moved = _moved(np.ascontiguousarray(stack), recipe, random)
    picture = _toned(_blurred(moved[: len(planes)], recipe, random), recipe, random)
    if random.random() < recipe.erase:
        _erase(picture, random)
    return picture if mask is None else np.concatenate([picture, moved[len(planes) :]])


def _moved(stack: Planes, recipe: AugmentRecipe, random: np.random.Generator) -> Planes:
    """Stretch, turn, zoom and shift in one step, about the middle of the picture."""
    height, width = stack.shape[1:]
    turn = math.radians(random.uniform(-recipe.rotate_deg, recipe.rotate_deg))
    zoom = random.uniform(recipe.scale_low, recipe.scale_high)
    stretch = math.exp(random.uniform(-recipe.stretch, recipe.stretch)) ** 0.5
    shift = np.array([random.uniform(-recipe.translate, recipe.translate) * side for side in (width, height)])
    linear = zoom * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) @ np.diag([1 / stretch, stretch])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([linear, centre + shift - linear @ centre])
    if np.array_equal(matrix, np.eye(2, 3)):
        return stack
    return _each(stack, lambda plane: cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_LINEAR))


def _blurred(planes: Planes, recipe: AugmentRecipe, random: np.random.Generator) -> Planes:
    """Blur half of the pictures."""
    if recipe.blur_px <= 0 or random.random() >= 0.5:
        return planes
    sigma = random.uniform(0.1, max(recipe.blur_px, 0.11))
    return _each(planes, lambda plane: cv2.GaussianBlur(plane, (5, 5), sigma, borderType=cv2.BORDER_REFLECT_101))


def _each(planes: Planes, change: Callable[[Planes], npt.NDArray[np.number]]) -> Planes:
    return np.stack([change(plane) for plane in planes]).astype(np.uint8, copy=False)


def _toned(planes: Planes, recipe: AugmentRecipe, random: np.random.Generator) -> Planes:
    """Change brightness and contrast in either order, then the gray curve, then add noise."""
    table = np.arange(256) / 255.0
    factors = [random.uniform(1 - jitter, 1 + jitter) for jitter in (recipe.brightness, recipe.contrast)]
    for step in random.permutation(2).tolist():
        around = _brightness(planes, table) if step == 1 and recipe.contrast > 0 else 0.0
        table = np.clip(around + factors[step] * (table - around), 0.0, 1.0)
    if recipe.gamma > 0:
        span = math.log1p(recipe.gamma)
        table = table ** math.exp(random.uniform(-span, span))
    if recipe.noise <= 0:
        changed: Planes = np.rint(table * 255.0).astype(np.uint8)[planes]
        return changed
    values = (table * 255.0).astype(np.float32)[planes]
    values += np.float32(random.random() * recipe.noise) * random.standard_normal(planes.shape, np.float32)
    noisy: Planes = np.rint(np.clip(values, 0.0, 255.0, out=values), out=values).astype(np.uint8)
    return noisy


def _brightness(planes: Planes, table: FloatArray) -> float:
    means = [float(np.bincount(plane.reshape(-1), minlength=256) @ table) / plane.size for plane in planes]
    return float(LUMINANCE @ means) if len(means) == len(LUMINANCE) else means[0]


def _erase(planes: Planes, random: np.random.Generator) -> None:
    height, width = planes.shape[1:]
    area = random.uniform(*ERASED_AREA) * height * width
    ratio = math.exp(random.uniform(math.log(ERASED_RATIO[0]), math.log(ERASED_RATIO[1])))
    high, wide = (min(side, max(1, round(math.sqrt(part)))) for side, part in ((height, area * ratio), (width, area / ratio)))
    top, left = int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1))
    planes[:, top : top + high, left : left + wide] = 0
