"""Images with masks drawn by people: read from a table, prepared like any model input, and kept together as arrays."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.frame import Frame
from cxrview.core.image import ImageRef
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import to_gray
from cxrview.io.read import read_pixels

COLUMNS = ("file", "mask_file", "mask_kind", "source", "group_id")


@dataclass(frozen=True, slots=True)
class MaskExample:
    """One image and its mask.

    Attributes:
        label: which output of the network the mask was drawn for.
        group: what a split must never tear apart.
    """

    image: Path
    mask: Path
    label: str
    source: str
    group: str
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, eq=False)
class MaskPictures:
    """Prepared pictures and masks, in the order of their examples.

    Attributes:
        gray: (N, H, W) uint8, what the network sees before normalisation.
        masks: (N, H, W) uint8, 0 or 1, through the same crop and resampling.
    """

    examples: tuple[MaskExample, ...]
    gray: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    problems: tuple[str, ...]


def read_mask_table(table: Path, kinds: Mapping[str, Sequence[str]], *, left_out: Mapping[str, Sequence[str]]) -> tuple[MaskExample, ...]:
    """Read the rows of a table that have a mask.

    Args:
        table: a CSV file with the columns `file`, `mask_file`, `mask_kind`, `source` and `group_id`, paths relative to it.
        kinds: output label to how the `mask_kind` of its masks begins.
        left_out: column to values; rows with one of them are left out.

    Raises:
        DataError: a column is missing, or no row has a usable mask.
    """
    with table.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(
                f"The table has no column '{missing[0]}'.", hint=f"A table of masks has {', '.join(COLUMNS)}.", subject=str(table)
            )
        rows = [row for row in reader if row["mask_file"] and not any(row.get(key, "") in values for key, values in left_out.items())]
    examples = []
    for row in rows:
        label = next((name for name, starts in kinds.items() if row["mask_kind"].startswith(tuple(starts))), "")
        if label:
            paths = table.parent / row["file"], table.parent / row["mask_file"]
            examples.append(MaskExample(*paths, label=label, source=row["source"], group=row["group_id"], attributes=row))
    if not examples:
        raise DataError("No row of the table has a mask of a known kind.", hint="See the recipe's kinds.", subject=str(table))
    return tuple(examples)


def load_mask_pictures(examples: Sequence[MaskExample], spec: InputSpec, report: Callable[[str], None] = lambda _: None) -> MaskPictures:
    """Read and prepare every image with its mask.

    Raises:
        DataError: not one pair could be read.
    """
    kept: list[MaskExample] = []
    grays: list[npt.NDArray[np.uint8]] = []
    masks: list[npt.NDArray[np.uint8]] = []
    problems: list[str] = []
    for number, example in enumerate(examples, start=1):
        try:
            pixels = read_pixels(ImageRef(example.image))
            made = to_gray(pixels, spec)
            mask = read_mask(example.mask, (pixels.width, pixels.height))
        except CxrError as error:
            problems.append(str(error.about(str(example.image))))
            continue
        kept.append(example)
        grays.append(made.gray)
        masks.append(mask_at_model(mask, made.frame))
        if number % 500 == 0:
            report(f"{number} of {len(examples)} images read.")
    if not kept:
        raise DataError("Not one image could be read with its mask.", hint=problems[0] if problems else "")
    return MaskPictures(tuple(kept), np.stack(grays), np.stack(masks), tuple(problems))


def read_mask(path: Path, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Read a mask, (height, width) of 0 and 1; every value above half of the largest is inside.

    Raises:
        DataError: it cannot be read, or has not the size (width, height) of its image.
    """
    pixels = read_pixels(ImageRef(path))
    if (pixels.width, pixels.height) != size:
        raise DataError(f"The mask has {pixels.width}×{pixels.height} px, its image {size[0]}×{size[1]}.", subject=str(path))
    values = pixels.values
    return np.asarray(values > values.max() // 2, np.uint8)


def mask_at_model(mask: npt.NDArray[np.uint8], frame: Frame) -> npt.NDArray[np.uint8]:
    """Bring a mask of the image's size to the model's size, (model_height, model_width) of 0 and 1, by area where it shrinks."""
    box = frame.model_box_in_image()
    rows = slice(max(0, round(box.top)), min(frame.image_height, round(box.bottom)))
    columns = slice(max(0, round(box.left)), min(frame.image_width, round(box.right)))
    left, top = frame.to_model(columns.start, rows.start)
    right, bottom = frame.to_model(columns.stop, rows.stop)
    part = mask[rows, columns].astype(np.float32)
    target = round(right) - round(left), round(bottom) - round(top)
    method = cv2.INTER_AREA if target[0] < part.shape[1] else cv2.INTER_LINEAR
    canvas = np.zeros((frame.model_height, frame.model_width), np.uint8)
    canvas[round(top) : round(bottom), round(left) : round(right)] = cv2.resize(part, target, interpolation=method) > 0.5
    return canvas
