"""The window's networks run in another process: its own holds no runtime, a crash is a sentence, and closing ends what runs."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxrview.app.main import Options, Program, build
from cxrview.io.phantom_files import write_phantoms
from cxrview.io.settings import Settings, save_settings

PATIENCE_MS = 60_000
FILMS = 2
SCRIPT = """
import sys
from pathlib import Path
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication
from cxrview.app.main import Options, build
from cxrview.core.results import Analysis
from cxrview.io.settings import Settings, save_settings
save_settings(Settings(notice_accepted=True))
application = QApplication([])
program = build(application)
loop = QEventLoop()
program.store.changed.connect(lambda state: loop.quit() if isinstance(state.reading, Analysis) else None)
program.begin(Options((Path(sys.argv[1]),), sys.argv[2]))
loop.exec()
loaded = [name for name in ("torch", "onnxruntime", "openvino") if name in sys.modules]
program.close()
print(program.store.state.model.engine, program.engines.process_id, loaded)
"""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    write_phantoms(tmp_path / "films", FILMS, 0, kind="png", size=(128, 128))
    return tmp_path / "films"


@pytest.fixture
def program(qapp: QApplication) -> Iterator[Program]:
    save_settings(Settings(notice_accepted=True))
    program = build(qapp)
    yield program
    program.close()


def test_a_window_that_scored_holds_no_runtime_of_its_own(fake_model: Path, films: Path) -> None:
    words = [sys.executable, "-c", SCRIPT, str(films), str(fake_model)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "onnx 0 []"


@pytest.mark.skipif(sys.platform != "linux", reason="watches processes as Linux lets one")
def test_a_crash_of_the_engine_is_a_sentence_and_the_next_image_is_scored(
    program: Program, fake_model: Path, films: Path, qtbot: QtBot
) -> None:
    store = program.store
    program.begin(Options((films,), str(fake_model)))
    qtbot.waitUntil(lambda: store.state.current is not None and len(store.state.outcomes.by_ref) == FILMS, timeout=PATIENCE_MS)
    first = program.engines.process_id
    watched = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert select.select([watched], [], [], PATIENCE_MS / 1000)[0]
    os.close(watched)
    program.controllers.scoring.score_again(store.state.listing.shown)
    qtbot.waitUntil(lambda: store.state.batch is None, timeout=PATIENCE_MS)
    refused, answered = (store.state.outcomes.by_ref[ref] for ref in store.state.listing.shown)
    assert "ended unexpectedly (signal 9)" in refused.error
    assert (answered.error, answered.top is None) == ("", False)
    assert program.engines.process_id not in (0, first)
