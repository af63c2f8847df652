"""From pixels to a model's input: one path for viewer, batch and training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core import burned_in, enhance, voi
from cxrview.core.errors import UnsuitableImage
from cxrview.core.frame import Box, Frame, frame_of_box
from cxrview.core.image import Fact, Pixels, StoredArray, read_only
from cxrview.core.manifest import Channels, Enhancement, InputSpec, Normalisation, RangeRule, ResizeRule
from cxrview.core.results import FloatArray, ModelInput
from cxrview.core.shrink import can_shrink, shrunk

Gray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
Plane = StoredArray | FloatArray
MIN_SIDE_PX = 16  # a picture smaller than this holds no chest
ALL_PICTURE = 0.999  # of a model pixel; one that mixes picture and padding shows neither


@dataclass(frozen=True, slots=True, eq=False)
class GrayInput:
    """The picture a network sees, before normalisation: `gray` (H, W) uint8 at model size, bright = dense."""

    gray: Gray
    frame: Frame
    facts: tuple[Fact, ...]


def prepare(pixels: Pixels, spec: InputSpec, *, lung_box: Box | None = None, lung_mask: BoolArray | None = None) -> ModelInput:
    """Make the model's input and the map back to the image.

    Args:
        pixels: the image at stored depth.
        spec: the model's input contract.
        lung_box: the box around the lungs in image px; used when the contract asks for a lung crop.
        lung_mask: (image height, image width), true inside the lungs; used when the contract asks for a lung mask.

    Raises:
        UnsuitableImage: the picture is too small, or holds a single gray level.
    """
    made = to_gray(pixels, spec, lung_box=lung_box, lung_mask=lung_mask)
    tensor = normalise(to_channels(made.gray, spec), spec)
    return ModelInput(tensor=read_only(tensor), gray=read_only(made.gray), frame=made.frame, facts=made.facts)


def to_gray(pixels: Pixels, spec: InputSpec, *, lung_box: Box | None = None, lung_mask: BoolArray | None = None) -> GrayInput:
    """Crop, resize, blank what is not lung, stretch the gray range and enhance: everything that does not depend on the channels.

    Resampling is by area where the picture shrinks and bilinear where it grows.
    """
    if min(pixels.width, pixels.height) < MIN_SIDE_PX:
        raise UnsuitableImage(
            f"The picture is {pixels.width}×{pixels.height} px; a radiograph needs at least {MIN_SIDE_PX} px a side.",
            hint="Use the original image, not an icon of it.",
        )
    facts: list[Fact] = []
    region = _region(pixels, spec, lung_box, facts)
    placed = _placed(pixels, spec, region)
    is_inside = placed.is_inside
    if spec.lung_mask and lung_mask is not None:
        is_lung = _lungs_at_target(lung_mask, spec, region)
        is_inside = is_lung if is_inside is None else is_inside & is_lung
        facts.append(Fact("lung_mask", "what is not lung blanked for the model"))
    gray = _stretch(placed.plane, pixels, spec, is_inside)
    gray = enhanced(gray, spec, spec.enhancement)
    return GrayInput(gray=np.ascontiguousarray(gray), frame=placed.frame, facts=tuple(facts))


def enhanced(gray: Gray, spec: InputSpec, steps: Sequence[Enhancement]) -> Gray:
    """Take enhancement steps, in order, on a picture of model size."""
    for step in steps:
        gray = _enhanced(gray, step, spec)
    return gray


def to_channels(gray: Gray, spec: InputSpec) -> Gray:
    """Give (C, H, W) uint8: the gray picture once, three times, or with its CLAHE and BEASF versions."""
    if spec.channels is Channels.GRAY:
        return gray[np.newaxis]
    if spec.channels is Channels.GRAY3:
        return np.stack([gray, gray, gray])
    local = enhance.clahe(gray, clip=spec.clahe_clip, tiles=spec.clahe_tiles)
    return np.stack([gray, local, enhance.beasf(gray, gamma=spec.beasf_gamma)])


def normalise(channels: Gray, spec: InputSpec) -> FloatArray:
    """Turn (C, H, W) uint8 into (1, C, H, W) float32: to 0..1, less the mean, over the std, as the contract says."""
    values = channels.astype(np.float32) / np.float32(255.0)
    if spec.normalisation is Normalisation.PER_IMAGE:
        mean = values.mean(axis=(1, 2), keepdims=True)
        std = np.maximum(values.std(axis=(1, 2), keepdims=True), np.float32(1e-3))
    else:
        mean = np.asarray(spec.mean, dtype=np.float32).reshape(-1, 1, 1)
        std = np.asarray(spec.std, dtype=np.float32).reshape(-1, 1, 1)
    values -= mean
    values /= std
    return values[np.newaxis]


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The region at model size, in modality values and polarity of the file; `is_inside` is None when all of it is picture."""

    plane: FloatArray
    frame: Frame
    is_inside: npt.NDArray[np.bool_] | None


def _region(pixels: Pixels, spec: InputSpec, lung_box: Box | None, facts: list[Fact]) -> Box:
    """Choose the whole-pixel rectangle of the image that the model is to see."""
    left, top = round(pixels.width * spec.border_crop), round(pixels.height * spec.border_crop)
    box = Box(left, top, pixels.width - left, pixels.height - top)
    if spec.border_crop > 0:
        facts.append(Fact("border_crop", f"{spec.border_crop:.0%} of each side cut away for the model"))
    if spec.lung_crop and lung_box is not None:
        grow_x, grow_y = lung_box.width * spec.lung_margin, lung_box.height * spec.lung_margin
        box = Box(
            max(0.0, np.floor(lung_box.left - grow_x)),
            max(0.0, np.floor(lung_box.top - grow_y)),
            min(float(pixels.width), np.ceil(lung_box.right + grow_x)),
            min(float(pixels.height), np.ceil(lung_box.bottom + grow_y)),
        )
        facts.append(Fact("lung_crop", "cropped to the lungs for the model"))
    if spec.resize is ResizeRule.CROP:
        box = _middle(box, spec.width / spec.height)
    if min(box.width, box.height) < MIN_SIDE_PX:
        raise UnsuitableImage("What is left after cropping is too small for the model.", hint="Use a larger image.")
    return box


def _middle(box: Box, aspect: float) -> Box:
    """Cut the middle part of `box` that has the wanted width / height, in whole pixels."""
    width = min(box.width, round(box.height * aspect))
    height = min(box.height, round(box.width / aspect))
    left = box.left + (box.width - width) // 2
    top = box.top + (box.height - height) // 2
    return Box(left, top, left + width, top + height)


def _placed(pixels: Pixels, spec: InputSpec, region: Box) -> _Placed:
    rows, columns = slice(int(region.top), int(region.bottom)), slice(int(region.left), int(region.right))
    target = _target(region, spec)
    plane = _onto_target(_in_modality_values(pixels, pixels.values[rows, columns]), spec, target)
    model_size, image_size = (spec.width, spec.height), (pixels.width, pixels.height)
    is_picture = _is_picture(pixels, rows, columns)
    fills_input = target.width == spec.width and target.height == spec.height
    if fills_input and is_picture is None:
        return _Placed(plane, frame_of_box(region, model_size=model_size, image_size=image_size), None)
    is_inside = _onto_target(np.ones(plane.shape, np.float32) if is_picture is None else is_picture, spec, target) > ALL_PICTURE
    px_x, px_y = region.width / target.width, region.height / target.height
    whole = Box(
        region.left - target.left * px_x,
        region.top - target.top * px_y,
        region.left + (spec.width - target.left) * px_x,
        region.top + (spec.height - target.top) * px_y,
    )
    return _Placed(plane, frame_of_box(whole, model_size=model_size, image_size=image_size), is_inside)


def _target(region: Box, spec: InputSpec) -> Box:
    """Choose the whole-pixel rectangle of the model input that the region fills."""
    if spec.resize is not ResizeRule.LETTERBOX:
        return Box(0, 0, spec.width, spec.height)
    scale = min(spec.width / region.width, spec.height / region.height)
    width, height = max(1, round(region.width * scale)), max(1, round(region.height * scale))
    left, top = (spec.width - width) // 2, (spec.height - height) // 2
    return Box(left, top, left + width, top + height)


def _onto_target(plane: Plane, spec: InputSpec, target: Box) -> FloatArray:
    """Resample, through the coarse grid when the contract names one; 0 around the target."""
    longer = max(plane.shape)
    if 0 < spec.via_px < longer:
        scale = spec.via_px / longer
        plane = _resized(plane, max(1, round(plane.shape[1] * scale)), max(1, round(plane.shape[0] * scale)))
    plane = _resized(plane, int(target.width), int(target.height)).astype(np.float32, copy=False)
    if plane.shape == (spec.height, spec.width):
        return plane
    canvas = np.zeros((spec.height, spec.width), dtype=np.float32)
    canvas[int(target.top) : int(target.bottom), int(target.left) : int(target.right)] = plane
    return canvas


def _lungs_at_target(lung_mask: BoolArray, spec: InputSpec, region: Box) -> BoolArray:
    """Bring the lung mask to model size as the picture was brought there, and grow it by the contract's dilation."""
    cut = lung_mask[int(region.top) : int(region.bottom), int(region.left) : int(region.right)].astype(np.float32)
    is_lung = (_onto_target(cut, spec, _target(region, spec)) > 0.5).astype(np.uint8)
    reach = round(spec.lung_dilation * min(spec.width, spec.height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(is_lung, kernel) > 0, np.bool_)


def _is_picture(pixels: Pixels, rows: slice, columns: slice) -> FloatArray | None:
    """Give 1 inside the shutter and outside padding, else 0; None when all of the region is picture."""
    if pixels.shutter is None and pixels.padding is None:
        return None
    is_shown = np.ones(pixels.values[rows, columns].shape, np.bool_) if pixels.shutter is None else pixels.shutter[rows, columns]
    if pixels.padding is not None:
        low, high = (end - pixels.offset for end in pixels.padding)
        values = pixels.values[rows, columns]
        is_shown = is_shown & ((values < low) | (values > high))
    return None if is_shown.all() else is_shown.astype(np.float32)


def _in_modality_values(pixels: Pixels, stored: Plane) -> Plane:
    """Apply what is not a straight line before resampling; a straight line waits until the picture is small."""
    if pixels.modality_lut is not None:
        table: FloatArray = voi.modality_table(pixels)
        return table[stored]
    return stored


def _resized(plane: Plane, width: int, height: int) -> Plane:
    """Average along a side that shrinks, then interpolate along one that grows; OpenCV skips pixels when asked for both at once."""
    if can_shrink(plane, width, height):
        return shrunk(plane, width, height)
    small = _interpolated(plane, min(width, plane.shape[1]), min(height, plane.shape[0]), cv2.INTER_AREA)
    return _interpolated(small, width, height, cv2.INTER_LINEAR)


def _interpolated(plane: Plane, width: int, height: int, method: int) -> Plane:
    if (width, height) == (plane.shape[1], plane.shape[0]):
        return plane
    made: npt.NDArray[Any] = cv2.resize(plane, (width, height), interpolation=method)
    return made  # Any: OpenCV keeps the type of what it is given, and its stubs do not say so


def _stretch(plane: FloatArray, pixels: Pixels, spec: InputSpec, is_inside: npt.NDArray[np.bool_] | None) -> Gray:
    """Map the gray range to 0..255 with bright = dense; what is not picture (bars, padding, shutter) becomes 0."""
    values = plane
    if pixels.modality_lut is None:
        values = (plane + np.float32(pixels.offset)) * np.float32(pixels.slope) + np.float32(pixels.intercept)
    shown = values if is_inside is None else values[is_inside]
    if not shown.size:
        raise UnsuitableImage("Nothing of the picture lies inside its shutter.", hint="Check that the file was exported completely.")
    low, high = _gray_range(shown, pixels, spec)
    if not high > low:
        raise UnsuitableImage("The picture holds a single gray level.", hint="Check that the file was exported completely.")
    scaled = np.clip((values - np.float32(low)) * np.float32(255.0 / (high - low)), 0.0, 255.0)
    if pixels.is_inverted:
        scaled = np.float32(255.0) - scaled
    gray: Gray = np.rint(scaled).astype(np.uint8)
    if is_inside is not None:
        gray[~is_inside] = 0
    return gray


def _gray_range(shown: FloatArray, pixels: Pixels, spec: InputSpec) -> tuple[float, float]:
    if spec.range_rule is RangeRule.WINDOW:
        window = voi.file_window(pixels) or voi.auto_window(pixels)
        return window.center - window.width / 2, window.center + window.width / 2
    if spec.range_rule is RangeRule.BIT_DEPTH and pixels.modality_lut is not None:
        return 0.0, float(2**pixels.modality_lut.bits - 1)
    if spec.range_rule is RangeRule.BIT_DEPTH:
        ends = [(end + pixels.offset) * pixels.slope + pixels.intercept for end in (0.0, float(2**pixels.bits - 1))]
        return min(ends), max(ends)
    dark, bright = spec.percentiles
    low, high = np.percentile(shown, (100 - bright, 100 - dark) if pixels.is_inverted else (dark, bright))
    if not high > low:
        low, high = shown.min(), shown.max()
    return float(low), float(high)


def _enhanced(gray: Gray, step: Enhancement, spec: InputSpec) -> Gray:
    if step is Enhancement.CLAHE:
        return enhance.clahe(gray, clip=spec.clahe_clip, tiles=spec.clahe_tiles)
    if step is Enhancement.BEASF:
        return enhance.beasf(gray, gamma=spec.beasf_gamma)
    if step is Enhancement.EQUALISE:
        return enhance.equalise(gray)
    if step is Enhancement.REMOVE_MARKS:
        return burned_in.without_marks(gray)
    return enhance.match_histogram(gray, spec.reference_histogram)
