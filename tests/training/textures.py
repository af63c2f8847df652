"""Pictures that no perceptual hash takes for one another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def texture(path: Path, seed: int, *, border: int | None = None) -> Path:
    """Write smooth noise, another one for each seed; with `border`, a frame of this gray level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 12)).astype(np.uint8)
    drawn = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC)
    if border is not None:
        grain = np.random.default_rng(seed + 1000).integers(-6, 7, drawn.shape)
        framed = np.clip(border + grain, 0, 255).astype(np.uint8)
        framed[12:-12, 12:-12] = drawn[12:-12, 12:-12]
        drawn = framed
    cv2.imwrite(str(path), drawn)
    return path
