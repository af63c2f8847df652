from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from cxrview.app.tasks import InlineRunner, ThreadRunner
from tests.app.wizard.seat import Seat


@pytest.fixture
def seat(qtbot: QtBot) -> Iterator[Seat]:
    """The wizard with worker threads, as it is."""
    faults: list[BaseException] = []
    runner = ThreadRunner(faults.append)
    seat = Seat(qtbot, runner)
    yield seat
    seat.leave()
    runner.close()
    assert not faults, faults


@pytest.fixture
def still(qtbot: QtBot) -> Iterator[Seat]:
    """The wizard whose work is done at once, on this thread."""
    seat = Seat(qtbot, InlineRunner())
    yield seat
    seat.leave()
