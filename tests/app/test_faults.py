"""What goes wrong outside the program is one sentence in the window, which stays whole: models, devices, disks, folders, the library."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.browsing import current_row
from cxrview.app.main import Options, Program, build
from cxrview.app.state import AskedEngine, BrokenModel, LoadedPicture, ModelEntry, ReadyModel, ScoringFailed, UnreadablePicture
from cxrview.core.errors import PackageError
from cxrview.core.image import ImageRef
from cxrview.core.results import Analysis
from cxrview.engine.base import Forward
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.places import places, resource
from cxrview.io.settings import Settings, save_settings
from cxrview.library.index import index_paths
from cxrview.library.library import Library, open_library

READER = "cxr-reader"


@pytest.fixture
def start(qtbot: QtBot) -> Iterator[Callable[..., Program]]:
    """Start the program, with a folder and a model, and take it down in the end."""
    save_settings(Settings(notice_accepted=True, engine="onnx", device="cpu"))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made: list[Program] = []

    def begin(folder: Path, model: Path | None = None, *, is_closed_by_test: bool = False) -> Program:
        program = build(application)
        if not is_closed_by_test:
            made.append(program)
        program.window.show()
        program.begin(Options((folder,), str(model or "")))
        return program

    yield begin
    for program in made:
        program.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six plain pictures."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), np.random.default_rng(number).integers(0, 255, (120, 100)).astype(np.uint8))
    return folder


def words(program: Program, name: str) -> str:
    """Give what a label of the panel says to the person; nothing when it cannot be seen."""
    label = program.window.model_panel.findChild(QLabel, name)
    assert label is not None
    return label.text() if label.isVisible() else ""


def is_one_sentence(text: str) -> bool:
    return bool(text) and len(text) < 300 and "\n" not in text and "Traceback" not in text and "Error(" not in text


def is_shown(program: Program) -> bool:
    return isinstance(program.store.state.picture, LoadedPicture)


def with_other_golden_answers(folder: Path) -> Path:
    """Copy the bundled reader, whose golden inputs then give other logits than its file promises; its hashes are right."""
    shutil.copytree(resource("models") / READER, folder)
    golden = folder / "golden.npz"
    before = hashlib.sha256(golden.read_bytes()).hexdigest()
    with np.load(golden) as archive:
        inputs, logits = archive["inputs"], archive["logits"] + np.float32(0.5)
    np.savez_compressed(golden, inputs=inputs, logits=logits)
    manifest = folder / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    assert before in text
    manifest.write_text(text.replace(before, hashlib.sha256(golden.read_bytes()).hexdigest()), encoding="utf-8")
    return folder


def test_a_model_that_fails_its_self_test_is_one_sentence_and_another_one_can_be_chosen(
    start: Callable[..., Program], films: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    program = start(films, with_other_golden_answers(tmp_path / "altered"))
    store = program.store
    qtbot.waitUntil(lambda: is_shown(program) and isinstance(store.state.model, BrokenModel), timeout=30_000)
    said = words(program, "modelReason")
    assert "self-test failed" in said
    assert "get the package again" in said
    assert is_one_sentence(said)
    assert words(program, "engine") == "This model cannot run."
    assert words(program, "readingStatus") == "No scores without a model."
    assert not program.window.actions_.score_all.isEnabled()

    # Pictures are looked at all the same, and nothing is scored behind the person's back.
    first = store.state.current
    qtbot.keyClick(program.window.canvas, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: is_shown(program) and store.state.current != first)
    assert store.state.outcomes.by_ref == {}

    good = resource("models") / READER
    program.controllers.models.choose(ModelEntry(READER, "Reader", "1", good))
    qtbot.waitUntil(lambda: isinstance(store.state.reading, Analysis), timeout=30_000)
    assert words(program, "modelReason") == ""
    assert isinstance(store.state.model, ReadyModel)
    assert set(store.state.model.bounds) == {"normal", "covid19", "pneumonia", "tuberculosis"}


class LosingPredictor(FakePredictor):
    """A device that is pulled out: it fails like ONNX Runtime does, until it is there again."""

    is_gone = False

    def run(self, inputs: np.ndarray) -> list[Forward]:
        if LosingPredictor.is_gone:
            raise PackageError(
                "ONNX Runtime cannot run the network on this input.", hint="CUDA failure 46: all devices are busy or unavailable."
            )
        return super().run(inputs)


def test_a_device_that_is_gone_costs_no_earlier_answer_and_another_one_goes_on(
    start: Callable[..., Program], films: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LosingPredictor, "is_gone", False)
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(LosingPredictor(package), ("asked for",)))
    program = start(films, fake_package(tmp_path / "fake").folder)
    store, window = program.store, program.window
    qtbot.waitUntil(lambda: len(store.state.listing.shown) == 6 and isinstance(store.state.reading, Analysis), timeout=20_000)
    last = store.state.listing.shown[-1]

    LosingPredictor.is_gone = True
    qtbot.keyClick(window.browser.list, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: store.state.current == last and isinstance(store.state.reading, ScoringFailed), timeout=20_000)
    said = words(program, "readingFailure")
    assert "CUDA failure 46" in said
    assert is_one_sentence(said)
    assert is_shown(program)
    window.actions_.score_all.trigger()
    qtbot.waitUntil(lambda: store.state.batch is None and bool(store.state.notice), timeout=20_000)
    assert "could not be" in store.state.notice
    assert window.notice_bar.isVisible()

    qtbot.keyClick(window.browser.list, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: isinstance(store.state.reading, Analysis), timeout=20_000)
    qtbot.keyClick(window.browser.list, Qt.Key.Key_End)
    LosingPredictor.is_gone = False
    chooser = window.model_panel.findChild(QComboBox, "deviceChooser")
    assert chooser is not None
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: store.state.current == last and isinstance(store.state.reading, Analysis), timeout=20_000)
    assert words(program, "readingFailure") == ""


def test_a_device_that_was_asked_for_and_is_not_here_is_told_and_never_replaced(
    start: Callable[..., Program], films: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    program = start(films, resource("models") / READER)
    program.controllers.models.choose_engine(AskedEngine("onnx", "cuda"))
    qtbot.waitUntil(lambda: isinstance(program.store.state.model, BrokenModel), timeout=30_000)
    assert is_one_sentence(words(program, "modelReason"))
    assert "cuda" in words(program, "modelReason").lower()


def test_a_full_disk_is_said_and_the_words_of_a_person_are_kept_once_there_is_room(
    start: Callable[..., Program], films: Path, qtbot: QtBot
) -> None:
    program = start(films, is_closed_by_test=True)
    store = program.store
    qtbot.waitUntil(lambda: is_shown(program) and not store.state.searching and current_row(store.state) is not None, timeout=20_000)
    shown = store.state.listing.ids[0]

    def allow(pages: int) -> None:
        """Let the library grow to so many pages; what SQLite says then is what it says of a full disk."""

        def work(library: Library) -> None:
            with library.database.reading() as connection:
                connection.execute(f"PRAGMA max_page_count = {pages or connection.execute('PRAGMA page_count').fetchone()[0]}")

        program.shelf.ask("pages", work)

    allow(0)
    long = "seen by the pneumologist " * 1000
    program.controllers.notes.write(shown, long)
    qtbot.waitUntil(lambda: "disk is full" in store.state.notice, timeout=20_000)
    assert store.state.notice.startswith("What you changed is not kept yet.")
    assert program.window.notice_bar.isVisible()
    assert is_shown(program)

    allow(1_000_000)
    path = places().data_dir / "library.sqlite3"
    program.controllers.notes.write(store.state.listing.ids[1], "short")
    program.close()
    kept = open_library(path)
    assert [image.note.strip() for image in kept.images(store.state.listing.ids[:2])] == [long.strip(), "short"]
    kept.close()


def test_a_folder_that_disappears_while_it_is_read_leaves_a_window_that_goes_on(
    start: Callable[..., Program], films: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrview.library.index.BATCH", 2)
    other = shutil.copytree(films, tmp_path / "other")
    program = start(films)
    store = program.store
    qtbot.waitUntil(lambda: bool(store.state.listing.shown), timeout=20_000)
    shutil.rmtree(films)
    qtbot.waitUntil(lambda: not store.state.searching, timeout=20_000)
    program.controllers.studies.look_again()
    qtbot.waitUntil(lambda: store.state.browser.stock.missing == len(store.state.listing.shown) > 0, timeout=20_000)
    qtbot.keyClick(program.window.browser.list, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: isinstance(store.state.picture, UnreadablePicture), timeout=20_000)
    assert isinstance(store.state.picture, UnreadablePicture)
    assert is_one_sentence(store.state.picture.reason)

    program.window.paths_chosen.emit((other,))
    qtbot.waitUntil(lambda: is_shown(program) and not store.state.searching, timeout=20_000)
    assert {ref.path.parent for ref in store.state.listing.shown} == {other}


def test_a_broken_library_is_moved_aside_rebuilt_and_its_notes_are_there(start: Callable[..., Program], films: Path, qtbot: QtBot) -> None:
    path = places().data_dir / "library.sqlite3"
    library = open_library(path)
    index_paths(library, [films])
    image = library.image_of(ImageRef(films / "0.png"))
    assert image is not None
    library.set_note(image.id, "keep me")
    library.set_starred([image.id], is_starred=True)
    with library.database.writing() as connection:
        connection.execute("DROP TABLE words")
    library.close()

    program = start(films)
    store, window = program.store, program.window
    qtbot.waitUntil(lambda: is_shown(program) and not store.state.searching and current_row(store.state) is not None, timeout=20_000)
    assert "6 images, 1 note, 1 star and 0 annotations were kept" in store.state.notice
    assert window.notice_bar.isVisible()
    assert len(list(path.parent.glob("library-damaged-*.sqlite3"))) == 1
    line = window.browser.findChild(QLineEdit, "note")
    assert line is not None
    assert line.text() == "keep me"
    assert [ref.path.name for ref in store.state.listing.shown] == [f"{number}.png" for number in range(6)]
