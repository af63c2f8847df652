"""Heatmaps drawn over the picture as people see it, written as PNG."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.batch.outputs import mark_as_output
from cxrview.batch.plan import HeatmapFiles
from cxrview.core.colour import overlay
from cxrview.core.errors import CxrError
from cxrview.core.heatmap import common_scale, gated, positive
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.results import Analysis, Finding, Heatmap
from cxrview.core.scores import leading_finding
from cxrview.core.voi import display_table
from cxrview.io.atomic import replacing

# Bytes of a name on common file systems, less those of the temporary name that a file has until it is complete.
LONGEST_NAME = 255 - 14


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """How a heatmap is drawn.

    Attributes:
        table: name of a colour table; empty for the one that suits the map.
        is_signed: also what speaks against the label.
        opacity: of the strongest place, 0 to 1.
    """

    table: str = ""
    is_signed: bool = False
    opacity: float = 0.6


@dataclass(frozen=True, slots=True)
class OverlayFolder:
    """Where a batch puts its overlays: the folder, and the inputs whose structure is kept below it."""

    folder: Path
    inputs: tuple[Path, ...]
    style: OverlayStyle = OverlayStyle()
    files: HeatmapFiles = HeatmapFiles.PNG


def draw_overlay(
    pixels: Pixels, analysis: Analysis, heatmap: Heatmap, style: OverlayStyle, *, scale: float | None = None
) -> npt.NDArray[np.uint8]:
    """Draw one heatmap over the displayed picture, (H, W, 3) RGB.

    `scale` is the value of the last colour, in logits; None takes the one that all maps of the image share.
    """
    finding = next(each for each in analysis.findings if each.label == heatmap.label)
    return overlay(
        displayed(pixels),
        heatmap.values if style.is_signed else positive(heatmap.values),
        analysis.frame,
        scale=common_scale(analysis.heatmaps) if scale is None else scale,
        table=style.table or None,
        is_signed=style.is_signed,
        opacity=style.opacity,
        title=_title(finding, heatmap),
    )


def displayed(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Give the picture as the file wants it shown, 8 bits, rows by columns."""
    return np.take(display_table(pixels), pixels.values)


def write_overlay(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write an RGB picture as PNG, complete or not at all."""
    is_done, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    if not is_done:
        raise CxrError("the overlay could not be encoded as PNG.", subject=str(path))
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def write_overlays(target: OverlayFolder, ref: ImageRef, pixels: Pixels, analysis: Analysis) -> tuple[Path, ...]:
    """Write the overlays of an image, of every label that is positive or of the top label when none is, and its raw maps."""
    mark_as_output(target.folder)
    written = []
    if target.files is not HeatmapFiles.PNG and analysis.heatmaps:
        written.append(write_maps(maps_path(target, ref), analysis))
    if target.files is HeatmapFiles.NPZ:
        return tuple(written)
    for heatmap in shown_heatmaps(analysis.heatmaps, analysis.findings):
        path = overlay_path(target, ref, heatmap.label.id)
        write_overlay(path, draw_overlay(pixels, analysis, heatmap, target.style))
        written.append(path)
    return tuple(written)


def write_maps(path: Path, analysis: Analysis) -> Path:
    """Write all maps of an image as numbers, `.npz`: one (h, w) float32 array of logits for each label id, and `model_to_image`.

    `model_to_image` is (6,) float64: scale x, scale y, shift x, shift y of model px to image px, model width, model height.
    """
    frame = analysis.frame
    place = np.array([frame.scale_x, frame.scale_y, frame.shift_x, frame.shift_y, frame.model_width, frame.model_height], np.float64)
    maps = {each.label.id: each.values for each in analysis.heatmaps}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, model_to_image=place, **maps)
    return path


def shown_heatmaps(heatmaps: Sequence[Heatmap], findings: Sequence[Finding]) -> tuple[Heatmap, ...]:
    """Keep the maps of positive labels; where none is positive, the top label's."""
    top = leading_finding(findings).label
    return gated(heatmaps, findings) or tuple(each for each in heatmaps if each.label == top)


def overlay_path(target: OverlayFolder, ref: ImageRef, label: str) -> Path:
    """Place an overlay below the folder as its image lies below the input; frames after the first carry their number."""
    return _path_of(target, ref, f".{label}.png")


def maps_path(target: OverlayFolder, ref: ImageRef) -> Path:
    """Place the raw maps of an image in the same way."""
    return _path_of(target, ref, ".npz")


def _path_of(target: OverlayFolder, ref: ImageRef, ending: str) -> Path:
    frame = f"#{ref.frame + 1}" if ref.frame else ""
    place = _below_input(ref.path, target.inputs)
    if ref.member:
        place = place / Path(*(part for part in Path(ref.member).parts if part not in ("..", "/", "\\")))
    return target.folder / place.with_name(_fitting(f"{place.name}{frame}", ending))


def _fitting(name: str, ending: str) -> str:
    """Join a name and its ending; one that is too long for a file system loses its end for a number that is its own."""
    raw = os.fsencode(name)
    room = LONGEST_NAME - len(os.fsencode(ending))
    if len(raw) <= room:
        return name + ending
    own = hashlib.sha256(raw).hexdigest()[:12]
    return f"{raw[: room - len(own) - 1].decode(errors='ignore')}~{own}{ending}"


def _below_input(path: Path, inputs: tuple[Path, ...]) -> Path:
    for given in inputs:
        if path != given and path.is_relative_to(given):
            below = path.relative_to(given)
            return below if len(inputs) == 1 else Path(given.absolute().name) / below
    return Path(path.name)


def _title(finding: Finding, heatmap: Heatmap) -> str:
    return f"{finding.label.name} {finding.probability:.2f}  {heatmap.method}"
