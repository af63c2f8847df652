"""Starts trainings as processes of their own, one after the other, and follows what they leave in their folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from cxrview.app.tasks import Context, Lane, Runner
from cxrview.app.wizard import Busy, Learning, Page, Wizard, notice_given, page_opened, run_shown, runs_read, shown_of
from cxrview.app.wizard_store import WizardStore
from cxrview.core.errors import CxrError, DataError
from cxrview.io.atomic import write_text
from cxrview.io.places import places, program_command
from cxrview.training.compose import Plan, Route, base_recipe, compose, field_rows, recipe_words, replaced_words, stage_words
from cxrview.training.control import Wish, write_wish
from cxrview.training.dataset import DataSet, build_data_set, write_table
from cxrview.training.estimate import Estimate, read_estimate
from cxrview.training.events import EventLog
from cxrview.training.glimpse import FILE_NAME as GLIMPSE_NAME
from cxrview.training.glimpse import read_glimpse
from cxrview.training.publish import id_of
from cxrview.training.range_test import read_range_test
from cxrview.training.recipe import recipe_document
from cxrview.training.status import LOG_NAME, RunState, RunStatus, list_runs, write_job
from cxrview.training.supervise import ALIVE_NAME

POLL_MS = 700
WAIT_S = 0.1
READ_KEY, START_KEY, ESTIMATE_KEY = "wizard runs", "wizard start", "wizard estimate"
RECIPE_NAME = "wizard.toml"


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    runs: tuple[RunStatus, ...]
    learning: Learning | None


@dataclass(frozen=True, slots=True)
class Child:
    """A training that this window started."""

    process: subprocess.Popen[bytes]
    run: Path


class TrainingRuns(QObject):
    """Owns the child processes; the window may close without them."""

    def __init__(self, store: WizardStore, runner: Runner, runs_dir: Path) -> None:
        super().__init__()
        self._store = store
        self._runner = runner
        self._runs_dir = runs_dir
        self._children: list[Child] = []
        self._launching: Path | None = None
        self._is_reading = False
        self._read_key = f"{READ_KEY} {id(self)}"  # another follower's reads must not silence these
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.refresh)

    def open(self) -> None:
        """Begin to follow the runs."""
        self.choose_plan(self._store.state.plan)
        self.refresh()
        self._timer.start()

    def close(self) -> None:
        """Stop following; what trains goes on training."""
        self._timer.stop()
        self._children.clear()

    def refresh(self) -> None:
        """Read what the folders tell, and start what waits when nothing trains."""
        if self._is_reading:
            return
        self._read(self._on_read)

    def _read(self, on_read: Callable[[_Read], None]) -> None:
        self._is_reading = True
        folder, shown, known = self._runs_dir, self._store.state.shown, self._store.state.learning

        def work(_context: Context) -> _Read:
            runs = list_runs(folder)
            return _Read(runs, learning_of(shown_of(runs, shown), known))

        self._runner.start(Lane.DISK, self._read_key, work, on_read, on_failed=self._on_not_read)

    def choose_plan(self, plan: Plan) -> None:
        """Choose how to train; what is wrong with it is told at once."""
        try:
            data_set = self._store.state.data_set
            recipe = base_recipe(replace(plan, changes=())) if data_set is None else compose(data_set, plan)
            told = (recipe_words(recipe), replaced_words(base_recipe(plan)), stage_words(recipe) if data_set is not None else "")
            words = "\n".join(each for each in told if each) if plan.route is Route.RECIPE else ""
            self._store.put(plan=plan, fields=field_rows(recipe), plan_words=words, plan_problem="", preview=None)
            self._store.put(estimate=None, estimate_problem="")
        except CxrError as error:
            self._store.put(plan=plan, plan_problem=str(error), estimate=None)

    def choose_title(self, title: str) -> None:
        """Name what is going to be trained."""
        self._store.put(title=title)

    def estimate(self) -> None:
        """Take twenty steps in a process of its own, and tell what the whole training will take."""
        state = self._store.state
        if state.data_set is None:
            return
        data_set, plan = state.data_set, state.plan
        folder = places().cache_dir / "training" / "estimate"
        self._store.put(estimating=Busy("Taking twenty steps"), estimate=None, estimate_problem="")
        self._runner.start(
            Lane.FILES,
            ESTIMATE_KEY,
            lambda context: _estimated(data_set, plan, folder, context),
            lambda found: self._store.put(estimate=found, estimating=None),
            on_failed=lambda error: self._store.put(estimating=None, estimate_problem=str(error)),
        )

    def start(self) -> None:
        """Put the training into the queue: one run, or one for each fold."""
        state = self._store.state
        if state.data_set is None or state.scan is None or state.listed is None:
            return
        scan, is_multilabel, choices = state.scan, state.listed.is_multilabel, state.data_set.choices
        data_set, plan, title, folder = state.data_set, state.plan, state.title, self._runs_dir

        def work(_context: Context) -> tuple[Path, ...]:
            if choices.folds < 2:
                return (write_run(folder, data_set, plan, title),)
            sets = (build_data_set(scan, replace(choices, fold=fold), is_multilabel=is_multilabel) for fold in range(choices.folds))
            return tuple(write_run(folder, each, plan, f"{title}, fold {number}") for number, each in enumerate(sets, start=1))

        self._runner.start(Lane.DISK, START_KEY, work, self._on_written, on_failed=self._tell)

    def pause(self) -> None:
        """Let the shown run wait after its next step."""
        self._wish(Wish.PAUSE)

    def go_on(self) -> None:
        """Let a paused run go on, or begin again where one was cut off."""
        run = self._store.state.shown_run
        if run is None:
            return
        if run.state.can_resume:
            if self._store.state.busy_run is not None:
                self._store.apply(notice_given, "Another training is under way; this one can go on after it.")
                return
            self._launch(run, resume=True)
        else:
            self._wish(Wish.RUN)

    def stop(self) -> None:
        """Let the shown run end after its next step and keep the best weights so far."""
        self._wish(Wish.STOP)

    def stop_busy(self) -> None:
        """Let the run that trains end after its next step and keep the best weights so far."""
        run = self._store.state.busy_run
        if run is not None:
            self._ask(run.folder, Wish.STOP)

    def remove(self) -> None:
        """Take the shown run out of the queue, or delete it where nothing works on it."""
        run = self._store.state.shown_run
        if run is not None and not run.state.is_busy:
            folder = run.folder
            self._runner.start(Lane.DISK, f"wizard remove {folder}", lambda _context: _remove(folder), lambda _answer: self.refresh())

    def show(self, folder: Path) -> None:
        """Look at another run."""
        self._store.apply(run_shown, folder)

    def follow(self, state: Wizard) -> None:
        """Tell the fields of a plan once there is a data set."""
        if state.page is Page.MODEL and not state.fields and not state.plan_problem:
            self.choose_plan(state.plan)

    @property
    def trainings(self) -> tuple[Child, ...]:
        """The trainings that this window started and that have not ended."""
        return tuple(self._children)

    def _wish(self, wish: Wish) -> None:
        run = self._store.state.shown_run
        if run is not None:
            self._ask(run.folder, wish)

    def _ask(self, folder: Path, wish: Wish) -> None:
        self._runner.start(Lane.DISK, f"wizard wish {folder}", lambda _context: write_wish(folder, wish), lambda _answer: self.refresh())

    def _on_written(self, folders: Sequence[Path]) -> None:
        self._store.apply(run_shown, folders[0])
        self._read(self._on_first_read)

    def _on_first_read(self, read: _Read) -> None:
        self._on_read(read)
        self._store.apply(page_opened, Page.TRAIN)

    def _on_read(self, read: _Read) -> None:
        self._is_reading = False
        self._children = [child for child in self._children if child.process.poll() is None]
        at_work = {child.run for child in self._children}
        told = tuple(replace(run, state=RunState.PREPARING) if run.folder in at_work and _is_idle(run.state) else run for run in read.runs)
        self._store.apply(runs_read, told, read.learning)
        if any(run.state.is_busy for run in told) or at_work or self._launching is not None:
            return
        waiting = next((run for run in told if run.state is RunState.WAITING), None)
        if waiting is not None:
            self._launch(waiting, resume=False)

    def _on_not_read(self, error: CxrError) -> None:
        self._is_reading = False
        self._tell(error)

    def _launch(self, run: RunStatus, *, resume: bool) -> None:
        self._launching = run.folder
        self._runner.start(
            Lane.DISK,
            f"wizard launch {run.folder}",
            lambda _context: launch(run.folder, run.data, run.recipe, resume=resume),
            lambda process: self._on_launched(Child(process, run.folder)),
            on_failed=self._on_not_launched,
        )

    def _on_launched(self, child: Child) -> None:
        self._launching = None
        self._children.append(child)
        self.refresh()

    def _on_not_launched(self, error: CxrError) -> None:
        self._launching = None
        self._tell(error)

    def _tell(self, error: CxrError) -> None:
        self._store.apply(notice_given, str(error))


def learning_of(run: Path | None, known: Learning | None) -> Learning | None:
    """Read what a run shows of itself; what is known already where its files are the same."""
    if run is None:
        return None
    stamp = tuple(_time_of(path) for path in (run / "report" / "range-test.json", run / GLIMPSE_NAME))
    if known is not None and (known.run, known.stamp) == (run, stamp):
        return known
    return Learning(run, stamp, read_range_test(run), read_glimpse(run))


def _time_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def launch(run: Path, data: Path, recipe: Path, *, resume: bool) -> subprocess.Popen[bytes]:
    """Start `cxrview train` as a process of its own, which outlives this one; its output goes to a file in the run folder.

    Raises:
        DataError: it cannot be started.
    """
    words = [*program_command(), "train", str(data), "-o", str(run), "--recipe", str(recipe), *(["--resume"] if resume else [])]
    try:
        EventLog(run / "events.jsonl").write("launched", resumed=resume)
        with (run / LOG_NAME).open("ab") as log:
            process = _detached(words, log.fileno())
        (run / ALIVE_NAME).write_text(str(process.pid), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"The training cannot be started ({error.strerror or error}).", hint="Free some space.", subject=str(run)
        ) from error
    return process


def write_run(runs_dir: Path, data_set: DataSet, plan: Plan, title: str) -> Path:
    """Write the folder of a run that is to be trained: the table, the recipe, and what to start it with.

    `cxrview train RUN/images.csv -o OTHER --recipe RUN/wizard.toml` does the same anywhere.

    Raises:
        DataError: it cannot be written. RecipeError: the recipe is wrong.
    """
    recipe = compose(data_set, plan, title=title)
    base, number = id_of(title), 2
    run = runs_dir / base
    while run.exists():
        run, number = runs_dir / f"{base}-{number}", number + 1
    try:
        run.mkdir(parents=True)
        table = write_table(data_set, run)
        write_text(run / RECIPE_NAME, recipe_document(recipe))
        write_job(run, title=title.strip() or run.name, data=table, recipe=run / RECIPE_NAME)
    except OSError as error:
        raise DataError(f"The run cannot be written ({error.strerror}).", hint="Free some space.", subject=str(run)) from error
    return run


def _detached(words: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    if os.name == "nt":
        flags = int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)) | int(getattr(subprocess, "CREATE_NO_WINDOW", 0))
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, creationflags=flags)
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)


def _is_idle(state: RunState) -> bool:
    return state in (RunState.WAITING, RunState.CUT_OFF, RunState.FAILED)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _estimated(data_set: DataSet, plan: Plan, folder: Path, context: Context) -> Estimate:
    """Run `cxrview train --estimate` and wait for it, asking now and then whether anybody still wants to know."""
    shutil.rmtree(folder, ignore_errors=True)
    table = write_table(data_set, folder)
    write_text(folder / RECIPE_NAME, recipe_document(compose(data_set, plan)))
    words = [*program_command(), "train", str(table), "-o", str(folder), "--recipe", str(folder / RECIPE_NAME), "--estimate"]
    log = folder / LOG_NAME
    with log.open("wb") as stream:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
    try:
        _wait(process, context.check)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    found = read_estimate(folder)
    if process.returncode or found is None:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        raise DataError(lines[-1] if lines else "The trial ended without a word.")
    return found


def _wait(process: subprocess.Popen[bytes], check: Callable[[], None]) -> None:
    while process.poll() is None:
        check()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            continue
