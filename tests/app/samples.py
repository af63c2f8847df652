"""Pictures and answers for the tests of the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import LoadedPicture, ModelEntry
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.image import Fact, ImageRef, Pixels, Window
from cxrview.core.manifest import Label
from cxrview.core.results import Analysis, Finding, Heatmap, HeatmapTarget

LABELS = (Label("normal", "Normal"), Label("tb", "Tuberculosis"), Label("pneumonia", "Pneumonia"))
ENTRY = ModelEntry("base", "Base model", "1.0", Path("models/base"))


def refs(count: int = 3) -> tuple[ImageRef, ...]:
    """Give refs that need no file."""
    return tuple(ImageRef(Path(f"folder/image-{number:02d}.png")) for number in range(count))


def picture_of(ref: ImageRef, *, size: tuple[int, int] = (400, 300), **about: object) -> LoadedPicture:
    """Give a 12-bit ramp as if it had been read."""
    values = np.tile(np.linspace(0, 4095, size[0]).astype(np.uint16), (size[1], 1))
    values.setflags(write=False)
    pixels = replace(Pixels(values, 12, facts=(Fact("drawn", "a ramp"),)), **about)  # type: ignore[arg-type]
    return LoadedPicture(ref, pixels, build_pyramid(values, pixels.shutter), Window(2048.0, 4096.0), pixels.facts)


def analysis_of(
    probabilities: tuple[float, ...] = (0.1, 0.7, 0.2),
    *,
    heat: Callable[[int], np.ndarray] | None = None,
    has_heatmaps: bool = True,
    size: tuple[int, int] = (400, 300),
) -> Analysis:
    """Give an answer with thresholds of 0.5 and a hot spot per label."""
    findings = tuple(Finding(label, 4 * value - 2, value, 0.5) for label, value in zip(LABELS, probabilities, strict=True))
    made = heat or hot_spot
    maps = tuple(Heatmap(label, made(number).astype(np.float32), HeatmapTarget.LOGIT, "Grad-CAM") for number, label in enumerate(LABELS))
    frame = frame_of_box(Box(0, 0, *size), model_size=(64, 64), image_size=size)
    return Analysis("base", "1.0", "f" * 64, "fake", "cpu", frame, findings, maps if has_heatmaps else ())


def hot_spot(number: int) -> np.ndarray:
    """Give a map with one hot cell, at another place and of another height for each label."""
    values = np.full((8, 8), -0.01)
    values[2, 2 + 2 * number] = 0.5 + number
    return values
