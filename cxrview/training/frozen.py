"""What a network that stays as it is sees of small pictures, whole and with all but their border blanked; torch is not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise, to_channels
from cxrview.engine.base import Predictor

BORDER_SHARE = 0.06  # of each side: what is left where all but the border is blanked
BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Features averaged over their cells, (N, K) float32, of the whole pictures and of their borders alone."""

    whole: npt.NDArray[np.float32]
    border: npt.NDArray[np.float32]


def frozen_features(
    thumbs: npt.NDArray[np.uint8], spec: InputSpec, predictor: Predictor, *, check: Callable[[], None] = lambda: None
) -> Frozen | None:
    """Run small pictures, (N, h, w), through a network; None where it gives no features. `check` may raise to stop."""
    whole = _pooled(thumbs, spec, predictor, check)
    return None if whole is None else Frozen(whole, np.asarray(_pooled(border_alone(thumbs), spec, predictor, check), np.float32))


def border_alone(thumbs: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Blank everything but a border of `BORDER_SHARE` of each side."""
    height, width = thumbs.shape[1:]
    down, across = max(1, round(height * BORDER_SHARE)), max(1, round(width * BORDER_SHARE))
    blanked = thumbs.copy()
    blanked[:, down:-down, across:-across] = 128
    return blanked


def _pooled(
    thumbs: npt.NDArray[np.uint8], spec: InputSpec, predictor: Predictor, check: Callable[[], None]
) -> npt.NDArray[np.float32] | None:
    found: list[npt.NDArray[np.floating]] = []
    for start in range(0, len(thumbs), BATCH):
        check()
        batch = [normalise(to_channels(_sized(thumb, spec), spec), spec) for thumb in thumbs[start : start + BATCH]]
        for forward in predictor.run(np.concatenate(batch)):
            if forward.features is None:
                return None
            found.append(forward.features.mean(axis=(1, 2)))
    return np.stack(found).astype(np.float32)


def _sized(thumb: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(thumb, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR), np.uint8)
