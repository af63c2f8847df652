"""Make the pictures of the documents anew, from phantoms: drawn radiographs, on which no accuracy is claimed.

Run from a checkout: `QT_QPA_PLATFORM=offscreen python packaging/screenshots.py [--to docs/pictures]`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402 - the checkout is found by the line above
import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402

from cxrview.app.browser import BrowserMode  # noqa: E402
from cxrview.app.browsing import mode_chosen  # noqa: E402
from cxrview.app.layers import LayerKind  # noqa: E402
from cxrview.app.main import Options, Program, build  # noqa: E402
from cxrview.app.marking import mark_added, mark_selected  # noqa: E402
from cxrview.app.state import Layout, LoadedPicture, ReadyModel, ThemeName, image_chosen, label_chosen, layers_chosen, theme_chosen  # noqa: E402
from cxrview.app.wizard import Page  # noqa: E402
from cxrview.core.marks import Mark, MarkKind, Point  # noqa: E402
from cxrview.core.phantom import View, phantom  # noqa: E402
from cxrview.core.results import Analysis  # noqa: E402
from cxrview.io.phantom_files import PhantomKind, write_phantoms  # noqa: E402
from cxrview.io.settings import Settings, save_settings  # noqa: E402

SIZE = (1360, 860)
SIDE = 1024
FILMS = 11
CLASS_FILMS, CLASS_SIDE = 30, 384
PATIENCE_S = 120.0
# Small enough for a page, good enough to read.
QUALITY = 82
MAX_BYTES = 150_000


def wait(is_done: Callable[[], bool], what: str) -> None:
    """Let the window run until something holds."""
    loop, timer, ends = QEventLoop(), QTimer(), time.monotonic() + PATIENCE_S

    def look() -> None:
        if is_done() or time.monotonic() > ends:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(20)
    loop.exec()
    timer.stop()
    if not is_done():
        sys.exit(f"{what} did not come about")


def settle(seconds: float = 0.6) -> None:
    """Let thumbnails and lanes come to rest."""
    ends = time.monotonic() + seconds
    wait(lambda: time.monotonic() > ends, "rest")


def keep(widget: QWidget, path: Path) -> None:
    """Write what a widget shows as a small WebP file."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    rgb = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    for quality in (QUALITY, 70, 55, 40):
        _done, data = cv2.imencode(".webp", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_WEBP_QUALITY, quality])
        if data.size <= MAX_BYTES:
            break
    path.write_bytes(data.tobytes())
    print(f"{path}  {data.size / 1000:.0f} kB")


def films(folder: Path) -> Path:
    """Draw the radiographs: ten from the front, and one from the side."""
    write_phantoms(folder, FILMS, 3, kind=PhantomKind.MIXED, size=(SIDE, SIDE))
    lateral = phantom(40, size=(SIDE, SIDE), bits=8, view=View.LATERAL)
    cv2.imwrite(str(folder / "z-lateral.png"), np.array(lateral.values))
    return folder


@contextmanager
def running(scratch: Path) -> Iterator[Program]:
    """Run the program with the bundled network on the phantoms, until the first is read and scored."""
    os.environ["CXRVIEW_BASEDIR"] = str(scratch / "base")
    save_settings(Settings(notice_accepted=True, theme="dark"))
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    program = build(application)
    program.window.resize(*SIZE)
    program.window.show()
    try:
        yield program
    finally:
        program.close()


def is_scored(program: Program) -> bool:
    """Tell whether the chosen picture is shown with its answer."""
    state = program.store.state
    return isinstance(state.picture, LoadedPicture) and isinstance(state.reading, Analysis)


def dismiss(program: Program) -> None:
    """Put the sentence at the foot away."""
    program.window.notice_bar.dismissed.emit()


def choose(program: Program, place: int) -> None:
    """Show the picture at a place of the list, with its answer."""
    program.store.apply(image_chosen, program.store.state.listing.shown[place])
    wait(lambda: is_scored(program), "an answer")


def show_layers(program: Program) -> None:
    """Lay the warmest heatmap, the outline of the lungs and some marks on the picture."""
    store = program.store
    assert isinstance(store.state.reading, Analysis)
    warmest = max(store.state.reading.heatmaps, key=lambda heatmap: float(heatmap.values.max()))
    store.apply(label_chosen, warmest.label.id)
    layers = store.state.layers
    place = next(place for place, layer in enumerate(layers.items) if layer.kind is LayerKind.LUNGS)
    store.apply(layers_chosen, layers.with_layer(place, replace(layers.items[place], is_visible=True)))
    across = tuple(Point(x * SIDE, y * SIDE) for x, y in ((0.38, 0.6), (0.76, 0.6), (0.13, 0.66), (0.87, 0.66)))
    store.apply(mark_added, Mark(0, MarkKind.CARDIOTHORACIC, across))
    store.apply(mark_added, Mark(0, MarkKind.TEXT, (Point(0.12 * SIDE, 0.2 * SIDE),), "a phantom: drawn, not a patient"))
    store.apply(mark_selected, 0)


def show_training(program: Program, scratch: Path, folder: Path) -> None:
    """Take two folders of phantoms through the first pages of the wizard."""
    for number, name in enumerate(("normal", "pneumonia")):
        write_phantoms(scratch / "ward" / name, CLASS_FILMS, 100 * (number + 1), size=(CLASS_SIDE, CLASS_SIDE))
    desk = program.desk
    desk.open()
    assert desk.window is not None
    assert desk.store is not None
    wizard, store = desk.window, desk.store
    wizard.resize(*SIZE)
    wizard.data.place_added.emit(scratch / "ward")
    wait(lambda: bool(store.state.sources), "the place")
    wizard.data.scan_requested.emit()
    wait(lambda: store.state.data_set is not None, "the scan")
    wizard.page_chosen.emit(Page.LOOK)
    wait(lambda: store.state.look is not None, "what the network will see")
    settle()
    keep(wizard, folder / "wizard-look.webp")
    wizard.page_chosen.emit(Page.MODEL)
    settle()
    keep(wizard, folder / "wizard-model.webp")


def main() -> None:
    """Go through the window and keep pictures of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "pictures")
    folder = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch)) as program:
        window, store = program.window, program.store
        program.begin(Options())
        wait(lambda: isinstance(store.state.model, ReadyModel), "the model")
        settle()
        store.apply(theme_chosen, ThemeName.LIGHT)
        keep(window, folder / "start.webp")
        store.apply(theme_chosen, ThemeName.DARK)
        program.controllers.studies.open_paths((films(Path(scratch) / "phantoms"),))
        wait(lambda: is_scored(program), "an answer")
        program.controllers.scoring.score_all()
        wait(lambda: store.state.batch is None and store.state.browser.indexing is None, "the batch")
        dismiss(program)
        choose(program, 2)
        store.apply(mode_chosen, BrowserMode.PICTURES)
        settle(3.0)
        keep(window, folder / "browser.webp")
        store.apply(mode_chosen, BrowserMode.PATIENTS)
        show_layers(program)
        settle()
        keep(window, folder / "layers.webp")
        choose(program, len(store.state.listing.shown) - 1)
        settle()
        keep(window, folder / "refusal.webp")
        choose(program, 0)
        window.layout_menu.layouts_[Layout.FOUR].trigger()
        wait(lambda: all(isinstance(cell.picture, LoadedPicture) for cell in store.state.grid.cells[1:]), "four pictures")
        settle()
        keep(window, folder / "compare.webp")
        window.layout_menu.layouts_[Layout.ONE].trigger()
        window.actions_.tags.trigger()
        wait(lambda: bool(store.state.tags.rows), "the tags")
        settle()
        keep(window.tag_dialog, folder / "tags.webp")
        window.tag_dialog.close()
        show_training(program, Path(scratch), folder)


if __name__ == "__main__":
    main()
