"""Work runs off the main thread and its answers come back to it; what is superseded stays silent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from cxrview.app.tasks import Context, InlineRunner, Lane, ThreadRunner, unexpected
from cxrview.core.errors import Cancelled, CxrError, UnreadableImage


@pytest.fixture
def faults() -> list[BaseException]:
    return []


@pytest.fixture
def runner(qapp: object, faults: list[BaseException]) -> Iterator[ThreadRunner]:
    made = ThreadRunner(faults.append)
    yield made
    made.close()


def gate() -> tuple[threading.Event, threading.Event, Callable[[Context], str]]:
    """Give work that says it has begun and then waits to be let go."""
    begun, let_go = threading.Event(), threading.Event()

    def work(_context: Context) -> str:
        begun.set()
        assert let_go.wait(10)
        return "slow"

    return begun, let_go, work


def test_work_runs_elsewhere_and_its_answer_arrives_on_the_main_thread(runner: ThreadRunner, qtbot: QtBot) -> None:
    seen: list[tuple[str, str]] = []
    main = threading.current_thread().name
    runner.start(
        Lane.FILES, "a", lambda _context: threading.current_thread().name, lambda name: seen.append((name, threading.current_thread().name))
    )
    qtbot.waitUntil(lambda: bool(seen))
    worker, receiver = seen[0]
    assert worker.startswith("cxrview-files")
    assert receiver == main


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the priority of a thread")
def test_workers_stand_back_for_the_window(runner: ThreadRunner, qtbot: QtBot) -> None:
    seen: list[int] = []
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    for lane in Lane:
        runner.start(lane, lane, lambda _context: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), seen.append)
    qtbot.waitUntil(lambda: len(seen) == len(Lane))
    assert all(nice > own for nice in seen)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_the_window_gets_the_interpreter_soon_and_what_lives_is_not_looked_through_again() -> None:
    code = """
import gc, sys
from cxrview.app.priority import favour_the_window, leave_the_old_alone
favour_the_window()
leave_the_old_alone()
assert sys.getswitchinterval() <= 0.001
assert gc.get_freeze_count() > 1000
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_newer_request_with_the_same_key_silences_the_older(runner: ThreadRunner, qtbot: QtBot) -> None:
    begun, let_go, slow = gate()
    heard: list[str] = []
    runner.start(Lane.FILES, "key", slow, heard.append)
    assert begun.wait(10)
    runner.start(Lane.FILES, "key", lambda _context: "fast", heard.append)
    qtbot.waitUntil(lambda: heard == ["fast"])
    let_go.set()
    done: list[str] = []
    runner.start(Lane.MODEL, "other", lambda _context: "after", done.append)
    qtbot.waitUntil(lambda: done == ["after"])
    assert heard == ["fast"]


def test_queued_work_that_is_cancelled_never_runs(runner: ThreadRunner, qtbot: QtBot) -> None:
    begun, let_go, slow = gate()
    ran: list[str] = []
    heard: list[str] = []
    runner.start(Lane.MODEL, "first", slow, heard.append)
    assert begun.wait(10)
    runner.start(Lane.MODEL, "second", lambda _context: ran.append("ran"), lambda _answer: heard.append("second"))
    runner.cancel("second")
    runner.start(Lane.MODEL, "third", lambda _context: "third", heard.append)
    let_go.set()
    qtbot.waitUntil(lambda: heard == ["slow", "third"])
    assert ran == []


def test_work_learns_that_nobody_waits_any_more(runner: ThreadRunner, qtbot: QtBot) -> None:
    begun, noticed = threading.Event(), threading.Event()

    def work(context: Context) -> str:
        begun.set()
        try:
            while True:
                context.check()
        except Cancelled:
            noticed.set()
            raise

    heard: list[object] = []
    runner.start(Lane.DISK, "endless", work, heard.append, on_failed=heard.append)
    assert begun.wait(10)
    runner.cancel("endless")
    assert noticed.wait(10)
    qtbot.wait(1)
    assert heard == []


def test_a_lane_of_one_runs_one_thing_at_a_time_in_order(runner: ThreadRunner, qtbot: QtBot) -> None:
    lock, order = threading.Lock(), list[int]()

    def work(number: int) -> Callable[[Context], int]:
        def run(_context: Context) -> int:
            assert lock.acquire(blocking=False)
            lock.release()
            return number

        return run

    for number in range(20):
        runner.start(Lane.MODEL, f"{number}", work(number), order.append)
    qtbot.waitUntil(lambda: len(order) == 20)
    assert order == list(range(20))


def test_progress_arrives_in_order_before_the_answer(runner: ThreadRunner, qtbot: QtBot) -> None:
    heard: list[object] = []

    def work(context: Context) -> str:
        for step in range(3):
            context.report(step)
        return "done"

    runner.start(Lane.DISK, "steps", work, heard.append, on_progress=heard.append)
    qtbot.waitUntil(lambda: "done" in heard)
    assert heard == [0, 1, 2, "done"]


def test_errors_with_a_sentence_reach_the_one_who_asked(runner: ThreadRunner, qtbot: QtBot, faults: list[BaseException]) -> None:
    failed: list[CxrError] = []

    def work(_context: Context) -> None:
        raise UnreadableImage("it is cut short.")

    runner.start(Lane.FILES, "bad", work, lambda _answer: None, on_failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert failed[0].message == "it is cut short."
    assert faults == []


def test_unforeseen_errors_become_a_sentence_and_a_report(runner: ThreadRunner, qtbot: QtBot, faults: list[BaseException]) -> None:
    failed: list[CxrError] = []
    runner.start(Lane.FILES, "bug", lambda _context: 1 // 0, lambda _answer: None, on_failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert isinstance(faults[0], ZeroDivisionError)
    assert "ZeroDivisionError" in failed[0].message


def test_closing_refuses_new_work_and_waits_for_the_workers(qapp: object) -> None:
    runner = ThreadRunner()
    begun, let_go, slow = gate()
    heard: list[str] = []
    runner.start(Lane.MODEL, "slow", slow, heard.append)
    runner.start(Lane.MODEL, "queued", lambda _context: "queued", heard.append)
    assert begun.wait(10)
    threading.Timer(0.05, let_go.set).start()
    runner.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cxrview-")]
    runner.start(Lane.MODEL, "late", lambda _context: "late", heard.append)
    assert heard == []


def test_the_inline_runner_runs_at_once() -> None:
    runner, heard = InlineRunner(), list[object]()

    def work(context: Context) -> str:
        context.report("half")
        return "done"

    runner.start(Lane.FILES, "a", work, heard.append, on_progress=heard.append)
    assert heard == ["half", "done"]
    assert runner.started == ["files:a"]


def test_the_inline_runner_holds_replaces_and_cancels() -> None:
    runner, heard = InlineRunner(is_holding=True), list[str]()
    runner.start(Lane.FILES, "a", lambda _context: "older", heard.append)
    runner.start(Lane.FILES, "a", lambda _context: "newer", heard.append)
    runner.start(Lane.FILES, "b", lambda _context: "b", heard.append)
    runner.start(Lane.FILES, "c", lambda _context: "c", heard.append)
    runner.cancel("b")
    assert runner.held == ("a", "c")
    runner.run_held("c")
    runner.run_held()
    assert heard == ["c", "newer"]
    runner.close()
    runner.start(Lane.FILES, "a", lambda _context: "late", heard.append)
    assert runner.held == ()


def test_the_inline_runner_tells_failures_and_is_silent_when_cancelled() -> None:
    def raising(error: Exception) -> Callable[[Context], None]:
        def work(_context: Context) -> None:
            raise error

        return work

    runner, failed = InlineRunner(), list[CxrError]()
    error = UnreadableImage("it is cut short.")
    runner.start(Lane.FILES, "a", raising(error), lambda _answer: None, on_failed=failed.append)
    runner.start(Lane.FILES, "b", raising(Cancelled()), lambda _answer: failed.append(error), on_failed=failed.append)
    runner.start(Lane.FILES, "c", raising(error), lambda _answer: failed.append(error))
    assert failed == [error]


def test_the_sentence_for_an_unforeseen_error_names_its_kind_and_nothing_private() -> None:
    sentence = str(unexpected(KeyError("patient name")))
    assert "KeyError" in sentence
    assert "patient" not in sentence
