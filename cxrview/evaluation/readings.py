"""What a model says of one labelled image: as it is, and with parts of it taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.burned_in import find_marks, without_marks
from cxrview.core.frame import Box, Frame
from cxrview.core.heatmap import fraction_inside
from cxrview.core.image import Pixels, read_only
from cxrview.core.lungs import Lungs, lungs_mask
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise, prepare, to_channels
from cxrview.core.results import FloatArray, Forward, Heatmap, ModelInput
from cxrview.engine.analyse import heatmaps_of
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package

BoolArray = npt.NDArray[np.bool_]
GrayArray = npt.NDArray[np.uint8]

# Of the model's shorter side: what a lung mask is grown by before the lungs are blanked, so that no edge of them is left.
GROWTH = 0.04
# Of the lungs' box on each side: what "border only" blanks beyond it.
MARGIN = 0.10
# Where a template looks: the lungs' box grown by this part of its size on each side, at this many cells a side.
TEMPLATE_MARGIN, TEMPLATE_CELLS = 0.15, 24
THUMB_PX = 96


class Change(StrEnum):
    """What is taken away from a picture."""

    LUNGS_BLANKED = "lungs blanked"
    BORDER_ONLY = "border only"
    MARKS_REMOVED = "letters and markers removed"


@dataclass(frozen=True, slots=True, eq=False)
class LungArea:
    """The lungs of an image, given or found: `mask` (H, W) bool and `box`, both in image px."""

    mask: BoolArray
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One image through one model.

    Attributes:
        logits: (L,) float32, of the picture as it is.
        pooled: (K,) float32, features averaged over their cells, of all networks of the package one after the other; None without features.
        changed: logits (L,) of the picture with something taken away; a change that could not be made is not there.
        marks_share: part of the model's picture that letters and markers cover.
        lung_share: part of the model's picture that the lungs cover, which an even map would have inside; NaN without lungs.
        heat_in_lungs: (L,) part of each label's positive heat inside the lungs; NaN where there is none; None without maps or lungs.
        aligned: (L, 24, 24) float32, the labels' signed maps in the frame of the lungs' box; None without maps or lungs.
        thumb: (96, 96) uint8, the picture in the same frame, or as the model sees it where no lungs are known.
    """

    logits: FloatArray
    pooled: FloatArray | None
    changed: Mapping[Change, FloatArray] = field(hash=False)
    marks_share: float
    lung_share: float
    heat_in_lungs: FloatArray | None
    aligned: FloatArray | None
    thumb: GrayArray


def area_of(lungs: Lungs | None) -> LungArea | None:
    """Take what a lung network found; None where it found none."""
    return None if lungs is None or lungs.box is None else LungArea(lungs_mask(lungs), lungs.box)


def area_of_mask(mask: BoolArray) -> LungArea | None:
    """Take a mask of the image's size, drawn by somebody; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return LungArea(mask, Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))


def prepared(pixels: Pixels, spec: InputSpec, lungs: LungArea | None) -> ModelInput:
    """Prepare an image as the program does when it knows these lungs."""
    return prepare(pixels, spec, lung_box=None if lungs is None else lungs.box, lung_mask=None if lungs is None else lungs.mask)


def read_case(pixels: Pixels, package: Package, predictor: Predictor, lungs: LungArea | None) -> Reading:
    """Run one image through a model, with all the changes that can be made, in one batch.

    Raises:
        UnsuitableImage: the picture cannot be prepared for the model.
    """
    spec = package.manifest.input
    made = prepared(pixels, spec, lungs)
    inside = None if lungs is None else mask_at_model(lungs.mask, made.frame)
    marks = find_marks(made.gray)
    pictures = changes_of(made.gray, spec, made.frame, lungs, marks)
    batch = np.concatenate([made.tensor, *(normalise(to_channels(gray, spec), spec) for gray in pictures.values())])
    forward, *others = predictor.run(batch)
    maps = heatmaps_of(package, forward)
    return Reading(
        logits=forward.logits,
        pooled=pooled_features(forward),
        changed={change: answer.logits for change, answer in zip(pictures, others, strict=True)},
        marks_share=float(marks.mean()),
        lung_share=float("nan") if inside is None else float(inside.mean()),
        heat_in_lungs=_heat_in(maps, lungs, made.frame),
        aligned=None if lungs is None or not maps else read_only(np.stack([aligned(each, made.frame, lungs.box) for each in maps])),
        thumb=_thumb(made, lungs),
    )


def changes_of(gray: GrayArray, spec: InputSpec, frame: Frame, lungs: LungArea | None, marks: BoolArray) -> dict[Change, GrayArray]:
    """Take things away from a picture (H, W) uint8 at model size; what is taken away becomes the gray that the network calls zero.

    Lungs are blanked with their mask grown by 4 % of the shorter side. "Border only" keeps what lies outside the lungs' box
    grown by 10 %: a rectangle, since the outline of a mask may tell of disease. Letters are filled from around them.
    """
    changed: dict[Change, GrayArray] = {}
    if marks.any():
        changed[Change.MARKS_REMOVED] = without_marks(gray)
    if lungs is None:
        return changed
    fill = np.uint8(round(255 * min(1.0, max(0.0, spec.mean[0]))))
    grow = max(1, round(GROWTH * min(gray.shape)))
    inside = mask_at_model(lungs.mask, frame).astype(np.uint8)
    grown = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1,) * 2)) > 0
    changed[Change.LUNGS_BLANKED] = np.where(grown, fill, gray).astype(np.uint8)
    rows, columns = _span(lungs.box, frame, gray.shape)
    border = gray.copy()
    border[rows, columns] = fill
    changed[Change.BORDER_ONLY] = border
    return changed


def mask_at_model(mask: BoolArray, frame: Frame) -> BoolArray:
    """Bring a mask of image size to model size, (model_height, model_width), by the nearest pixel; outside the image is outside."""
    columns = np.floor((np.arange(frame.model_width) + 0.5) * frame.scale_x + frame.shift_x).astype(np.intp)
    rows = np.floor((np.arange(frame.model_height) + 0.5) * frame.scale_y + frame.shift_y).astype(np.intp)
    is_column, is_row = (columns >= 0) & (columns < mask.shape[1]), (rows >= 0) & (rows < mask.shape[0])
    found = mask[np.clip(rows, 0, mask.shape[0] - 1)][:, np.clip(columns, 0, mask.shape[1] - 1)]
    return np.asarray(found & is_row[:, None] & is_column[None, :], np.bool_)


def aligned(heatmap: Heatmap, frame: Frame, box: Box) -> FloatArray:
    """Sample a map (h, w) on an even grid, (24, 24), over the lungs' box and 15 % around it; beyond the map its edge goes on."""
    grown = _grown(box, TEMPLATE_MARGIN)
    steps = (np.arange(TEMPLATE_CELLS) + 0.5) / TEMPLATE_CELLS
    rows, columns = heatmap.values.shape
    x = (grown.left + steps * grown.width - frame.shift_x) / frame.scale_x * columns / frame.model_width - 0.5
    y = (grown.top + steps * grown.height - frame.shift_y) / frame.scale_y * rows / frame.model_height - 0.5
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    values = np.ascontiguousarray(heatmap.values, np.float32)
    return np.asarray(cv2.remap(values, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def pooled_features(forward: Forward) -> FloatArray | None:
    """Average the features of each network over their cells, (K,); None where one gives none."""
    parts = [part.features for part in forward.parts or (forward,)]
    known = [each for each in parts if each is not None]
    if len(known) < len(parts):
        return None
    return read_only(np.concatenate([each.mean(axis=(1, 2)) if each.ndim == 3 else each.reshape(-1) for each in known]))


def _heat_in(maps: Sequence[Heatmap], lungs: LungArea | None, frame: Frame) -> FloatArray | None:
    if lungs is None or not maps:
        return None
    return read_only(np.array([fraction_inside(each, lungs.mask, frame) for each in maps], np.float32))


def _thumb(made: ModelInput, lungs: LungArea | None) -> GrayArray:
    gray = made.gray
    if lungs is not None:
        box = _grown(lungs.box, TEMPLATE_MARGIN)
        left, top = made.frame.to_model(box.left, box.top)
        right, bottom = made.frame.to_model(box.right, box.bottom)
        steps = (np.arange(THUMB_PX) + 0.5) / THUMB_PX
        x, y = np.meshgrid((left + steps * (right - left)).astype(np.float32), (top + steps * (bottom - top)).astype(np.float32))
        return read_only(np.asarray(cv2.remap(gray, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8))
    return read_only(np.asarray(cv2.resize(gray, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA), np.uint8))


def _span(box: Box, frame: Frame, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Give rows and columns of the model's picture that the lungs' box and a margin around it cover."""
    grown = _grown(box, MARGIN)
    left, top = frame.to_model(grown.left, grown.top)
    right, bottom = frame.to_model(grown.right, grown.bottom)
    left, right = sorted((left, right))
    return (
        slice(max(0, int(np.floor(top))), min(shape[0], int(np.ceil(bottom)))),
        slice(max(0, int(np.floor(left))), min(shape[1], int(np.ceil(right)))),
    )


def _grown(box: Box, part: float) -> Box:
    x, y = part * box.width, part * box.height
    return Box(box.left - x, box.top - y, box.right + x, box.bottom + y)
