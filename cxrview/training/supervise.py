"""A training that looks after itself: shows that it lives, goes on where it was cut off, and makes do with the memory there is."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cxrview.core.errors import CxrError, DataError
from cxrview.training.control import WISH_NAME, Wish, read_wish
from cxrview.training.events import EventLog
from cxrview.training.recipe import Recipe
from cxrview.training.run import train

ALIVE_NAME = "alive"
BEAT_S = 1.0
SILENCE_S = 30.0  # a process that shows no life for so long is taken for dead where its number cannot be looked up
SMALLEST_BATCH = 2
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def train_supervised(
    data: Path, run: Path, recipe: Recipe, *, resume: bool = False, device: str = "auto", report: Callable[[str], None] = lambda _: None
) -> Path:
    """Train as `run.train` does, and leave in the run folder what others need to follow, pause, stop and resume it.

    Going on with a run that was cut off before its first checkpoint begins it anew, which comes to the same. When memory runs out the
    batch is halved and the run goes on from its last checkpoint.

    Raises:
        DataError: also when the disk is full, the data are gone, or another process trains this run.
    """
    run.mkdir(parents=True, exist_ok=True)
    if is_alive(run):
        raise DataError("This run is being trained by another process.", hint="Wait for it, or stop it.", subject=str(run))
    events = EventLog(run / "events.jsonl")
    if resume:
        _forget_beginning(run, report)
        resume = _has_checkpoint(run) or not _was_started(run)
    with suppress(OSError):
        if read_wish(run) is not Wish.STOP or not resume:  # a stop holds; a pause does not outlive the process
            (run / WISH_NAME).unlink(missing_ok=True)
    with _signs_of_life(run):
        try:
            _note(events, "started", pid=os.getpid(), resumed=resume)
            return _within_memory(data, run, recipe, resume=resume, device=device, report=report)
        except CxrError as error:
            _note(events, "failed", message=str(error))
            raise
        except OSError as error:
            failure = _explained(error, run)
            _note(events, "failed", message=str(failure))
            raise failure from error


def is_alive(run: Path) -> bool:
    """Tell whether a process other than this one trains a run."""
    path = run / ALIVE_NAME
    try:
        pid = int(path.read_text(encoding="utf-8"))
        age_s = time.time() - path.stat().st_mtime
    except (OSError, ValueError):
        return False
    return pid != os.getpid() and age_s < SILENCE_S and _is_running(pid)


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # os.kill would end it there; the signs of life must do
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and its parent has not asked for its exit code yet (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


@contextmanager
def _signs_of_life(run: Path) -> Iterator[None]:
    """Write this process's number into the run folder every second while the block runs."""
    path = run / ALIVE_NAME
    ended = threading.Event()

    def beat() -> None:
        while not ended.is_set():
            with suppress(OSError):
                path.write_text(str(os.getpid()), encoding="utf-8")
            ended.wait(BEAT_S)

    thread = threading.Thread(target=beat, name="cxrview-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _within_memory(data: Path, run: Path, recipe: Recipe, *, resume: bool, device: str, report: Callable[[str], None]) -> Path:
    while True:
        try:
            return train(data, run, recipe, resume=resume, device=device, report=report)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            half = recipe.fit.batch // 2
            if half < SMALLEST_BATCH:
                raise DataError(
                    "There is not enough memory even for the smallest batch.", hint="Close other programs, or take a smaller input size."
                ) from error
            recipe = replace(recipe, fit=replace(recipe.fit, batch=half))
        _forget_beginning(run, report)
        resume = _has_checkpoint(run)
        message = f"Memory ran out: the batch is halved to {recipe.fit.batch}, and the run goes on."
        report(message)
        _note(EventLog(run / "events.jsonl"), "memory", batch=recipe.fit.batch, message=message)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY)


def _has_checkpoint(run: Path) -> bool:
    """Tell whether there is anything to go on from: a checkpoint of the run, a fold, a seed or a stage, or a search."""
    return any(run.rglob("last.ckpt")) or (run / "search.csv").is_file()


def _was_started(run: Path) -> bool:
    return (run / "events.jsonl").is_file()


def _forget_beginning(run: Path, report: Callable[[str], None]) -> None:
    """Make room for a fresh beginning where a run was cut off before its first checkpoint."""
    if (run / "plan.json").is_file() and not _has_checkpoint(run):
        (run / "plan.json").unlink()
        report("The run was cut off before its first checkpoint; it begins anew.")


def _explained(error: OSError, run: Path) -> DataError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError("The disk is full.", hint="Free some space, then resume: nothing but the last epoch is lost.", subject=str(run))
    if isinstance(error, FileNotFoundError) and error.filename:
        return DataError("This file is gone.", hint="Put the folder back, then resume.", subject=str(error.filename))
    return DataError(
        f"A file cannot be read or written ({error.strerror or error}).",
        hint="Check the drive, then resume.",
        subject=str(error.filename or run),
    )


def _note(events: EventLog, event: str, **values: str | int | bool) -> None:
    """Append an event; on a full disk the sentence on the console must do."""
    with suppress(OSError):
        events.write(event, **values)
