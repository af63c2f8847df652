"""Walk through the window for real: mouse and keys go through an X server, and every step leaves a picture of the screen.

Needs Linux with Xvfb, xdotool, ImageMagick and, for focus, openbox. Run from a checkout, with folders of radiographs and DICOM files of
your own: `python packaging/tour.py --films FOLDER --dicom FOLDER --to PICTURES [--display :82]`. A step that does not come about ends
the walk with its name.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from cxrview.app.main import Program

SCREEN = (1600, 1000)
FILMS = 300
PATIENCE_S = 240.0
# A person's hand is slower than an X server; Qt has to see where a drag begins.
HAND_S = 0.05


@contextmanager
def screen(display: str) -> Iterator[None]:
    """Run an X server with a window manager, and send Qt to it."""
    os.environ.update(DISPLAY=display, QT_QPA_PLATFORM="xcb")
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    server = subprocess.Popen(["Xvfb", display, "-screen", "0", size], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    manager = subprocess.Popen(["openbox"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


def staged(films: Path, count: int, folder: Path) -> Path:
    """Link some films of each source, the part of a name before `__`, into a folder of its own."""
    found = sorted(
        path for path in films.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".dcm") and "mask" not in str(path)
    )
    sources = {name: list(paths) for name, paths in groupby(found, key=lambda path: path.name.partition("__")[0])}
    share = max(1, count // max(1, len(sources)))
    for name, paths in sources.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in islice(paths, share):
            (folder / name / (path.name.partition("__")[2] or path.name)).symlink_to(path.resolve())
    return folder


class LostError(Exception):
    """A step did not come about."""


class Hand:
    """Mouse, keys and eyes of the person at the screen."""

    def __init__(self, program: Program, pictures: Path, ask: Callable[[Callable[[], object]], object]) -> None:
        """Let `ask` run what reads the window on the window's own thread: this walk has one of its own, for dialogs wait for answers."""
        self._program = program
        self._pictures = pictures
        self._ask = ask
        self._shots = 0

    def wait(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        ends = time.monotonic() + PATIENCE_S
        while not self._ask(is_done):
            if time.monotonic() > ends:
                self.look("what-is-wrong")
                raise LostError(f"{what} did not come about; the window says: {self._program.store.state.notice!r}")
            time.sleep(0.05)

    def rest(self, seconds: float = 0.5) -> None:
        """Let the window come to rest."""
        time.sleep(seconds)
        self._ask(lambda: None)

    def look(self, name: str) -> None:
        """Keep a picture of the screen."""
        self._shots += 1
        path = self._pictures / f"{self._shots:02d}-{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], check=True)
        print(path.name, flush=True)

    def key(self, *keys: str) -> None:
        """Press keys, one after another."""
        for each in keys:
            subprocess.run(["xdotool", "key", "--clearmodifiers", each], check=True)
            self.rest(0.15)

    def type(self, text: str) -> None:
        """Type a text."""
        subprocess.run(["xdotool", "type", "--delay", "12", text], check=True)
        self.rest(0.3)

    def command(self, words: str) -> None:
        """Find a command by its name."""
        self.key("ctrl+k")
        self.rest(0.3)
        self.type(words)
        self.key("Return")
        self.rest(0.3)

    def point(self, widget: QWidget, across: float = 0.5, down: float = 0.5) -> QPoint:
        """Give a place of a widget on the screen, as shares of its width and height."""
        from PySide6.QtCore import QPoint

        def there() -> QPoint:
            return widget.mapToGlobal(QPoint(round(across * widget.width()), round(down * widget.height())))

        found = self._ask(there)
        assert isinstance(found, QPoint)
        return found

    def click(self, widget: QWidget, across: float = 0.5, down: float = 0.5, button: int = 1) -> None:
        """Click a widget."""
        at = self.point(widget, across, down)
        self._xdotool(["mousemove", at.x(), at.y()], ["click", button])
        self.rest(0.3)

    def drag(self, widget: QWidget, start: tuple[float, float], end: tuple[float, float], button: int = 1) -> None:
        """Drag from one place of a widget to another."""
        first, last = self.point(widget, *start), self.point(widget, *end)
        self._xdotool(["mousemove", first.x(), first.y()], ["mousedown", button])
        for step in range(1, 7):
            x, y = (round(a + (b - a) * step / 6) for a, b in ((first.x(), last.x()), (first.y(), last.y())))
            self._xdotool(["mousemove", x, y])
        self._xdotool(["mouseup", button])
        self.rest(0.3)

    def _xdotool(self, *commands: list[object]) -> None:
        for command in commands:
            subprocess.run(["xdotool", *map(str, command)], check=True)
            self.rest(HAND_S)

    def find(self, name: str) -> QWidget:
        """Find what is seen under this name."""
        from PySide6.QtWidgets import QApplication, QWidget

        def seen() -> QWidget | None:
            tops = [top for top in QApplication.topLevelWidgets() if top.isVisible()]
            every = [widget for top in tops for widget in (top, *top.findChildren(QWidget))]
            return next((widget for widget in every if widget.objectName() == name and widget.isVisible()), None)

        found = self._ask(seen)
        if not isinstance(found, QWidget):
            self.look("what-is-wrong")
            raise LostError(f"nothing is called {name}")
        return found

    def scroll_to(self, name: str) -> QWidget:
        """Find something in the panel at the right and bring it into view."""
        from PySide6.QtWidgets import QScrollArea, QWidget

        def seen() -> QWidget | None:
            panel = self._program.window.model_panel
            widget, area = panel.findChild(QWidget, name), panel.findChild(QScrollArea)
            if isinstance(area, QScrollArea) and isinstance(widget, QWidget):
                area.ensureWidgetVisible(widget, 0, 60)
            return widget

        found = self._ask(seen)
        if not isinstance(found, QWidget):
            raise LostError(f"nothing in the panel is called {name}")
        self.rest(0.3)
        return found


def walk(hand: Hand, program: Program, films: Path, dicom: Path, scratch: Path) -> None:
    """Go through everything once."""
    begin(hand, program, films)
    browse(hand, program)
    handle(hand, program)
    measure(hand, program)
    layers(hand, program)
    panel(hand, program)
    two_models(hand, program, scratch)
    compare(hand, program)
    disc(hand, program, dicom)
    leave(hand, scratch)


def is_scored(program: Program) -> bool:
    """Tell whether the chosen picture is shown with its answer."""
    from cxrview.app.state import LoadedPicture
    from cxrview.core.results import Analysis

    return isinstance(program.store.state.picture, LoadedPicture) and isinstance(program.store.state.reading, Analysis)


def open_folder(hand: Hand, program: Program, folder: Path) -> None:
    """Open a folder through the dialog, and wait for its first image and its answer."""
    before = program.store.state.openings
    hand.key("ctrl+shift+o")
    hand.rest(1.0)
    hand.key("ctrl+a")
    hand.type(str(folder))
    hand.rest(0.5)
    hand.key("Return")
    hand.wait(lambda: program.store.state.openings > before and is_scored(program), f"the first image of {folder.name}")


def choose(hand: Hand, program: Program, words: str) -> None:
    """Search, and step into what was found; the list is whole again afterwards."""
    before = program.store.state.current
    hand.key("ctrl+f", "ctrl+a")
    hand.type(words)
    hand.rest(1.0)
    hand.click(program.window.canvas, 0.5, 0.02)
    hand.key("Right")
    hand.wait(lambda: program.store.state.current != before and is_scored(program), f"an answer for {words}")
    hand.key("ctrl+f", "ctrl+a", "BackSpace")
    hand.click(program.window.canvas, 0.5, 0.02)
    hand.rest(1.5)


def begin(hand: Hand, program: Program, films: Path) -> None:
    """First notice, start page, a folder."""
    from cxrview.app.state import ReadyModel

    hand.rest(1.5)
    hand.look("first-notice")
    hand.click(hand.find("acceptNotice"))
    hand.wait(lambda: isinstance(program.store.state.model, ReadyModel), "the model")
    hand.rest()
    hand.look("start-page")
    open_folder(hand, program, films)
    hand.look("folder-opened")
    hand.wait(lambda: program.store.state.browser.indexing is None, "the index")
    hand.rest(1.0)
    hand.look("folder-indexed")


def browse(hand: Hand, program: Program) -> None:
    """Search, narrow, sort, thumbnails."""
    state = lambda: program.store.state  # noqa: E731 - short for what is asked often
    hand.key("ctrl+f")
    hand.type("shenzhen")
    hand.wait(lambda: "shenzhen" in str(state().listing.shown[0].path), "the search")
    hand.look("search")
    hand.key("ctrl+a", "BackSpace")
    hand.command("Score all listed")
    hand.rest(8.0)
    hand.look("scoring-all")
    hand.wait(lambda: state().batch is None or state().batch.done > 40, "forty scores")  # type: ignore[union-attr]
    hand.command("Cancel scoring")
    hand.command("Thumbnails")
    hand.rest(3.0)
    hand.look("thumbnails")
    hand.click(hand.find("showFilters"))
    hand.rest()
    hand.look("filters")
    hand.click(hand.find("showFilters"))
    hand.command("List by patient")
    hand.rest()


def handle(hand: Hand, program: Program) -> None:
    """Window, zoom, pan, turn, mirror, presets, magnifier."""
    canvas = program.window.canvas
    before = program.store.state.display
    hand.drag(canvas, (0.5, 0.5), (0.7, 0.35))
    assert program.store.state.display.window != before.window
    hand.look("window-dragged")
    hand.key("0")
    for _turn in range(4):
        hand.click(canvas, 0.6, 0.4, button=4)
    hand.drag(canvas, (0.5, 0.5), (0.42, 0.6), button=2)
    assert program.store.state.display.viewport is not None
    hand.look("zoomed-and-moved")
    hand.key("f", "r", "h")
    hand.look("turned-and-mirrored")
    hand.command("Upright, not")
    for preset, name in (("3", "lung"), ("5", "bone"), ("6", "lines")):
        hand.key(preset)
        hand.look(f"preset-{name}")
    hand.key("0", "i")
    hand.look("inverted")
    hand.key("i", "e")
    hand.look("clahe")
    hand.key("e")


def measure(hand: Hand, program: Program) -> None:
    """Ruler, cardiothoracic ratio, ellipse."""
    canvas = program.window.canvas
    hand.key("d")
    hand.drag(canvas, (0.35, 0.3), (0.55, 0.3))
    hand.key("c")
    hand.drag(canvas, (0.42, 0.6), (0.6, 0.6))
    hand.drag(canvas, (0.3, 0.68), (0.7, 0.68))
    hand.key("o")
    hand.drag(canvas, (0.36, 0.36), (0.44, 0.48))
    hand.click(canvas, 0.5, 0.02)
    hand.look("marks")


def layers(hand: Hand, program: Program) -> None:
    """Two heatmaps with a colour bar, lungs, contour lines."""
    choose(hand, program, "shenzhen")
    finding = next(iter(program.store.state.reading.findings))  # type: ignore[union-attr]
    hand.click(hand.scroll_to(f"finding-{finding.label.id}"), 0.3, 0.3)
    hand.look("heatmap")
    hand.click(hand.scroll_to("addLayer"))
    hand.rest(0.5)
    hand.look("add-layer-menu")
    hand.key("Down", "Down", "Return")
    hand.rest(0.8)
    hand.look("two-layers")
    hand.scroll_to("layerList")
    hand.look("layer-list")


def panel(hand: Hand, program: Program) -> None:
    """Thresholds, operating points, predictive values, the cover tool, the card, a second model."""
    from cxrview.core.results import Analysis

    reading = program.store.state.reading
    assert isinstance(reading, Analysis)
    row = hand.scroll_to(f"finding-{reading.findings[-1].label.id}")
    hand.drag(row, (reading.findings[-1].threshold * 0.96 + 0.02, 0.78), (0.15, 0.78))
    hand.look("threshold-dragged")
    hand.scroll_to("operatingPlot")
    hand.look("operating-point")
    hand.scroll_to("prevalence")
    hand.look("predictive-values")
    hand.click(program.window.canvas, 0.5, 0.02)
    hand.key("x")
    hand.click(program.window.canvas, 0.42, 0.42)
    hand.wait(lambda: isinstance(program.store.state.cover.reading, Analysis), "the score of the covered picture")
    hand.scroll_to("coverWords")
    hand.look("covered")
    hand.key("Escape")
    hand.click(hand.scroll_to("modelCard"))
    hand.rest(0.8)
    hand.look("model-card")
    hand.key("Escape")


def two_models(hand: Hand, program: Program, scratch: Path) -> None:
    """Add a model, and let both read the same picture; the added one is the bundled one under another name."""
    from cxrview.app.state import ReadyModel
    from cxrview.core.results import Analysis

    state = lambda: program.store.state  # noqa: E731 - short for what is asked often
    assert isinstance(state().model, ReadyModel)
    own, twin = state().model.entry, scratch / "twin"  # type: ignore[union-attr]
    shutil.copytree(own.folder, twin)
    manifest = (twin / "model.toml").read_text(encoding="utf-8")
    manifest = manifest.replace(f'id = "{own.id}"', 'id = "twin"', 1).replace(f'title = "{own.title}"', 'title = "Its twin"', 1)
    (twin / "model.toml").write_text(manifest, encoding="utf-8")
    hand.command("Add model folder")
    hand.rest(1.0)
    hand.key("ctrl+a")
    hand.type(str(twin))
    hand.key("Return")
    hand.wait(lambda: isinstance(state().model, ReadyModel) and state().model.entry.id == "twin", "the added model")  # type: ignore[union-attr]
    hand.wait(lambda: is_scored(program), "its answer")
    chooser = hand.scroll_to("secondChooser")
    hand.click(chooser)
    hand.key("Down", "Return")
    hand.wait(lambda: isinstance(state().second.reading, Analysis), "the answer of the second model")
    hand.rest(1.0)
    hand.look("two-models")
    hand.click(hand.scroll_to("secondChooser"))
    hand.key("Up", "Up", "Return")


def compare(hand: Hand, program: Program) -> None:
    """Four places, linked; a prior beside its follow-up; a refusal."""
    from cxrview.app.state import LoadedPicture

    state = lambda: program.store.state  # noqa: E731 - short for what is asked often
    hand.click(program.window.canvas, 0.5, 0.02)
    hand.key("ctrl+4")
    hand.wait(lambda: all(isinstance(cell.picture, LoadedPicture) for cell in state().grid.cells[1:]), "four pictures")
    hand.rest(4.0)
    hand.look("two-by-two")
    for _turn in range(3):
        hand.click(program.window.canvas, 0.5, 0.5, button=4)
    hand.look("two-by-two-linked-zoom")
    hand.key("f", "ctrl+1")
    choose(hand, program, "covid_chestxray 000002")
    hand.key("shift+p")
    hand.rest(4.0)
    hand.look("prior")
    hand.key("ctrl+1")
    choose(hand, program, "ood")
    hand.look("refusal")
    hand.click(hand.scroll_to("showAnyway"))
    hand.rest(0.8)
    hand.look("shown-anyway")


def disc(hand: Hand, program: Program, dicom: Path) -> None:
    """A folder of DICOM files: names, tags, lengths, the privacy switch."""
    open_folder(hand, program, dicom)
    hand.wait(lambda: program.store.state.browser.indexing is None, "the index")
    hand.rest(2.0)
    hand.look("dicom-folder")
    choose(hand, program, "nih_dx")
    hand.key("d")
    hand.drag(program.window.canvas, (0.4, 0.4), (0.6, 0.4))
    hand.look("dicom-length")
    hand.command("Tags of the file")
    hand.wait(lambda: bool(program.store.state.tags.rows), "the attributes")
    hand.look("tags")
    hand.click(hand.find("tagSearch"))
    hand.type("spacing")
    hand.look("tags-searched")
    hand.key("Escape")
    hand.command("Hide names")
    hand.look("names-hidden")
    hand.command("Hide names")


def leave(hand: Hand, scratch: Path) -> None:
    """Export, table, settings, light look, palette, keys, worklist."""
    hand.key("ctrl+e")
    hand.rest(0.8)
    hand.look("export")
    hand.click(hand.find("exportSave"))
    hand.rest(1.0)
    hand.key("ctrl+a")
    hand.type(str(scratch / "page.pdf"))
    hand.key("Return")
    hand.wait(lambda: (scratch / "page.pdf").exists() and (scratch / "page.pdf").read_bytes()[:5] == b"%PDF-", "the page")
    hand.look("page-saved")
    hand.key("ctrl+shift+e")
    hand.rest(1.0)
    hand.key("ctrl+a")
    hand.type(str(scratch / "list.csv"))
    hand.key("Return")
    hand.wait((scratch / "list.csv").exists, "the table")
    hand.rest(0.5)
    hand.look("list-saved")
    hand.command("Settings")
    hand.rest(0.8)
    hand.look("settings")
    hand.key("Escape")
    hand.command("Light theme")
    hand.rest(0.8)
    hand.look("light")
    hand.key("ctrl+k")
    hand.type("wind")
    hand.look("palette")
    hand.key("Escape", "F1")
    hand.rest(0.8)
    hand.look("keys")
    hand.key("Escape", "ctrl+l")
    hand.rest(1.0)
    hand.look("worklist")


def main() -> None:
    """Walk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--dicom", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--display", default=":82")
    parser.add_argument("--count", type=int, default=FILMS)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, screen(options.display):
        scratch = Path(folder)
        os.environ["CXRVIEW_BASEDIR"] = str(scratch / "base")
        films = staged(options.films, options.count, scratch / "films")
        sys.exit(run(lambda hand, program: walk(hand, program, films, options.dicom, scratch), options.to))


def run(walked: Callable[[Hand, Program], None], pictures: Path) -> int:
    """Show the window and let somebody walk through it from another thread; gives the exit status."""
    from PySide6.QtCore import QObject, Qt, Signal
    from PySide6.QtWidgets import QApplication

    from cxrview.app.main import Options, build

    class Relay(QObject):
        asked = Signal(object)

    relay, lost = Relay(), []
    application = QApplication([])
    program = build(application)
    relay.asked.connect(lambda call: call(), Qt.ConnectionType.QueuedConnection)

    def ask(question: Callable[[], object]) -> object:
        answer: Future[object] = Future()
        relay.asked.emit(lambda: answer.set_result(question()))
        return answer.result(PATIENCE_S)

    def go() -> None:
        try:
            walked(Hand(program, pictures, ask), program)
        except (LostError, AssertionError, TimeoutError) as error:
            lost.append(f"{type(error).__name__}: {error}")
        finally:
            relay.asked.emit(application.closeAllWindows)
            relay.asked.emit(application.quit)

    program.window.showMaximized()
    program.begin(Options())
    walker = threading.Thread(target=go)
    walker.start()
    application.exec()
    walker.join()
    program.close()
    print(*lost, sep="\n")
    return 1 if lost else 0


if __name__ == "__main__":
    main()
