"""Pictures and answers for the tests of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrview.app.browser import Listing, Scope, listing_of
from cxrview.app.browsing import scope_opened
from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import AppState, LoadedPicture, ModelEntry
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.image import Fact, ImageRef, Pixels, Window
from cxrview.core.manifest import Label
from cxrview.core.results import Analysis, Finding, Heatmap, HeatmapTarget
from cxrview.library.order import Key, order_of
from cxrview.library.records import Image, View

LABELS = (Label("normal", "Normal"), Label("tb", "Tuberculosis"), Label("pneumonia", "Pneumonia"))
ENTRY = ModelEntry("base", "Base model", "1.0", Path("models/base"))


def refs(count: int = 3) -> tuple[ImageRef, ...]:
    """Give refs that need no file."""
    return tuple(ImageRef(Path(f"folder/image-{number:02d}.png")) for number in range(count))


def listing_of_refs(images: Sequence[ImageRef]) -> Listing:
    """Give a list by patient in which every image is its own patient; ids count from 1."""
    keys: list[Key] = [(n, n, n, str(ref.path), ref.member, ref.frame) for n, ref in enumerate(images, 1)]
    return listing_of(order_of(keys, is_grouped=True))


def opened_with(state: AppState, images: Sequence[ImageRef], title: str = "folder") -> AppState:
    """Open images as if they had been found in a folder; the first is chosen."""
    opened = replace(state, browser=replace(state.browser, opened=1))
    return scope_opened(opened, Scope(title, (Path(title).absolute(),)), listing_of_refs(images))


def row_of(number: int, ref: ImageRef, **about: object) -> Image:
    """Give a row of the library; the fields are those of a plain PNG unless they are given."""
    plain = Image(
        id=number, ref=ref, patient=number, study=number, patient_code=ref.path.stem, patient_name="", patient_sex="", patient_age="",
        study_description="folder", taken="", modality="", view=View.UNKNOWN, body_part="", laterality="", manufacturer="", format="PNG",
        rows=300, columns=400, bits=8, frames=1, reason="", is_missing=False, top_label="", top_score=None, flags=(), is_read=True,
        is_starred=False, note="",
    )  # fmt: skip
    return replace(plain, **about)  # type: ignore[arg-type]


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
