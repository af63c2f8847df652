"""Match the gray histograms of all images to one that training images gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.enhance import histogram_of
from cxrview.core.errors import RecipeError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Enhancement, InputSpec
from cxrview.core.prepare import enhanced, to_channels, to_gray
from cxrview.io.read import read_pixels
from cxrview.training.examples import Example
from cxrview.training.pictures import Pictures
from cxrview.training.recipe import Recipe

DIGITS = 7  # of the weights in the manifest


@dataclass(frozen=True, slots=True, eq=False)
class Harmonised:
    """The recipe with the histogram that was settled on, and the pictures that follow it."""

    recipe: Recipe
    pictures: Pictures


def before_matching(spec: InputSpec) -> InputSpec:
    """Give the contract up to the step that needs a histogram nobody knows yet; the whole contract where there is no such step."""
    if not _is_waiting(spec):
        return spec
    return replace(spec, enhancement=spec.enhancement[: spec.enhancement.index(Enhancement.HISTOGRAM_MATCH)])


def harmonise(recipe: Recipe, examples: Sequence[Example], pictures: Pictures, root: Path) -> Harmonised:
    """Settle the reference histogram from training images or the base image, and take the remaining steps of the contract.

    Args:
        recipe: whose contract is completed.
        examples: with their splits, in the order of the pictures.
        pictures: prepared as `before_matching` says.
        root: what `data.base_image` is relative to.

    Raises:
        RecipeError: the base image is not there.
    """
    spec = recipe.input
    if not _is_waiting(spec):
        return Harmonised(recipe, pictures)
    grays = pictures.stack[:, 0]
    if recipe.data.base_image:
        histogram = histogram_of([_base_picture(recipe, examples, grays, root)])
    else:
        histogram = histogram_of([gray for gray, example in zip(grays, examples, strict=True) if example.split == "train"])
    complete = replace(spec, reference_histogram=tuple(round(float(weight), DIGITS) for weight in histogram))
    remaining = complete.enhancement[len(before_matching(spec).enhancement) :]
    stack = np.stack([to_channels(enhanced(gray, complete, remaining), complete) for gray in grays])
    return Harmonised(replace(recipe, input=complete), replace(pictures, stack=stack))


def _is_waiting(spec: InputSpec) -> bool:
    return Enhancement.HISTOGRAM_MATCH in spec.enhancement and not spec.reference_histogram


def _base_picture(recipe: Recipe, examples: Sequence[Example], grays: npt.NDArray[np.uint8], root: Path) -> npt.NDArray[np.uint8]:
    path = root / recipe.data.base_image
    known = next((number for number, example in enumerate(examples) if example.path == path), None)
    if known is not None:
        return np.asarray(grays[known], np.uint8)
    if not path.is_file():
        raise RecipeError("The base image of the histogram matching is not there.", hint="Check data.base_image.", subject=str(path))
    return to_gray(read_pixels(ImageRef(path)), before_matching(recipe.input)).gray
