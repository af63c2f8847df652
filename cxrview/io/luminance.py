"""Colour pictures to the luminance that a model for gray radiographs can read."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from cxrview.core.image import Fact, StoredArray


def luminance_of_rgb(samples: StoredArray) -> StoredArray:
    """Give 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in JPEG) of (rows, columns, 3 or more); equal channels come out unchanged."""
    return cast(StoredArray, cv2.cvtColor(np.ascontiguousarray(samples[..., :3]), cv2.COLOR_RGB2GRAY))


def luminance_of_partial_range(luma: StoredArray) -> StoredArray:
    """Spread a luma of 16..235 (YBR_PARTIAL) over 0..255."""
    table = np.clip((np.arange(256) - 16) * 255 / 219, 0, 255).round().astype(np.uint8)
    return table[luma]


def over_black(gray: StoredArray, alpha: StoredArray) -> StoredArray:
    """Show what is transparent as black."""
    full = np.iinfo(alpha.dtype).max
    if (alpha == full).all():
        return gray
    return cast(StoredArray, ((gray.astype(np.uint32) * alpha + full // 2) // full).astype(gray.dtype))


def luminance_fact(space: str) -> Fact:
    """Tell that colours were reduced."""
    return Fact("luminance", f"colours ({space}) reduced to luminance")


def is_colourless(samples: StoredArray) -> bool:
    """Tell whether all three channels are equal, as in a radiograph saved as RGB."""
    return bool((samples[..., 0] == samples[..., 1]).all() and (samples[..., 1] == samples[..., 2]).all())
