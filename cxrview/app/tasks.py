"""Work off the main thread: named lanes of worker threads, and answers that arrive on the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from cxrview.app.priority import stand_back
from cxrview.core.errors import Cancelled, CxrError

T = TypeVar("T")


class Lane(StrEnum):
    """Where work runs, named by what it protects."""

    MODEL = "model"
    FILES = "files"
    DISK = "disk"
    LIBRARY = "library"
    """Short questions to the library and short writes."""
    INDEX = "index"
    """Looking through folders, which takes as long as it takes."""
    BATCH = "batch"
    """Waiting for the process that scores a folder."""


WORKERS = {Lane.MODEL: 1, Lane.FILES: 2, Lane.DISK: 1, Lane.LIBRARY: 1, Lane.INDEX: 1, Lane.BATCH: 1}


class Context:
    """What a piece of work knows of the outside: whether it is still wanted, and where to tell how far it is."""

    def __init__(self, tell: Callable[[object], None] | None = None) -> None:
        self._cancelled = threading.Event()
        self._tell = tell

    @property
    def is_cancelled(self) -> bool:
        """Tell whether nobody waits for this work any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._cancelled.set()

    def check(self) -> None:
        """Stop here if nobody waits any more.

        Raises:
            Cancelled: the work was superseded or cancelled.
        """
        if self.is_cancelled:
            raise Cancelled

    def report(self, progress: object) -> None:
        """Tell the main thread how far the work is."""
        if self._tell is not None and not self.is_cancelled:
            self._tell(progress)


Work = Callable[[Context], T]


class Runner(Protocol):
    """Starts work and brings the answer back to the main thread."""

    def start(
        self,
        lane: Lane,
        key: str,
        work: Work[T],
        on_done: Callable[[T], None],
        *,
        on_failed: Callable[[CxrError], None] | None = None,
        on_progress: Callable[[object], None] | None = None,
    ) -> None:
        """Run `work` in a lane; work started earlier with the same key is silenced."""

    def cancel(self, key: str) -> None:
        """Silence the work with this key."""

    def close(self) -> None:
        """Refuse new work, silence what is under way, and wait until the workers are idle."""


@dataclass(slots=True, eq=False)
class _Job:
    # Any: one relay carries the answers of every kind of work; `start` ties each to its own callback.
    key: str
    on_done: Callable[[Any], None]
    on_failed: Callable[[CxrError], None] | None
    on_progress: Callable[[object], None] | None
    context: Context = field(default_factory=Context)


class _Relay(QObject):
    """Lives on the main thread; workers emit, Qt carries the call over."""

    arrived = Signal(object)
    """A worker has something to tell. Parameters: call (a function without arguments)."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)

    def _on_arrived(self, call: Callable[[], None]) -> None:
        call()


class ThreadRunner:
    """Runs work in worker threads."""

    def __init__(self, on_fault: Callable[[BaseException], None] | None = None) -> None:
        """Open the lanes; `on_fault` hears, on the main thread, of errors that are ours and not the file's."""
        self._relay = _Relay()
        self._on_fault = on_fault
        self._jobs: dict[str, _Job] = {}
        self._is_closed = False
        self._lanes = {lane: ThreadPoolExecutor(count, f"cxrview-{lane}", initializer=stand_back) for lane, count in WORKERS.items()}
        self._futures: dict[str, Future[None]] = {}

    def start(
        self,
        lane: Lane,
        key: str,
        work: Work[T],
        on_done: Callable[[T], None],
        *,
        on_failed: Callable[[CxrError], None] | None = None,
        on_progress: Callable[[object], None] | None = None,
    ) -> None:
        """Run `work` in a lane; work started earlier with the same key is silenced."""
        self.cancel(key)
        if self._is_closed:
            return
        job = _Job(key, on_done, on_failed, on_progress)
        job.context = Context(lambda progress: self._post(job, lambda: self._on_progress(job, progress)))
        self._jobs[key] = job
        self._futures[key] = self._lanes[lane].submit(self._run, job, work)

    def cancel(self, key: str) -> None:
        """Silence the work with this key."""
        job = self._jobs.pop(key, None)
        future = self._futures.pop(key, None)
        if job is not None:
            job.context.cancel()
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Refuse new work, silence what is under way, and wait until the workers are idle."""
        self._is_closed = True
        for key in tuple(self._jobs):
            self.cancel(key)
        for executor in self._lanes.values():
            executor.shutdown(wait=True, cancel_futures=True)
        self._relay.arrived.disconnect()

    def _run(self, job: _Job, work: Work[T]) -> None:
        try:
            job.context.check()
            answer = work(job.context)
        except Cancelled:
            return
        except CxrError as error:
            failure = error
            self._post(job, lambda: self._on_failed(job, failure))
        except Exception as error:  # noqa: BLE001 - the one place where unexpected errors of work are caught
            fault = error
            self._post(job, lambda: self._on_unexpected(job, fault))
        else:
            self._post(job, lambda: self._on_done(job, answer))

    def _post(self, job: _Job, call: Callable[[], None]) -> None:
        if not job.context.is_cancelled:
            self._relay.arrived.emit(call)

    def _is_current(self, job: _Job) -> bool:
        return self._jobs.get(job.key) is job

    def _forget(self, job: _Job) -> None:
        self._jobs.pop(job.key, None)
        self._futures.pop(job.key, None)

    def _on_done(self, job: _Job, answer: object) -> None:
        if self._is_current(job):
            self._forget(job)
            job.on_done(answer)

    def _on_failed(self, job: _Job, error: CxrError) -> None:
        if self._is_current(job):
            self._forget(job)
            if job.on_failed is not None:
                job.on_failed(error)

    def _on_unexpected(self, job: _Job, fault: Exception) -> None:
        if self._on_fault is not None:
            self._on_fault(fault)
        self._on_failed(job, unexpected(fault))

    def _on_progress(self, job: _Job, progress: object) -> None:
        if self._is_current(job) and job.on_progress is not None:
            job.on_progress(progress)


class InlineRunner:
    """Runs work at once on the calling thread, or when told to, in the order it was started: for tests."""

    def __init__(self, *, is_holding: bool = False) -> None:
        """Run at once; with `is_holding`, keep work until `run_held`."""
        self.is_holding = is_holding
        self.started: list[str] = []
        self._held: dict[str, Callable[[], None]] = {}
        self._is_closed = False

    @property
    def held(self) -> tuple[str, ...]:
        """Keys of the work that waits, oldest first."""
        return tuple(self._held)

    def start(
        self,
        lane: Lane,
        key: str,
        work: Work[T],
        on_done: Callable[[T], None],
        *,
        on_failed: Callable[[CxrError], None] | None = None,
        on_progress: Callable[[object], None] | None = None,
    ) -> None:
        """Run `work`; work held with the same key is silenced."""
        self.cancel(key)
        if self._is_closed:
            return
        self.started.append(f"{lane}:{key}")

        def run() -> None:
            try:
                answer = work(Context(on_progress))
            except Cancelled:
                return
            except CxrError as error:
                if on_failed is not None:
                    on_failed(error)
            else:
                on_done(answer)

        if self.is_holding:
            self._held[key] = run
        else:
            run()

    def run_held(self, key: str = "") -> None:
        """Run the work with this key, or all that waits, with what it starts in turn."""
        while self._held and (not key or key in self._held):
            chosen = key or next(iter(self._held))
            self._held.pop(chosen)()
            if key:
                return

    def cancel(self, key: str) -> None:
        """Silence the work with this key."""
        self._held.pop(key, None)

    def close(self) -> None:
        """Refuse new work and drop what waits."""
        self._is_closed = True
        self._held.clear()


def unexpected(fault: BaseException) -> CxrError:
    """Give the sentence for an error that nobody foresaw."""
    return CxrError(f"An unexpected error happened ({type(fault).__name__}).", hint="A report was written to the log folder.")
