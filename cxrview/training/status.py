"""What can be told of a run from its folder alone: whether it waits, trains, rests or is done, and its figures so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from cxrview.training.control import Step, Wish, read_step, read_wish
from cxrview.training.events import Value, read_events
from cxrview.training.supervise import is_alive

JOB_NAME = "job.json"
LOG_NAME = "console.log"
LOG_LINES = 200
LOG_BYTES = 1 << 16
AVERAGED_EPOCHS = 3  # of which the time that is left is told


class RunState(StrEnum):
    """What a run is doing."""

    WAITING = "waiting"
    PREPARING = "preparing"
    TRAINING = "training"
    PAUSED = "paused"
    JUDGING = "judging"
    DONE = "done"
    FAILED = "failed"
    CUT_OFF = "cut off"

    @property
    def is_busy(self) -> bool:
        """Whether a process works on it."""
        return self in (RunState.PREPARING, RunState.TRAINING, RunState.PAUSED, RunState.JUDGING)

    @property
    def can_resume(self) -> bool:
        """Whether it can be gone on with."""
        return self in (RunState.FAILED, RunState.CUT_OFF)


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """What one epoch gave; NaN or empty where it gave nothing.

    Attributes:
        phase: part of the training that it belongs to; empty where there is one part only.
    """

    epoch: int
    train_loss: float
    val_loss: float
    monitor: float
    learning_rate: float
    seconds: float
    phase: str = ""
    aurocs: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def mean_auroc(self) -> float:
        """Mean over the labels, all sources together."""
        values = [value for key, value in self.aurocs.items() if "@" not in key]
        return sum(values) / len(values) if values else float("nan")


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run as its folder tells it.

    Attributes:
        data, recipe: what it is started with; `recipe` is a file.
        message: the last thing worth a sentence: why it failed, or that memory ran out.
        log: the last lines of its output.
        seconds_left: of training, guessed from the last epochs; None when there is nothing to guess from.
    """

    folder: Path
    title: str
    data: Path
    recipe: Path
    state: RunState
    labels: tuple[str, ...] = ()
    epochs: tuple[EpochFigures, ...] = ()
    planned_epochs: int = 0
    step: Step | None = None
    message: str = ""
    log: str = ""
    seconds_left: float | None = None

    @property
    def package(self) -> Path:
        """Where the finished package lies."""
        return self.folder / "package"

    @property
    def best(self) -> EpochFigures | None:
        """The epoch whose weights are kept so far, of the phase under way."""
        last = self.epochs[-1].phase if self.epochs else ""
        told = [figures for figures in self.epochs if figures.monitor == figures.monitor and figures.phase == last]
        return max(told, key=lambda figures: figures.monitor, default=None)


def write_job(run: Path, *, title: str, data: Path, recipe: Path) -> None:
    """Write down what a run is to be started with; it waits from now on."""
    run.mkdir(parents=True, exist_ok=True)
    (run / JOB_NAME).write_text(json.dumps({"title": title, "data": str(data), "recipe": str(recipe)}, indent=1), encoding="utf-8")


def list_runs(folder: Path) -> tuple[RunStatus, ...]:
    """Tell the status of every run in a folder, the oldest first."""
    if not folder.is_dir():
        return ()
    found = [each for each in folder.iterdir() if (each / JOB_NAME).is_file()]
    found.sort(key=lambda each: (each / JOB_NAME).stat().st_mtime_ns)
    return tuple(read_status(each) for each in found)


def read_status(run: Path) -> RunStatus:
    """Tell the status of one run."""
    job = _job(run)
    told: dict[tuple[str, int], EpochFigures] = {}
    labels: tuple[str, ...] = ()
    last, message, planned, is_fitted = "", "", 0, False
    for event in read_events(run / "events.jsonl"):
        kind = str(event.get("event", ""))
        if kind == "epoch":
            figures = _figures(event)
            # An epoch that was cut off and trained again is told twice; the later one counts.
            told[str(event.get("phase") or ""), figures.epoch] = figures
            planned = int(_number(event.get("epochs")))
            is_fitted = False
        elif kind == "plan" and isinstance(event.get("labels"), list):
            labels = tuple(str(label) for label in event["labels"])  # type: ignore[union-attr]
        elif kind == "fitted":
            is_fitted = True
        if kind in ("launched", "started", "failed", "done"):
            last = kind
            if kind != "done":
                message = str(event.get("message", "")) if kind == "failed" else ""
        elif kind == "memory":
            message = str(event.get("message", ""))
    epochs = tuple(replace(figures, epoch=number) for number, figures in enumerate(told.values(), start=1))
    step = read_step(run)
    state = _state(run, last, step, is_fitted=is_fitted)
    log = _log(run / LOG_NAME)
    if state is RunState.CUT_OFF:  # it did not come so far as to note why; its output may say it
        line = next((line for line in reversed(log.splitlines()) if line.strip()), "")
        message = line if last == "launched" or line.startswith("cxrview: ") else message
    return RunStatus(
        run,
        job.get("title", run.name),
        Path(job.get("data", "")),
        Path(job.get("recipe", "")),
        state,
        labels,
        epochs,
        planned,
        step if state.is_busy else None,
        message,
        log,
        _seconds_left(epochs, planned, step) if state in (RunState.TRAINING, RunState.PAUSED) else None,
    )


def _state(run: Path, last: str, step: Step | None, *, is_fitted: bool) -> RunState:
    if last == "done" and (run / "package" / "model.toml").is_file():
        return RunState.DONE
    if is_alive(run):
        if is_fitted:
            return RunState.JUDGING
        if step is None:
            return RunState.PREPARING
        return RunState.PAUSED if step.is_paused and read_wish(run) is Wish.PAUSE else RunState.TRAINING
    return {"": RunState.WAITING, "failed": RunState.FAILED}.get(last, RunState.CUT_OFF)


def _job(run: Path) -> dict[str, str]:
    try:
        stored = json.loads((run / JOB_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in stored.items()} if isinstance(stored, dict) else {}


def _figures(event: Mapping[str, Value]) -> EpochFigures:
    found = event.get("auroc")
    return EpochFigures(
        int(_number(event.get("epoch"))),
        _number(event.get("train_loss")),
        _number(event.get("val_loss")),
        _number(event.get("monitor")),
        _number(event.get("learning_rate")),
        _number(event.get("seconds")),
        str(event.get("phase") or ""),
        {str(key): float(value) for key, value in found.items()} if isinstance(found, dict) else {},
    )


def _number(value: Value) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _seconds_left(epochs: tuple[EpochFigures, ...], planned: int, step: Step | None) -> float | None:
    """Guess from the last epochs, or from the steps of the first one; a run may end earlier when nothing gets better."""
    if epochs:
        recent = epochs[-AVERAGED_EPOCHS:]
        return max(0, planned - epochs[-1].epoch) * sum(figures.seconds for figures in recent) / len(recent)
    if step is not None and step.steps:
        return (step.epochs * step.steps - step.step) * step.seconds
    return None


def _log(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])
