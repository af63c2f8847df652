"""A model's input when it is known where the lungs lie: the box and the mask that the contract asks for."""

from __future__ import annotations

from cxrview.core.image import Pixels
from cxrview.core.lungs import Lungs, lungs_mask
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import prepare
from cxrview.core.results import ModelInput


def needs_lungs(spec: InputSpec) -> bool:
    """Tell whether the contract asks for the lungs at all."""
    return spec.lung_crop or spec.lung_mask


def prepare_with_lungs(pixels: Pixels, spec: InputSpec, lungs: Lungs | None) -> ModelInput:
    """Make the model's input, cropped to the lungs or blanked outside them as the contract asks; whole where none were found.

    Raises:
        UnsuitableImage: the picture is too small, or holds a single gray level.
    """
    if lungs is None or not lungs.is_found:
        return prepare(pixels, spec)
    return prepare(pixels, spec, lung_box=lungs.box, lung_mask=lungs_mask(lungs) if spec.lung_mask else None)
