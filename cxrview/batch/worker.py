"""The process that does the work of a batch: files come in as JSON lines, rows go out as JSON lines.

It is a process of its own so that a decoder that hangs or crashes takes nothing with it but itself (decision 0016).
Its threads share one model.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

from cxrview.batch.outputs import mark_as_output, writing_to
from cxrview.batch.overlays import OverlayFolder
from cxrview.batch.plan import Plan, plan_from_json
from cxrview.batch.row import cells
from cxrview.batch.score import Scored, ScoreJob, score_piece
from cxrview.core.errors import BatchStopped, CxrError
from cxrview.core.image import ImageRef
from cxrview.core.lung_input import needs_lungs
from cxrview.engine.base import Device
from cxrview.engine.choose import Choice, load_runtime, open_predictor
from cxrview.engine.lungs import open_lungs
from cxrview.engine.packages import Package, find_package

WORKER_WORD: Final = "batch-worker"
"""What the program is called with to become such a process; nothing for people."""
ONLY_ENGINE: Final = "--only-load-engine"
"""Such a process then loads the runtime of the engine named behind this and ends; to measure what that costs."""
BATCH_ON_CUDA: Final = 16


def serve(words: Sequence[str] = ()) -> int:
    """Do what standard input says until it ends; or, with `ONLY_ENGINE` and its name, only load an engine."""
    if ONLY_ENGINE in words:
        load_runtime(words[-1])
        return 0
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the one that started us decides
    answers = _Answers(_private_standard_output())
    plan = plan_from_json(sys.stdin.readline())
    try:
        package = find_package(plan.model)
        job, choice = open_job(plan, package)
    except CxrError as error:
        answers.tell(_failure(error))
        return 0
    answers.tell(
        {
            "ready": choice.predictor.engine,
            "device": choice.predictor.device,
            "reasons": choice.reasons,
            "workers": job.workers,
            "batch_size": job.batch_size,
            "has_lungs": job.lungs is not None,
        }
    )
    _work(job, answers)
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs in a decoder must not keep the process


def open_job(plan: Plan, package: Package) -> tuple[ScoreJob, Choice]:
    """Open the model, and the lungs' where there is one and it is wanted.

    Raises:
        CxrError: as `open_predictor` and `open_lungs`.
    """
    import cv2

    workers = plan.workers or cores()
    threads = plan.threads or (1 if workers > 1 else 0)
    choice = open_predictor(package, engine=plan.engine, device=plan.device, threads=threads, workers=workers)
    lungs = None
    if plan.has_lungs or needs_lungs(package.manifest.input):
        lungs = open_lungs(threads=threads, workers=workers)
    if workers > 1:
        cv2.setNumThreads(1)  # the workers share the cores already
    overlays = OverlayFolder(Path(plan.heatmaps), plan.input_paths, files=plan.heatmap_files) if plan.heatmaps else None
    if overlays is not None:
        with writing_to(overlays.folder):
            mark_as_output(overlays.folder)
    is_cuda = choice.predictor.device.startswith(Device.CUDA)
    job = ScoreJob(
        package=package,
        predictor=choice.predictor,
        workers=workers,
        batch_size=plan.batch_size or (BATCH_ON_CUDA if is_cuda else 1),
        overlays=overlays,
        lungs=lungs,
        pictures=plan.pictures,
    )
    return job, choice


def cores() -> int:
    """Count the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ref_to_wire(ref: ImageRef) -> list[Any]:  # Any: JSON
    """Give what names an image in a JSON line."""
    return [str(ref.path), ref.member, ref.frame]


def ref_from_wire(wire: Sequence[Any]) -> ImageRef:  # Any: JSON
    """Read what `ref_to_wire` gave."""
    return ImageRef(Path(wire[0]), wire[1], wire[2])


class _Answers:
    """Lines to the process that started us, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, answer: Mapping[str, object]) -> None:
        line = json.dumps(answer) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


def _work(job: ScoreJob, answers: _Answers) -> None:
    """Hand files to the threads until standard input ends; who started us has then heard all it wants."""
    pieces: queue.SimpleQueue[list[list[Any]]] = queue.SimpleQueue()  # Any: JSON
    for lane in range(job.workers):
        threading.Thread(target=_lane, args=(lane, job, pieces, answers), daemon=True, name=f"cxrview-batch-{lane}").start()
    for line in sys.stdin:
        pieces.put(json.loads(line))


def _lane(lane: int, job: ScoreJob, pieces: queue.SimpleQueue[list[list[Any]]], answers: _Answers) -> None:
    while True:
        piece = pieces.get()
        numbers = [number for number, *_ in piece]
        refs = [ref_from_wire(wire) for _, *wire in piece]
        try:
            scored = score_piece(job, refs, partial(_tell_begun, answers, lane, numbers))
        except BatchStopped as error:
            answers.tell(_failure(error))
            return
        answers.tell({"lane": lane, "done": [[number, _wire_rows(job, scored, place)] for place, number in enumerate(numbers)]})


def _failure(error: CxrError) -> dict[str, object]:
    return {"failed": type(error).__name__, "message": error.message, "hint": error.hint, "subject": error.subject}


def _tell_begun(answers: _Answers, lane: int, numbers: Sequence[int], place: int, _ref: ImageRef) -> None:
    answers.tell({"lane": lane, "begun": numbers[place]})


def _wire_rows(job: ScoreJob, scored: Sequence[Scored], place: int) -> list[list[object]]:
    labels = tuple(label.id for label in job.package.manifest.labels)
    return [
        [list(cells(each.row, labels).values()), base64.b64encode(each.thumbnail).decode(), each.is_missing]
        for each in scored
        if each.place == place
    ]


def _private_standard_output() -> TextIO:
    """Keep the pipe for our lines; what a library prints goes to the error stream."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(pipe, "w", encoding="ascii", newline="\n")
