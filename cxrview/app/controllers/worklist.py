"""Fills the worklist from a table or from a batch that runs beside it, and keeps what the person says of the cases."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cxrview.app.cases import Case, Cases, case_of
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.app.worklist import (
    Readings,
    Running,
    Worklist,
    cases_came,
    cases_opened,
    current_case,
    is_veiled,
    next_unread,
    notice_given,
    opinion_given,
    run_advanced,
)
from cxrview.app.worklist_store import WorklistStore
from cxrview.batch.outputs import check_folder
from cxrview.batch.plan import Plan
from cxrview.batch.readings import Call, Opinion, append_opinion, export_readings, load_opinions, readings_path
from cxrview.batch.report import write_report
from cxrview.batch.row import Status
from cxrview.batch.run import Batch, Request
from cxrview.batch.summary import counted
from cxrview.batch.table_outcome import outcome_of
from cxrview.batch.table_read import Places, open_table
from cxrview.core.errors import CxrError, DataError
from cxrview.engine.packages import find_package, installed_packages

OPEN_KEY, RUN_KEY, SAY_KEY, EXPORT_KEY, REPORT_KEY = "open table", "run batch", "note opinion", "export readings", "write report"
# New cases are sorted in with all the others: not more often than this, and less often the more there are.
SECONDS_BETWEEN = 2.0
ROWS_BETWEEN = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A table as it was read."""

    cases: Cases
    opinions: Mapping[str, tuple[Opinion, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Progress:
    """What a batch has to tell."""

    running: Running
    cases: tuple[Case, ...] = ()
    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """Which model scores, on what."""

    id: str
    engine: str
    device: str


class WorklistWork:
    """Work behind the worklist: lanes for what takes time, the disk for what was said."""

    def __init__(
        self, store: WorklistStore, runner: Runner, *, clock: Callable[[], float] = time.monotonic, command: tuple[str, ...] = ()
    ) -> None:
        """Take time from `clock`, in seconds; `command` starts the process that scores, empty for this program."""
        self._store = store
        self._runner = runner
        self._clock = clock
        self._command = command
        self._chosen_at = clock()
        self._chosen = ""
        store.changed.connect(self.follow)

    def follow(self, state: Worklist) -> None:
        """Start the time of a case when it is chosen."""
        case = current_case(state)
        key = case.key if case is not None else ""
        if key != self._chosen:
            self._chosen, self._chosen_at = key, self._clock()

    def open_table(self, path: Path) -> None:
        """Show the cases of a table."""
        if self._store.state.running is not None:
            self._store.apply(notice_given, "Scoring is under way: stop it first, or wait for its end.")
            return
        self._store.apply(notice_given, f"Reading {path.name}…")
        self._runner.start(
            Lane.DISK,
            OPEN_KEY,
            lambda context: _read(path, context),
            lambda opened: self._on_opened(path, opened),
            on_failed=self._on_trouble,
            on_progress=lambda rows: self._store.apply(notice_given, f"Reading {path.name}: {rows:,} rows so far"),
        )

    def run(self, inputs: tuple[Path, ...], output: Path, model: Model) -> None:
        """Score folders into a table; what an unfinished run of the same kind has done is taken over."""
        if self._store.state.running is not None:
            self._store.apply(notice_given, "Scoring is under way already.")
            return
        try:
            opinions = load_opinions(readings_path(output))
        except DataError as error:
            self._on_trouble(error)
            return
        self._store.apply(run_advanced, Running(text="Opening the model…"))
        self._store.apply(cases_opened, output, Cases(), Readings(opinions))
        self._runner.start(
            Lane.BATCH,
            RUN_KEY,
            lambda context: _score(inputs, output, model, self._command, context),
            self._on_finished,
            on_failed=self._on_failed,
            on_progress=self._on_progress,
        )

    def cancel(self) -> None:
        """Stop the scoring; what is done is kept, and the same again goes on."""
        self._runner.cancel(RUN_KEY)
        self._store.apply(run_advanced, None, "Stopped. What is done is kept: scoring the same folder into the same table goes on.")

    def say(self, call: Call, note: str) -> None:
        """Take what the person says of the chosen case, and go on to the next; after a blind word stay, and show the network's."""
        state = self._store.state
        case = current_case(state)
        if case is None or state.source is None:
            return
        was_veiled = is_veiled(state, case)
        opinion = Opinion(
            call=call,
            is_blind=was_veiled,
            model_call=str(case.model_call or ""),
            note=note.strip(),
            seconds=self._clock() - self._chosen_at,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        path = readings_path(state.source)
        self._store.apply(opinion_given, case.key, opinion)
        self._runner.start(
            Lane.DISK,
            f"{SAY_KEY} {case.key} {opinion.at} {opinion.seconds}",
            lambda _context: append_opinion(path, case.key, opinion),
            lambda _answer: None,
            on_failed=self._on_trouble,
        )
        if not was_veiled:
            self._store.apply(next_unread)

    def agree(self, note: str) -> None:
        """Say what the network says."""
        self._say_about_network(note, is_agreeing=True)

    def disagree(self, note: str) -> None:
        """Say the other."""
        self._say_about_network(note, is_agreeing=False)

    def _say_about_network(self, note: str, *, is_agreeing: bool) -> None:
        case = current_case(self._store.state)
        if case is None or case.model_call is None or is_veiled(self._store.state, case):
            return
        other = Call.NO_FINDING if case.model_call is Call.FINDING else Call.FINDING
        self.say(case.model_call if is_agreeing else other, note)

    def export(self, target: Path) -> None:
        """Write the readings as a table."""
        state = self._store.state
        opinions, order = state.readings.by_key, [case.key for case in state.cases.all]
        self._runner.start(
            Lane.DISK,
            EXPORT_KEY,
            lambda _context: export_readings(target, opinions, order),
            lambda count: self._store.apply(notice_given, f"{count:,} {'reading' if count == 1 else 'readings'} in {target.name}."),
            on_failed=self._on_trouble,
        )

    def report(self, target: Path) -> None:
        """Write the table's report as a page; its few pictures are scored once more."""
        source = self._store.state.source
        if source is None:
            return
        self._store.apply(notice_given, f"Writing {target.name}…")
        self._runner.start(
            Lane.BATCH,
            REPORT_KEY,
            lambda _context: _report(source, target, self._command),
            lambda _answer: self._store.apply(notice_given, f"The report is in {target.name}."),
            on_failed=self._on_trouble,
        )

    def _on_opened(self, path: Path, opened: _Opened) -> None:
        self._store.apply(cases_opened, path, opened.cases, Readings(opened.opinions))

    def _on_progress(self, progress: object) -> None:
        assert isinstance(progress, _Progress)
        if progress.labels and not self._store.state.cases.labels:
            state = self._store.state
            self._store.apply(cases_opened, state.source, Cases(progress.labels, (), progress.names, progress.model), state.readings)
        self._store.apply(cases_came, progress.cases)
        self._store.apply(run_advanced, progress.running)

    def _on_finished(self, text: str) -> None:
        self._store.apply(run_advanced, None, text)

    def _on_trouble(self, error: CxrError) -> None:
        """Tell of something that has nothing to do with the scoring, which may go on meanwhile."""
        self._store.apply(notice_given, str(error))

    def _on_failed(self, error: CxrError) -> None:
        self._store.apply(run_advanced, None, str(error))


def _report(source: Path, target: Path, command: tuple[str, ...]) -> None:
    check_folder(target.parent)
    write_report(target, outcome_of(source), command=command)


def _read(path: Path, context: Context) -> _Opened:
    table = open_table(path)
    places = Places(path)
    cases, model, version = [], "", ""
    for number, row in enumerate(table.rows()):
        if number % 1000 == 0:
            context.check()
        if number and number % ROWS_BETWEEN == 0:
            context.report(number)
        where = places.of(row.path)
        cases.append(case_of(row, table.labels, where.path, where.member))
        model, version = row.model.id, row.model.version
    found = Cases(table.labels, tuple(cases), _names(model, table.labels), f"{model} {version}".strip())
    return _Opened(found, load_opinions(readings_path(path)))


def _names(model: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Give the labels' names where the model is installed; none where it is not."""
    manifests = [package.manifest for package in installed_packages() if package.manifest.id == model]
    found = [manifest.labels for manifest in manifests if tuple(label.id for label in manifest.labels) == labels]
    return tuple(label.name for label in found[0]) if found else ()


def _score(inputs: tuple[Path, ...], output: Path, model: Model, command: tuple[str, ...], context: Context) -> str:
    """Run a batch as the command line does; the work itself is done by a process of its own."""
    package = find_package(model.id)
    plan = Plan(model=str(package.folder), engine=model.engine, device=model.device, inputs=tuple(map(str, inputs)))
    with Batch(Request(inputs, plan, output), package, command=command) as batch:
        counts = batch.list_files(lambda count: context.report(_Progress(Running(text=f"Looking for images: {count:,}"))))
        places, names = Places(output), tuple(label.name for label in package.manifest.labels)
        scored_by = f"{package.manifest.id} {package.manifest.version}"
        waiting: list[Case] = []
        told_at, pause = time.monotonic(), SECONDS_BETWEEN
        if counts.done:
            for row in batch.rows():
                where = places.of(row.path)
                waiting.append(case_of(row, batch.labels, where.path, where.member))
        context.report(_Progress(Running(counts.done, counts.files, "Opening the model…"), tuple(waiting), batch.labels, names, scored_by))
        waiting = []
        begun, done_before = 0.0, 0
        for step in batch.steps():
            context.check()
            if step.rows and not begun:  # opening the model says nothing of how fast it will go
                begun, done_before = time.monotonic(), step.done
            for row in step.rows:
                where = places.of(row.path)
                waiting.append(case_of(row, batch.labels, where.path, where.member))
            if time.monotonic() - told_at >= pause:
                rate = (step.done - done_before) / (time.monotonic() - begun) if begun else 0.0
                context.report(_Progress(Running(step.done, step.files, "" if begun else "Opening the model…", rate), tuple(waiting)))
                waiting, told_at, pause = [], time.monotonic(), SECONDS_BETWEEN * (1 + step.done / 20_000)
        context.report(_Progress(Running(counts.files, counts.files), tuple(waiting)))
        statuses = batch.statuses()
        batch.finish(("window",))
    scored, errors = statuses.get(Status.OK, 0), statuses.get(Status.ERROR, 0)
    others = f", {errors:,} could not be" if errors else ""
    return f"{counted(scored, 'image')} scored{others}. All are in {output.name}."
