"""Where the lungs of a training image lie: from the mask that came with it, or found by the installed lung network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Box
from cxrview.core.image import Pixels
from cxrview.core.lungs import lungs_mask
from cxrview.engine.lungs import LungFinder
from cxrview.training.mask_examples import read_mask


class LungSource(StrEnum):
    """Who says where the lungs are; the words stand in the log."""

    NOT_ASKED = "not asked for"
    MASK = "from masks that came with the images"
    FOUND = "found by the lung network"
    MISSING = "not known, whole picture taken"


@dataclass(frozen=True, slots=True, eq=False)
class KnownLungs:
    """The box in image px and the mask (image height, image width), or neither."""

    source: LungSource
    box: Box | None = None
    mask: npt.NDArray[np.bool_] | None = None


NO_LUNGS = KnownLungs(LungSource.NOT_ASKED)


def lungs_for(pixels: Pixels, mask_file: Path | None, finder: LungFinder | None) -> KnownLungs:
    """Take the mask that came with an image, else what the lung network finds, else nothing.

    Raises:
        DataError: the mask has not the size of its image.
    """
    if mask_file is not None:
        mask = read_mask(mask_file, (pixels.width, pixels.height)) > 0
        if mask.any():
            return KnownLungs(LungSource.MASK, _box(mask), mask)
    if finder is not None:
        found = finder.find(pixels)
        if found.box is not None:
            return KnownLungs(LungSource.FOUND, found.box, lungs_mask(found))
    return KnownLungs(LungSource.MISSING)


def _box(mask: npt.NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
