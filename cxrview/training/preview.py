"""What augmentation and preparation do to an image, to be looked at; the training itself augments with torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.enhance import histogram_of
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.manifest import Channels, Enhancement, InputSpec
from cxrview.core.prepare import to_channels, to_gray
from cxrview.engine.lungs import open_lungs
from cxrview.io.read import read_pixels
from cxrview.training.harmonise import before_matching
from cxrview.training.judge import WHOLE
from cxrview.training.lung_source import KnownLungs, lungs_for
from cxrview.training.recipe import AugmentRecipe

Gray = npt.NDArray[np.uint8]
SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One step of preparation by itself: its name, the picture after it, (H, W), and whether the recipe takes it."""

    title: str
    picture: Gray
    is_used: bool


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """One image as the file has it, after each step of preparation, as the network sees it, and as augmentation may change that.

    Attributes:
        whole: (256, 256). channels: (C, H, W). changed: each (H, W).
        prepared: every step that a recipe may take, each by itself.
    """

    path: Path
    whole: Gray
    channels: Gray
    changed: tuple[Gray, ...]
    prepared: tuple[Prepared, ...] = ()


def preview(path: Path, spec: InputSpec, recipe: AugmentRecipe, *, others: Sequence[Gray] = (), seed: int = 0) -> Preview:
    """Prepare an image as training does, cropped to its lungs where the contract asks for it, and change it as augmentation might.

    `others` are small pictures of the data set, whose gray levels histogram matching takes for its model.

    Raises:
        UnreadableImage, UnsuitableImage: the image cannot be read or prepared.
    """
    pixels = read_pixels(ImageRef(path))
    lungs = _lungs(pixels)
    prepared = tuple(_prepared(pixels, spec, lungs, others))
    spec = before_matching(spec)  # what grays are matched to is known when the training images are
    gray = to_gray(pixels, spec, lung_box=lungs.box, lung_mask=lungs.mask).gray
    random = np.random.default_rng(seed)
    changed = tuple(augmented(gray, recipe, random) for _ in range(SHOWN))
    return Preview(path, to_gray(pixels, WHOLE).gray, to_channels(gray, spec), changed, prepared)


def _prepared(pixels: Pixels, spec: InputSpec, lungs: KnownLungs, others: Sequence[Gray]) -> Iterator[Prepared]:
    """Take each step by itself, on the whole picture; steps for which something is missing are left out."""

    def after(**changes: Any) -> Gray:  # Any: fields of many kinds
        return to_gray(pixels, replace(WHOLE, **changes), lung_box=lungs.box, lung_mask=lungs.mask).gray

    if lungs.box is not None:
        yield Prepared("cropped to the lungs", after(lung_crop=True, lung_margin=spec.lung_margin), spec.lung_crop)
    if lungs.mask is not None:
        yield Prepared("the lungs alone", after(lung_mask=True, lung_dilation=spec.lung_dilation), spec.lung_mask)
    has_both = spec.channels is Channels.GRAY_CLAHE_BEASF
    for title, step, is_channel in (
        ("CLAHE", Enhancement.CLAHE, has_both),
        ("BEASF", Enhancement.BEASF, has_both),
        ("letters and dates filled in", Enhancement.REMOVE_MARKS, False),
    ):
        yield Prepared(title, after(enhancement=(step,)), is_channel or step in spec.enhancement)
    if len(others):
        wanted = tuple(float(weight) for weight in histogram_of(list(others)))
        matched = after(enhancement=(Enhancement.HISTOGRAM_MATCH,), reference_histogram=wanted)
        yield Prepared("gray levels matched to all", matched, Enhancement.HISTOGRAM_MATCH in spec.enhancement)


def _lungs(pixels: Pixels) -> KnownLungs:
    finder = open_lungs(engine="onnx", device="cpu", threads=1)
    try:
        return lungs_for(pixels, None, finder)
    finally:
        if finder is not None:
            finder.close()


def augmented(gray: Gray, recipe: AugmentRecipe, random: np.random.Generator) -> Gray:
    """Change a picture as far as the recipe allows, in the order and between the bounds that training uses."""
    values = gray[:, ::-1] if random.random() < recipe.flip else gray
    values = _moved(np.ascontiguousarray(values), recipe, random)
    if recipe.blur_px > 0 and random.random() < 0.5:
        values = cv2.GaussianBlur(values, (5, 5), random.uniform(0.1, max(recipe.blur_px, 0.11))).astype(np.uint8)
    toned = values / 255.0
    toned = toned * random.uniform(1 - recipe.brightness, 1 + recipe.brightness)
    toned = (toned - toned.mean()) * random.uniform(1 - recipe.contrast, 1 + recipe.contrast) + toned.mean()
    if recipe.gamma > 0:
        span = np.log1p(recipe.gamma)
        toned = np.clip(toned, 0, 1) ** np.exp(random.uniform(-span, span))
    if recipe.noise > 0:
        toned = toned + random.random() * recipe.noise / 255 * random.standard_normal(toned.shape)
    changed: Gray = np.rint(np.clip(toned, 0, 1) * 255).astype(np.uint8)
    if random.random() < recipe.erase:
        _erase(changed, random)
    return changed


def _moved(gray: Gray, recipe: AugmentRecipe, random: np.random.Generator) -> Gray:
    height, width = gray.shape
    turn = random.uniform(-recipe.rotate_deg, recipe.rotate_deg)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, random.uniform(recipe.scale_low, recipe.scale_high))
    stretch = np.exp(random.uniform(-recipe.stretch, recipe.stretch)) ** 0.5
    matrix[0, :] *= 1 / stretch
    matrix[1, :] *= stretch
    matrix[0, 2] += width / 2 * (1 - 1 / stretch) + random.uniform(-recipe.translate, recipe.translate) * width
    matrix[1, 2] += height / 2 * (1 - stretch) + random.uniform(-recipe.translate, recipe.translate) * height
    return np.asarray(cv2.warpAffine(gray, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _erase(gray: Gray, random: np.random.Generator) -> None:
    height, width = gray.shape
    side = float(np.sqrt(random.uniform(0.02, 0.10)))
    high, wide = max(1, round(side * height)), max(1, round(side * width))
    top, left = int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1))
    gray[top : top + high, left : left + wide] = 0
