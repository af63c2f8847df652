"""Networks that run in a process of their own, so that nothing they do holds up the one that asks (decision 0025)."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from cxrview.core import errors
from cxrview.core.errors import CxrError, EngineUnavailable
from cxrview.core.results import FloatArray, Forward
from cxrview.engine.base import Predictor, forwards
from cxrview.engine.choose import Choice
from cxrview.engine.composite import CompositePredictor
from cxrview.engine.messages import Message, read_message, write_message
from cxrview.engine.packages import Package
from cxrview.engine.serving import ENGINE_WORD
from cxrview.io.places import program_command

_PIPE_BYTES: Final = 2**20
"""Room in a pipe where the system lets us say: a picture and its features are megabytes, and each stop costs a change of process."""


@dataclass(frozen=True, slots=True)
class _Opening:
    """All that it takes to open a network, also once more after its process ended."""

    number: int
    folder: str
    engine: str
    device: str
    threads: int


class EngineProcess:
    """The process in which networks run; it starts with the first request, and anew after it ended unexpectedly.

    Any thread may ask; one request is answered after the other.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        """Start nothing yet; `command` are the words that start the process, empty for this program."""
        self._command = tuple(command) or (*program_command(), ENGINE_WORD)
        self._asking = threading.Lock()
        self._changing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    @property
    def process_id(self) -> int:
        """The number of the process that runs now; 0 for none."""
        process = self._process
        return 0 if process is None else process.pid

    def ask(self, words: Mapping[str, Any], arrays: Sequence[FloatArray] = ()) -> Message:  # Any: JSON
        """Wait for the answer to one request.

        Raises:
            CxrError: what went wrong there, as it was said there.
            EngineUnavailable: the process ended instead of answering, or cannot be started.
        """
        with self._asking:
            process = self._started()
            answer = _exchange(process, words, arrays)
            if answer is None:
                raise self._after_the_end_of(process)
        if "failed" in answer.words:
            kind: type[CxrError] = getattr(errors, answer.words["failed"], CxrError)
            raise kind(answer.words["message"], hint=answer.words["hint"], subject=answer.words["subject"])
        return answer

    def forget(self, words: Mapping[str, Any]) -> None:  # Any: JSON
        """Make a request that a process which has ended need not hear of."""
        if self._process is not None and not self._is_closed:
            self.ask(words)

    def close(self) -> None:
        """End the process, whatever it is doing, and start no other."""
        with self._changing:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        with self._asking:  # who was asking has heard of the end by now
            self._let_go()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._is_closed:
                raise EngineUnavailable("the program is being closed.")
            if self._process is None:
                self._process = _start(self._command)
            return self._process

    def _after_the_end_of(self, process: subprocess.Popen[bytes]) -> EngineUnavailable:
        process.kill()  # where it closed its pipe and lives on
        status = process.wait()
        self._let_go()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return EngineUnavailable(f"the process that runs the model ended unexpectedly ({how}).", hint="Try again: it is started anew.")

    def _let_go(self) -> None:
        with self._changing:
            process, self._process = self._process, None
        if process is not None:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


class ApartPredictor:
    """Runs one network in another process; after an unexpected end of that, the next run opens it in a new one."""

    def __init__(self, process: EngineProcess, opening: _Opening, member: int, engine: str, device: str) -> None:
        self._process, self._opening, self._member = process, opening, member
        self._engine, self._device = engine, device

    @property
    def engine(self) -> str:
        """What runs there."""
        return self._engine

    @property
    def device(self) -> str:
        """The device used there."""
        return self._device

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32.

        Raises:
            EngineUnavailable: the process ended instead of answering.
        """
        answer = self._process.ask({"do": "run", "network": asdict(self._opening), "member": self._member}, (batch,))
        return forwards(answer.arrays[0], answer.arrays[1] if len(answer.arrays) > 1 else None)

    def close(self) -> None:
        """Let go of the runtime there."""
        self._process.forget({"do": "close", "network": asdict(self._opening)})


_NUMBERS = itertools.count(1)


def open_predictor(
    package: Package, *, process: EngineProcess, engine: str = "auto", device: str = "auto", threads: int = 0, workers: int = 1
) -> Choice:
    """Open a package as `choose.open_predictor` does, in another process.

    Args:
        package: the model.
        process: where it runs.
        engine: as there.
        device: as there.
        threads: for one run; 0 for all cores.
        workers: how many threads will ask at the same time; they are answered one after the other.

    Raises:
        CxrError: as there.
        EngineUnavailable: also when the process ended instead of answering.
    """
    del workers
    opening = _Opening(next(_NUMBERS), str(package.folder), engine, device, threads)
    answer = process.ask({"do": "open", "network": asdict(opening)})

    def part(member: int) -> Predictor:
        return ApartPredictor(process, opening, member, answer.words["engine"], answer.words["device"])

    is_composite = package.manifest.composite is not None
    predictor = CompositePredictor(package, [part(place) for place in range(len(package.members))]) if is_composite else part(0)
    return Choice(predictor, tuple(answer.words["reasons"]))


def _exchange(process: subprocess.Popen[bytes], words: Mapping[str, Any], arrays: Sequence[FloatArray]) -> Message | None:  # Any: JSON
    """Ask and wait; None when the process has ended."""
    try:
        write_message(cast(io.RawIOBase, process.stdin), words, arrays)
        return read_message(cast(io.RawIOBase, process.stdout))
    except OSError:
        return None


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the process; what its libraries say is heard with `CXRVIEW_LOG` only.

    Raises:
        EngineUnavailable: the system does not let us.
    """
    is_heard = bool(os.environ.get("CXRVIEW_LOG"))
    quietly = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if is_heard else subprocess.DEVNULL,
            bufsize=0,
            creationflags=quietly,
        )
    except OSError as error:
        hint = "Close other programs; there may be too little memory."
        raise EngineUnavailable(f"the process that runs the model cannot be started ({error.strerror}).", hint=hint) from error
    if sys.platform == "linux":
        _widen(process)
    return process


def _widen(process: subprocess.Popen[bytes]) -> None:
    """Make room in both pipes; a system that allows less keeps what they have."""
    import fcntl

    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:
                return
