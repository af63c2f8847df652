"""What a person draws, writes and sets comes back with the image, also after the program was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.app.browsing import current_row
from cxrview.app.controllers.notes import Notes
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.shelf import Shelf
from cxrview.app.controllers.studies import Studies
from cxrview.app.marking import history_of, mark_added, mark_removed, mark_selected
from cxrview.app.state import AppState, image_stepped, window_chosen, window_reset
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.core.errors import LibraryError
from cxrview.core.image import Window
from cxrview.core.marks import Mark, MarkKind, Point
from cxrview.library.records import Annotation

RULER = Mark(0, MarkKind.RULER, (Point(1, 2), Point(30, 40)))
NOTE = Mark(0, MarkKind.TEXT, (Point(5, 5),), "look here")


@dataclass
class Session:
    """One run of the program without a window."""

    store: Store
    runner: InlineRunner
    shelf: Shelf
    studies: Studies
    notes: Notes
    pictures: Pictures

    @property
    def state(self) -> AppState:
        return self.store.state

    def end(self) -> None:
        self.runner.close()
        self.notes.close()
        self.shelf.close()


class Sessions:
    """Runs that share a library."""

    def __init__(self, folder: Path, films: Path) -> None:
        self.folder, self.films = folder, films
        self.open: list[Session] = []

    def begin(self, *, is_holding: bool = False) -> Session:
        store, runner = Store(AppState()), InlineRunner(is_holding=is_holding)
        shelf = Shelf(store, runner, self.folder / "library.sqlite3")
        made = Session(store, runner, shelf, Studies(store, shelf, self.folder), Notes(store, shelf), Pictures(store, runner))
        for controller in (made.studies, made.notes, made.pictures):
            store.changed.connect(controller.follow)
        shelf.open()
        made.studies.open_paths([self.films])
        self.open.append(made)
        return made

    def begin_again(self) -> Session:
        self.open.pop().end()
        return self.begin()


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    films = tmp_path / "films"
    films.mkdir()
    for number in range(3):
        cv2.imwrite(str(films / f"{number}.png"), np.random.default_rng(number).integers(0, 255, (64, 64)).astype(np.uint8))
    made = Sessions(tmp_path / "data", films)
    yield made
    for session in made.open:
        session.end()


def test_marks_come_back_with_their_image_and_can_be_drawn_on(sessions: Sessions) -> None:
    first = sessions.begin()
    first.store.apply(mark_added, RULER)
    first.store.apply(mark_added, NOTE)
    second = sessions.begin_again()
    assert [(mark.number, mark.kind, mark.text) for mark in history_of(second.state).marks] == [
        (1, MarkKind.RULER, ""),
        (2, MarkKind.TEXT, "look here"),
    ]
    second.store.apply(mark_added, RULER)
    second.store.apply(mark_selected, 1)
    second.store.apply(mark_removed)
    third = sessions.begin_again()
    assert [mark.number for mark in history_of(third.state).marks] == [2, 3]
    third.store.apply(image_stepped, 1)
    assert history_of(third.state).marks == ()


def test_the_last_mark_that_is_removed_is_gone(sessions: Sessions) -> None:
    first = sessions.begin()
    first.store.apply(mark_added, RULER)
    first.store.apply(mark_removed)
    assert history_of(sessions.begin_again().state).marks == ()


def test_a_mark_drawn_before_the_library_answered_joins_the_ones_that_were_kept(sessions: Sessions) -> None:
    sessions.begin().store.apply(mark_added, NOTE)
    sessions.open.pop().end()
    late = sessions.begin(is_holding=True)
    for key in ("open library", "list opened"):
        late.runner.run_held(key)
    late.runner.run_held(f"picture {late.state.current}")
    late.store.apply(mark_added, RULER)
    assert len(history_of(late.state).marks) == 1
    late.runner.run_held()
    assert [mark.kind for mark in history_of(late.state).marks] == [MarkKind.TEXT, MarkKind.RULER]
    assert [mark.kind for mark in history_of(sessions.begin_again().state).marks] == [MarkKind.TEXT, MarkKind.RULER]


def test_the_window_of_an_image_comes_back_until_it_is_reset(sessions: Sessions) -> None:
    first = sessions.begin()
    first.store.apply(window_chosen, Window(100.0, 50.0))
    first.store.apply(image_stepped, 1)
    second = sessions.begin_again()
    assert second.state.display.window == Window(100.0, 50.0)
    second.store.apply(image_stepped, 1)
    assert second.state.display.window is None
    second.store.apply(image_stepped, -1)
    second.store.apply(window_reset)
    assert sessions.begin_again().state.display.window is None


def test_star_note_and_read_come_back(sessions: Sessions) -> None:
    first = sessions.begin()
    row = current_row(first.state)
    assert row is not None
    assert row.is_read
    first.notes.star((row.id,), True)
    first.notes.write(row.id, "ask the clinic")
    first.notes.mark_read((row.id,), False)
    row = current_row(first.state)
    assert row is not None
    assert (row.is_starred, row.note, row.is_read) == (True, "ask the clinic", False)
    second = sessions.begin_again()
    row = current_row(second.state)
    assert row is not None
    assert (row.is_starred, row.note, row.is_read) == (True, "ask the clinic", True)


def test_what_waits_when_the_program_ends_is_kept(sessions: Sessions) -> None:
    first = sessions.begin()
    first.runner.is_holding = True
    first.store.apply(mark_added, RULER)
    first.store.apply(window_chosen, Window(9.0, 8.0))
    second = sessions.begin_again()
    assert len(history_of(second.state).marks) == 1
    assert second.state.display.window == Window(9.0, 8.0)


def test_marks_of_a_newer_program_are_told_of_and_never_written_over(sessions: Sessions) -> None:
    first = sessions.begin()
    library, row = first.shelf.library, current_row(first.state)
    assert library is not None
    assert row is not None
    newer = Annotation(99, '{"0": "what only a newer program knows"}')
    library.set_annotation(row.id, newer)
    second = sessions.begin_again()
    assert "cannot be read" in second.state.notice
    second.store.apply(mark_added, RULER)
    third = sessions.begin_again()
    assert third.shelf.library is not None
    assert third.shelf.library.annotation(row.id) == newer


def test_what_could_not_be_kept_is_said_and_kept_when_the_program_ends(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sessions.begin()
    library = first.shelf.library
    assert library is not None

    def refuse(*_arguments: object) -> None:
        raise LibraryError("The disk is full: the library cannot be written.", hint="Make room and try again.")

    with monkeypatch.context() as patch:
        patch.setattr(library, "set_annotation", refuse)
        first.store.apply(mark_added, RULER)
    assert (
        first.state.notice == "What you changed is not kept yet. The disk is full: the library cannot be written. Make room and try again."
    )
    assert len(history_of(sessions.begin_again().state).marks) == 1


def test_a_forgotten_image_that_is_marked_is_in_the_library_again(sessions: Sessions) -> None:
    first = sessions.begin()
    assert first.shelf.library is not None
    first.shelf.library.forget(first.state.listing.ids)
    first.store.apply(mark_added, RULER)
    assert len(history_of(sessions.begin_again().state).marks) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_marks_notes_and_stars_survive_a_kill(sessions: Sessions, tmp_path: Path) -> None:
    """A child draws, writes and stars with the real program and threads, says so, and is killed while it still runs."""
    script = f"""
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from cxrview.app.browsing import current_row
from cxrview.app.main import Options, build
from cxrview.app.marking import mark_added
from cxrview.app.state import LoadedPicture
from cxrview.core.marks import Mark, MarkKind, Point
from cxrview.io.settings import Settings, save_settings

save_settings(Settings(notice_accepted=True, auto_score=False))
application = QApplication([])
program = build(application)
program.begin(Options((Path({str(sessions.films)!r}),)))
state = {{"step": 0}}

def follow():
    now, notes = program.store.state, program.controllers.notes
    row = current_row(now)
    if state["step"] == 0 and isinstance(now.picture, LoadedPicture) and row is not None and row.is_read and not now.searching:
        state["step"] = 1
        program.store.apply(mark_added, Mark(0, MarkKind.TEXT, (Point(5, 5),), "look here"))
        notes.star((row.id,), True)
        notes.write(row.id, "ask the clinic")
    elif state["step"] == 1 and row is not None and row.note and row.is_starred and not notes._waiting:
        state["step"] = 2
        print("kept", flush=True)

timer = QTimer()
timer.timeout.connect(follow)
timer.start(20)
application.exec()
"""
    environment = {**os.environ, "CXRVIEW_BASEDIR": str(tmp_path / "base"), "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    assert line == "kept\n"
    assert child.returncode == -signal.SIGKILL
    sessions.folder = next((tmp_path / "base").rglob("library.sqlite3")).parent
    session = sessions.begin()
    row = current_row(session.state)
    assert row is not None
    assert (row.note, row.is_starred) == ("ask the clinic", True)
    assert [mark.text for mark in history_of(session.state).marks] == ["look here"]
