"""What preparation and augmentation do to an image, to be looked at; both are those of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrview.core.enhance import histogram_of
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.manifest import Channels, Enhancement, InputSpec
from cxrview.core.prepare import to_channels, to_gray
from cxrview.engine.lungs import open_lungs
from cxrview.io.read import read_pixels
from cxrview.training.augment import augmented
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
    changed = tuple(augmented(gray[np.newaxis], recipe, random)[0] for _ in range(SHOWN))
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
