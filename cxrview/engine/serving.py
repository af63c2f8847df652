"""The process that runs networks for the window: a request comes in, its answer goes out, until the pipe ends (decision 0025)."""

from __future__ import annotations

import io
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from cxrview.core.errors import CxrError
from cxrview.engine.base import Predictor, stacked_logits
from cxrview.engine.choose import Choice, open_predictor
from cxrview.engine.composite import CompositePredictor
from cxrview.engine.messages import Message, read_message, write_message
from cxrview.engine.packages import find_package

ENGINE_WORD: Final = "engine-worker"
"""What the program is called with to become such a process; nothing for people."""
_STEPS_DOWN: Final = 5
"""Below whoever starts it: nobody waits for this process with anything in hand, so that it may stand back further than a thread."""


def serve() -> int:
    """Do what standard input says until it ends; an unforeseen failure ends the process, which who started it notices."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the one that started us decides
    if hasattr(os, "nice"):
        os.nice(_STEPS_DOWN)
    answers = _private_standard_output()
    requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True, name="cxrview-engine-listener").start()
    bench = _Bench()
    while True:
        request = requests.get()
        try:
            answer = bench.answer(request)
        except CxrError as error:
            answer = Message({"failed": type(error).__name__, "message": error.message, "hint": error.hint, "subject": error.subject})
        write_message(answers, answer.words, answer.arrays)


class _Bench:
    """The networks that are open, by the number that the other process gave them."""

    def __init__(self) -> None:
        self._open: dict[int, Choice] = {}

    def answer(self, request: Message) -> Message:
        """Do what one request asks for."""
        opening = request.words["network"]
        match request.words["do"]:
            case "open":
                choice = self._choice(opening)
                return Message({"engine": choice.predictor.engine, "device": choice.predictor.device, "reasons": choice.reasons})
            case "run":
                return _run(self._predictor(opening, request.words["member"]), request)
            case _:
                self._close(opening["number"])
                return Message({})

    def _choice(self, opening: Mapping[str, Any]) -> Choice:  # Any: JSON
        """Give an open network; one that is not open yet, as after the end of an earlier process, is opened."""
        number = opening["number"]
        if number not in self._open:
            package = find_package(opening["folder"])
            self._open[number] = open_predictor(
                package, engine=opening["engine"], device=opening["device"], threads=opening["threads"], workers=1
            )
        return self._open[number]

    def _predictor(self, opening: Mapping[str, Any], member: int) -> Predictor:  # Any: JSON
        whole = self._choice(opening).predictor
        return whole.members[member] if isinstance(whole, CompositePredictor) else whole

    def _close(self, number: int) -> None:
        choice = self._open.pop(number, None)
        if choice is not None:
            choice.predictor.close()


def _run(predictor: Predictor, request: Message) -> Message:
    passes = predictor.run(request.arrays[0])
    features = [each.features for each in passes if each.features is not None]
    return Message({}, (stacked_logits(passes), *((np.stack(features),) if features else ())))


def _listen(requests: queue.SimpleQueue[Message]) -> None:
    """Take requests until the pipe ends; then the process ends at once, whatever a network is doing: nobody waits for it any more."""
    with io.FileIO(sys.stdin.fileno(), "rb", closefd=False) as stream:
        while (request := read_message(stream)) is not None:
            requests.put(request)
    os._exit(0)


def _private_standard_output() -> io.FileIO:
    """Keep the pipe for our answers; what a library prints goes to the error stream."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return io.FileIO(pipe, "wb")
