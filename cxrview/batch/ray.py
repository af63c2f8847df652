"""The same batch on many machines: Ray Data hands the parts to actors that hold the model. The only file that knows Ray."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cxrview.batch.journal import Counts, NumberedRow
from cxrview.batch.outcome import Outcome
from cxrview.batch.parts import Part, part_size, parts_folder, pictures_of_parts, rows_of_parts, score_part, write_parts
from cxrview.batch.plan import Plan, plan_from_json, plan_to_json
from cxrview.batch.row import ModelName, cells, columns, error_row, name_of, row_of
from cxrview.batch.run import Request, list_into, open_journal, record_path
from cxrview.batch.run_record import run_record
from cxrview.batch.summary import Tally
from cxrview.batch.supervisor import Ready, Supervisor
from cxrview.batch.tables import Table
from cxrview.core.errors import BatchStopped, EngineUnavailable, UsageError
from cxrview.engine.packages import Package, find_package
from cxrview.io.atomic import write_text

LOCAL: Final = "local"
LOG_VARIABLE: Final = "CXRVIEW_LOG"
TRIES: Final = 3
"""How often a part is given to another actor when the machine that had it is gone."""


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part that is complete, and what scored it."""

    number: int
    rows: int
    ready: Ready


class Scorer:
    """One actor: holds the model, in the same process of its own that a batch on one machine has."""

    def __init__(self, plan: str, folder: str) -> None:
        """Open the model; `plan` as JSON, `folder` of the parts as every machine sees it."""
        read = plan_from_json(plan)
        package = find_package(read.model)
        self._labels = tuple(label.id for label in package.manifest.labels)
        self._folder = Path(folder)
        self._supervisor = Supervisor(read, name_of(package.manifest, package.sha256), self._labels)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:  # Any: columns of Ray Data
        """Score one or more parts."""
        done = [(int(number), self._score(Part(int(number), self._folder))) for number in batch["part"]]
        ready = self._supervisor.ready()
        return {
            "part": [number for number, _ in done],
            "rows": [rows for _, rows in done],
            "engine": [ready.engine] * len(done),
            "device": [ready.device] * len(done),
            "reason": [ready.reasons[-1]] * len(done),
            "workers": [ready.workers] * len(done),
            "batch_size": [ready.batch_size] * len(done),
            "has_lungs": [ready.has_lungs] * len(done),
        }

    def _score(self, part: Part) -> int:
        return score_part(part, self._supervisor, self._labels)

    def __del__(self) -> None:
        """End the process with the actor."""
        supervisor = getattr(self, "_supervisor", None)
        if supervisor is not None:
            supervisor.close()


class ClusterBatch:
    """A batch on a cluster, from the list of files to the table; use it as a context."""

    def __init__(self, request: Request, package: Package, address: str) -> None:
        """List the files, and join the cluster.

        Raises:
            UsageError: no table was named, or an unfinished run of another request has it.
            EngineUnavailable: Ray is not installed.
            BatchStopped: the cluster cannot be reached.
        """
        if request.output is None:
            raise UsageError("score: --cluster needs a table.", hint="Name it with -o, in a folder that every machine sees.")
        self.request, self.package = request, package
        self.model: ModelName = name_of(package.manifest, package.sha256)
        self.labels = tuple(label.id for label in package.manifest.labels)
        self._output = request.output
        self._folder = parts_folder(request.output.absolute())
        self._ready: Ready | None = None
        self.tally = Tally()
        self._ray = _ray()
        if not request.is_resuming:
            shutil.rmtree(self._folder, ignore_errors=True)
        self.journal = open_journal(request, self.model)
        _join(self._ray, address)

    def __enter__(self) -> ClusterBatch:
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster; parts that are done stay."""
        self._ray.shutdown()
        self.journal.close()

    def list_files(self) -> Counts:
        """Find the files and write the lists of the parts, unless an earlier run did."""
        counts = list_into(self.journal, self.request)
        if not self.journal.fact("parts"):
            self.journal.note("parts", str(write_parts(self._folder, self.journal.tasks(), size=part_size(counts.files))))
        return counts

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return int(self.journal.fact("parts"))

    def left(self) -> list[int]:
        """Say which parts are to be done."""
        return [number for number in range(self.parts) if not Part(number, self._folder).is_done]

    def steps(self) -> Iterator[PartDone]:
        """Score what is left; gives each part when it is on the disk.

        Raises:
            BatchStopped: the cluster gave up.
        """
        left = self.left()
        if not left:
            return
        actors = _actors(self._ray, self.request.plan)
        plan = replace(self.request.plan, model=str(Path(self.request.plan.model).absolute()), workers=actors.threads)
        parts = self._ray.data.from_items([{"part": number} for number in left], override_num_blocks=len(left))
        with warnings.catch_warnings():
            # Ray 2.64 takes these two numbers no longer, and then tries for ever; the extra asks for an older one.
            warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
            scored = parts.map_batches(
                Scorer,
                fn_constructor_args=(plan_to_json(plan), str(self._folder)),
                batch_size=1,
                compute=self._ray.data.ActorPoolStrategy(min_size=1, max_size=min(actors.most, len(left))),
                num_cpus=actors.cpus,
                num_gpus=actors.gpus,
                max_restarts=TRIES,
                max_task_retries=TRIES,
            )
        try:
            for row in scored.iter_rows():
                yield self._done(row)
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()
            raise BatchStopped(
                f"the cluster gave up: {first[-1] if first else type(error).__name__}",
                hint="Run the same command: it goes on with the parts that are left.",
            ) from error

    def outcome(self) -> Outcome:
        """Give what reports and contact sheets are made of, when all parts are done."""
        return Outcome(
            package=self.package,
            plan=self.request.plan,
            ready=self._last_ready(),
            counts=self.journal.counts(),
            numbered_rows=self._numbered_rows,
            task_of=self.journal.task_of,
            pictures=lambda: pictures_of_parts(self._folder, self.parts),
        )

    def finish(self, command: tuple[str, ...], seconds: float) -> Counts:
        """Put the parts together to the table, write the record, and remove what is not needed any more."""
        names = columns(self.labels)
        with Table(self._output, self.labels) as table:
            for numbered in self._numbered_rows():
                found = dict(zip(names, numbered.cells, strict=True))
                table.write_cells(found)
                self.tally.add((row_of(found, self.labels),))
        counts = replace(self.journal.counts(), rows=table.rows)
        summary = self.tally.summary(others=counts.others)
        statuses = {"ok": summary.scored, "error": summary.errors}
        record = run_record(command, self.package, self._last_ready(), counts, statuses, seconds)
        write_text(record_path(self._output), record, errors="backslashreplace")
        self.journal.delete()
        shutil.rmtree(self._folder)
        return counts

    def _numbered_rows(self) -> Iterator[NumberedRow]:
        """Give the rows of the parts, then those of what could not even be looked into."""
        yield from rows_of_parts(self._folder, self.parts)
        for task, reason in self.journal.problems():
            yield NumberedRow(task.number, 0, tuple(cells(error_row(task.ref, reason, self.model), self.labels).values()))

    def _done(self, row: dict[str, Any]) -> PartDone:  # Any: columns of Ray Data
        ready = Ready(row["engine"], row["device"], (row["reason"],), row["workers"], row["batch_size"], has_lungs=bool(row["has_lungs"]))
        if self._ready is None:
            self.journal.note("ready", json.dumps(asdict(ready)))
        self._ready = ready
        return PartDone(int(row["part"]), int(row["rows"]), ready)

    def _last_ready(self) -> Ready:
        """Say what scored, in this run or in the last that scored anything."""
        if self._ready is not None:
            return self._ready
        noted = json.loads(self.journal.fact("ready") or "{}")
        return Ready(**{**noted, "reasons": tuple(noted["reasons"])}) if noted else Ready("", "", (), 0, 0, has_lungs=False)


@dataclass(frozen=True, slots=True)
class _Actors:
    """How many actors there may be, and what each takes."""

    most: int
    cpus: int
    gpus: int
    threads: int


def _actors(ray: Any, plan: Plan) -> _Actors:  # Any: Ray comes without types that hold
    """One actor for each GPU where there are some, else for each core."""
    have = ray.cluster_resources()
    gpus = 0 if plan.device == "cpu" else int(have.get("GPU", 0))
    cpus = max(1, int(have.get("CPU", 1)))
    if gpus:
        threads = max(1, min(cpus // gpus, 16))
        return _Actors(gpus, threads, 1, plan.workers or threads)
    threads = plan.workers or 1
    return _Actors(max(1, cpus // threads), threads, 0, threads)


def _ray() -> Any:  # Any: Ray comes without types that hold
    """Load Ray, told beforehand to send nothing to its makers."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    if not os.environ.get(LOG_VARIABLE):
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EngineUnavailable("Ray is not installed.", hint="Install it: pip install 'cxrview[cluster]'.") from error
    return ray


@contextmanager
def _own_error_stream() -> Iterator[None]:
    """Keep from people what Ray's libraries write past Python while they start; errors are raised all the same."""
    if os.environ.get(LOG_VARIABLE):
        yield
        return
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _join(ray: Any, address: str) -> None:  # Any: Ray comes without types that hold
    try:
        with _own_error_stream():
            ray.init(address=address, include_dashboard=False if address == LOCAL else None, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise BatchStopped(
            "the cluster cannot be reached.", hint=str(error).strip().splitlines()[0] if str(error) else "", subject=address
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    if not os.environ.get(LOG_VARIABLE):  # it tells people of plans and streams that they never asked for
        for handler in logging.getLogger("ray.data").handlers:
            handler.setLevel(logging.CRITICAL)
