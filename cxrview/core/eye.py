"""Local contrast for the eye alone: it works on shown grays, so no score can depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cxrview.core.enhance import clahe

Uint8Image = npt.NDArray[np.uint8]

CLAHE_CLIP: Final = 2.0
CLAHE_TILES: Final = 8
UNSHARP_AMOUNT: Final = 1.2
UNSHARP_SHARE: Final = 1 / 700
"""Radius of the blur that is taken away, as a share of the longer side: about the width of a fissure or a fine catheter."""
_MIN_SIGMA_PX: Final = 0.8


@dataclass(frozen=True, slots=True)
class Eye:
    """Which helps the eye gets."""

    has_clahe: bool = False
    has_unsharp: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether grays are shown as they are."""
        return not (self.has_clahe or self.has_unsharp)


PLAIN: Final = Eye()


def for_the_eye(gray: Uint8Image, eye: Eye) -> Uint8Image:
    """Even out and sharpen a whole picture at any resolution, (rows, columns); the input stays as it is."""
    evened = clahe(gray, clip=CLAHE_CLIP, tiles=CLAHE_TILES) if eye.has_clahe else gray
    return _sharpened(evened) if eye.has_unsharp else evened


def _sharpened(gray: Uint8Image) -> Uint8Image:
    import cv2

    sigma = max(_MIN_SIGMA_PX, max(gray.shape) * UNSHARP_SHARE)
    blurred = cv2.GaussianBlur(gray, (0, 0), sigma)
    return cv2.addWeighted(gray, 1 + UNSHARP_AMOUNT, blurred, -UNSHARP_AMOUNT, 0).astype(np.uint8, copy=False)
