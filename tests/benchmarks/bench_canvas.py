"""Milliseconds per window/level frame on the canvas, against a table over the whole image or pyqtgraph, in one run.

Run: `QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.bench_canvas [--pyqtgraph]`.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import (
    AppState,
    LoadedPicture,
    ModelEntry,
    ReadyModel,
    label_chosen,
    layer_toggled,
    picture_loaded,
    reading_known,
    viewport_chosen,
    window_chosen,
)
from cxrview.app.viewport import Viewport, fitted
from cxrview.app.views.canvas import Canvas
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.image import ImageRef, Pixels, Window
from cxrview.core.manifest import Label
from cxrview.core.results import Analysis, Finding, Heatmap, HeatmapTarget
from cxrview.core.voi import display_table
from tests.app.samples import opened_with

SIDE = 3000
VIEW = (1600, 1200)
ROUNDS = 40
# After so many moves the picture lies where it lay.
STEPS = 15


def picture() -> Pixels:
    """Give a 3000 x 3000 picture of 16 bits: smooth shapes and noise."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    values = 30000 + 20000 * np.sin(7 * x) * np.cos(5 * y) + np.random.default_rng(0).normal(0, 500, (SIDE, SIDE))
    stored = np.clip(values, 0, 65535).astype(np.uint16)
    stored.setflags(write=False)
    return Pixels(stored, 16)


def state_of(pixels: Pixels) -> AppState:
    """Give the state in which this picture is shown with one heatmap."""
    ref = ImageRef(Path("bench.dcm"))
    label = Label("tb", "Tuberculosis")
    values = np.random.default_rng(1).random((16, 16)).astype(np.float32)
    frame = frame_of_box(Box(0, 0, SIDE, SIDE), model_size=(512, 512), image_size=(SIDE, SIDE))
    heatmap = Heatmap(label, values, HeatmapTarget.LOGIT, "Grad-CAM")
    analysis = Analysis("m", "1", "", "onnx", "cpu", frame, (Finding(label, 2.0, 0.9, 0.5),), (heatmap,))
    loaded = LoadedPicture(ref, pixels, build_pyramid(pixels.values), Window(30000.0, 50000.0))
    opened = opened_with(AppState(), (ref,), "bench")
    state = reading_known(picture_loaded(opened, loaded), ref, analysis)
    return replace(label_chosen(state, "tb"), model=ReadyModel(ModelEntry("m", "M", "1", Path()), "onnx", "cpu"))


def windows() -> list[Window]:
    """Give the windows of a drag, each different."""
    return [Window(30000.0 + 50 * step, 50000.0 - 300 * step) for step in range(ROUNDS)]


def canvas_frame(canvas: Canvas, target: QImage, state: AppState) -> Callable[[Window], None]:
    """Give one frame of the canvas: from a chosen window to painted pixels."""

    def frame(window: Window) -> None:
        canvas.render_state(window_chosen(state, window))
        canvas.render(target)

    return frame


def full_frame(pixels: Pixels, target: QImage) -> Callable[[Window], None]:
    """Give one frame of the plain way: a table over all pixels, then the painter scales."""

    def frame(window: Window) -> None:
        gray = np.take(display_table(pixels, window), pixels.values)
        image = QImage(gray.data, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8)
        painter = QPainter(target)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRect(200, 0, 1200, 1200), image)
        painter.end()

    return frame


def pyqtgraph_frame(pixels: Pixels) -> Callable[[Window], None]:
    """Give one frame of pyqtgraph's ImageItem with a heatmap item on it."""
    view, item, _box = pyqtgraph_view(pixels)

    def frame(window: Window) -> None:
        item.setLevels((window.center - window.width / 2, window.center + window.width / 2))
        view.grab()

    return frame


def pyqtgraph_pan_frame(pixels: Pixels) -> Callable[[Window], None]:
    """Give one frame of pyqtgraph in which the visible part moves."""
    view, _item, box = pyqtgraph_view(pixels)
    steps = itertools.count()

    def frame(_window: Window) -> None:
        step = next(steps) % STEPS
        side = SIDE / (1 + step / 10)
        box.setRange(xRange=(7 * step, 7 * step + side), yRange=((SIDE - side) / 2, (SIDE + side) / 2), padding=0)
        view.grab()

    return frame


def pyqtgraph_view(pixels: Pixels) -> tuple[Any, Any, Any]:
    """Give pyqtgraph's view with the picture and a heatmap, the picture's item, and the box that holds both."""
    import pyqtgraph

    pyqtgraph.setConfigOptions(imageAxisOrder="row-major")
    view = pyqtgraph.GraphicsView()
    box = pyqtgraph.ViewBox(lockAspect=True, invertY=True)
    view.setCentralItem(box)
    item = pyqtgraph.ImageItem(pixels.values)
    heat = pyqtgraph.ImageItem(np.random.default_rng(1).random((320, 320)).astype(np.float32))
    heat.setColorMap("inferno")
    heat.setOpacity(0.5)
    heat.setRect(0, 0, SIDE, SIDE)
    box.addItem(item)
    box.addItem(heat)
    view.resize(*VIEW)
    view.show()
    return view, item, box


def milliseconds(frames: dict[str, Callable[[Window], None]]) -> dict[str, list[float]]:
    """Time the frames in turn, each in a drag of its own, so that all of them meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in frames}
    for window in windows():
        for name, frame in frames.items():
            begun = time.perf_counter()
            frame(window)
            times[name].append(1000 * (time.perf_counter() - begun))
    return {name: values[2:] for name, values in times.items()}


def shown_canvas() -> Canvas:
    """Give a canvas of the measured size; each way has one of its own, as a person's drag would."""
    canvas = Canvas()
    canvas.resize(*VIEW)
    canvas.show()
    return canvas


def main() -> None:
    """Measure and print the table: best and median frame, and how many times faster than the reference each frame was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pyqtgraph", action="store_true", help="measure pyqtgraph too, and compare with it")
    options = parser.parse_args()
    _application = QApplication([])
    pixels = picture()
    state, target = state_of(pixels), QImage(*VIEW, QImage.Format.Format_RGB32)
    near = viewport_chosen(state, Viewport(1.0, SIDE / 2, SIDE / 2))
    frames = {
        "table over the whole image": full_frame(pixels, target),
        "canvas, fitted": canvas_frame(shown_canvas(), target, layer_toggled(state)),
        "canvas, fitted, heatmap": canvas_frame(shown_canvas(), target, state),
        "canvas, 1:1, heatmap": canvas_frame(shown_canvas(), target, near),
    }
    moves = {"canvas, heatmap, pan and zoom": pan_frame(shown_canvas(), target, state)}
    if options.pyqtgraph:
        frames["pyqtgraph, heatmap"] = pyqtgraph_frame(pixels)
        moves["pyqtgraph, pan and zoom"] = pyqtgraph_pan_frame(pixels)
    report(milliseconds(frames), "pyqtgraph, heatmap" if options.pyqtgraph else "table over the whole image")
    report(milliseconds(moves), "pyqtgraph, pan and zoom" if options.pyqtgraph else "canvas, heatmap, pan and zoom")


def report(times: dict[str, list[float]], reference: str) -> None:
    """Print a line for each way; ratios are of the best frames (what the machine can do) and the median of frame by frame."""
    for name, values in times.items():
        best = min(times[reference]) / min(values)
        usual = statistics.median(theirs / ours for theirs, ours in zip(times[reference], values, strict=True))
        frames = f"best {min(values):7.2f} ms  median {statistics.median(values):7.2f} ms"
        print(f"{name:32} {frames}   {best:5.1f} and {usual:5.1f} times {reference}")


def pan_frame(canvas: Canvas, target: QImage, state: AppState) -> Callable[[Window], None]:
    """Give one frame of the canvas in which the viewport moves."""
    whole, steps = fitted((SIDE, SIDE), VIEW), itertools.count()

    def frame(_window: Window) -> None:
        step = next(steps) % STEPS
        canvas.render_state(viewport_chosen(state, Viewport(whole.zoom * (1 + step / 10), SIDE / 2 + 7 * step, SIDE / 2)))
        canvas.render(target)

    return frame


if __name__ == "__main__":
    main()
