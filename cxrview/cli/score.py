"""`cxrview score`: every image of some folders through one model, into a table."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_model_options, add_quiet_option, chosen_package, engine_wish, positive_number
from cxrview.cli.terminal import answer, progress, tell
from cxrview.core.errors import NothingToDo, UsageError
from cxrview.io.settings import load_settings

if TYPE_CHECKING:
    from cxrview.batch.compare import Truths
    from cxrview.batch.outcome import Outcome
    from cxrview.batch.plan import Plan
    from cxrview.batch.run import Batch, Request, Step
    from cxrview.batch.summary import Tally
    from cxrview.engine.packages import Package

LARGEST_PARTIAL_TABLE = 200_000
DETAILS = """\
PATH is a file, a folder (with everything below it), a ZIP archive or a DICOMDIR. Every picture and every DICOM file met becomes
a row; one that cannot be read is a row that says why. Without -o the table goes to standard output as CSV. What is done is kept:
after Ctrl+C, a crash or a power cut the same command goes on where it was.
The columns are described in docs/columns.md, all of this in docs/batch.md.

exit code: 0 every row is ok, 1 some rows are errors, 2 wrong usage, 3 nothing could be done, 130 interrupted
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files, folders, archives")
    parser.add_argument(
        "--list", dest="list_file", default="", metavar="FILE", help="take paths from a file, one on each line; - for stdin"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the table: .csv, .parquet or .jsonl")
    add_model_options(parser)
    parser.add_argument("--batch-size", type=positive_number, default=0, metavar="N", help="images in one run (default: 1, on CUDA 16)")
    parser.add_argument(
        "--workers", type=positive_number, default=0, metavar="N", help="threads that read and score (default: one for each core)"
    )
    parser.add_argument("--time-limit", type=positive_number, default=0, metavar="SECONDS", help="give a file up after this (default: 120)")
    parser.add_argument("--no-lungs", action="store_true", help="do not look for the lungs: faster, and heat_in_lungs stays empty")
    parser.add_argument("--no-resume", action="store_true", help="begin anew, whatever an unfinished run has done")
    parser.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="draw the heatmaps of positive labels, else of the top one, as PNG into DIR"
    )
    parser.add_argument("--heatmap-files", choices=("png", "npz", "both"), default="png", help="pictures, the raw maps, or both")
    parser.add_argument("--bench", action="store_true", help="measure how fast this machine scores, on phantoms; needs no PATH")
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help="score on a Ray cluster; local starts one here for trial")
    parser.add_argument("--watch", action="store_true", help="PATHs are folders: score what arrives in them until Ctrl+C")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="a page for people: counts, distributions, pictures, reasons")
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="compare with labels: AUROC, sensitivity, specificity, calibration, kappa"
    )
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.batch.run import Batch
    from cxrview.batch.tables import check_target

    if arguments.output:
        check_target(arguments.output)
    if arguments.bench:
        return _bench(arguments)
    _check_inputs(arguments)
    _check_outputs(arguments)
    package = chosen_package(arguments.model, load_settings())
    truths = _truths(arguments, package)  # what is wrong with them is told before hours of work
    request = _request(arguments, package)
    if arguments.cluster:
        return _score_on_cluster(arguments, request, package, truths)
    with Batch(request, package) as batch:
        if request.is_watching:
            return _watch(arguments, batch)
        return _score(arguments, batch, truths)


def _truths(arguments: argparse.Namespace, package: Package) -> Truths | None:
    from cxrview.batch.compare import read_truths

    return read_truths(arguments.labels, [label.id for label in package.manifest.labels]) if arguments.labels else None


def _bench(arguments: argparse.Namespace) -> int:
    from cxrview.batch.bench import bench

    package = chosen_package(arguments.model, load_settings())
    for line in bench(package, _plan(arguments, package)):
        answer(f"{line.name:34} {line.value:>16}   {line.beside}".rstrip())
        sys.stdout.flush()  # measuring takes minutes; each figure is shown when it is known
    return ExitCode.OK


def _check_inputs(arguments: argparse.Namespace) -> None:
    if arguments.watch:
        _check_watching(arguments)
        return
    if not arguments.paths and not arguments.list_file:
        raise UsageError("score: name at least one PATH, or a --list of them.", hint="See `cxrview score --help`.")
    if arguments.paths and not arguments.list_file and not any(path.exists() for path in arguments.paths):
        raise NothingToDo(f"there is no {', '.join(map(str, arguments.paths))}.", hint="Name files or folders that exist.")


def _check_watching(arguments: argparse.Namespace) -> None:
    if not arguments.output:
        raise UsageError("score: --watch needs a table.", hint="Name it with -o.")
    if arguments.cluster:
        raise UsageError("score: --watch goes on one machine, not with --cluster.", hint="Watch without it, or score the folder again.")
    if arguments.list_file or arguments.report or arguments.labels:
        raise UsageError("score: --watch goes with neither --list, --report nor --labels.", hint="Run them over the folder afterwards.")
    strangers = [path for path in arguments.paths if not path.is_dir()]
    if strangers or not arguments.paths:
        raise NothingToDo(f"{strangers[0] if strangers else 'nothing'} is no folder to watch.", hint="Name folders that exist.")


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Look whether what is to be written beside the table can be, before hours of work."""
    from cxrview.batch.outputs import check_folder

    if arguments.report:
        if arguments.report.is_dir():
            raise UsageError(f"'{arguments.report}' is a folder.", hint="Name a file for the report.")
        check_folder(arguments.report.parent)
    if arguments.heatmaps:
        check_folder(arguments.heatmaps)


def _request(arguments: argparse.Namespace, package: Package) -> Request:
    from cxrview.batch.run import Request

    return Request(
        inputs=tuple(arguments.paths),
        plan=_plan(arguments, package),
        output=arguments.output,
        list_file=arguments.list_file,
        is_resuming=not arguments.no_resume,
        is_watching=arguments.watch,
    )


def _plan(arguments: argparse.Namespace, package: Package) -> Plan:
    from cxrview.batch.plan import TIME_LIMIT_S, HeatmapFiles, Pictures, Plan

    wish = engine_wish(arguments, load_settings())
    return Plan(
        model=str(package.folder),
        engine=wish.engine,
        device=wish.device,
        threads=wish.threads,
        workers=arguments.workers,
        batch_size=arguments.batch_size,
        inputs=tuple(map(str, arguments.paths)),
        heatmaps=str(arguments.heatmaps or ""),
        heatmap_files=HeatmapFiles(arguments.heatmap_files),
        pictures=Pictures.STRONGEST if arguments.heatmaps else Pictures.NONE,
        has_lungs=not arguments.no_lungs,
        time_limit_s=float(arguments.time_limit or TIME_LIMIT_S),
    )


def _score(arguments: argparse.Namespace, batch: Batch, truths: Truths | None) -> int:
    from cxrview.batch.summary import Tally, summary_lines

    is_quiet = arguments.quiet
    say: Callable[[str], None] = (lambda _: None) if is_quiet else tell
    tally = Tally()
    try:
        counts = batch.list_files(lambda count: say(f"listing: {count} so far") if count % 100_000 == 0 else None)
        manifest = batch.package.manifest
        say(f"{manifest.title} {manifest.version} ({manifest.id}). {batch.ready.reasons[-1]}")
        if counts.done:
            say(f"going on after {counts.done} of {counts.files} files (--no-resume begins anew)")
            for row in batch.rows():
                tally.add((row,))
        _score_all(batch, tally, is_quiet=is_quiet)
        _write_beside(arguments, batch.outcome(), truths, say)
        counts = batch.finish(("score", *sys.argv[2:]))
    except KeyboardInterrupt:
        return _interrupted(batch)
    summary = tally.summary(others=counts.others)
    for line in summary_lines(summary):
        say(line)
    return ExitCode.SOME_ERRORS if summary.errors else ExitCode.OK


def _write_beside(arguments: argparse.Namespace, outcome: Outcome, truths: Truths | None, say: Callable[[str], None]) -> None:
    """Write what is wanted besides the table: contact sheets, the comparison with labels, the report."""
    from cxrview.batch.compare import compare, comparison_lines
    from cxrview.batch.report import write_report
    from cxrview.batch.sheet import write_sheets
    from cxrview.batch.summary import counted
    from cxrview.batch.tiles import tiles_of

    if arguments.heatmaps:
        sheets = write_sheets(arguments.heatmaps, tiles_of(outcome))
        say(f"{counted(len(sheets), 'contact sheet')} in {arguments.heatmaps}")
    comparison = None if truths is None else compare(outcome.rows(), truths, outcome.package.manifest)
    for line in () if comparison is None else comparison_lines(comparison):
        say(line)
    if arguments.report:
        write_report(arguments.report, outcome, comparison)
        say(f"report: {arguments.report}")


def _score_all(batch: Batch, tally: Tally, *, is_quiet: bool) -> None:
    counts = batch.journal.counts()
    show = _Show(batch)
    with progress(counts.files, "scored", is_quiet=is_quiet, done=counts.done) as advance:
        before = counts.done
        for step in batch.steps():
            tally.add(step.rows)
            show.take(step)
            advance(step.done - before)
            before = step.done


def _watch(arguments: argparse.Namespace, batch: Batch) -> int:
    """Score what arrives until Ctrl+C; the journal stays, so that the same command goes on."""
    from cxrview.batch.summary import Tally, summary_lines
    from cxrview.batch.watch import watch

    say: Callable[[str], None] = (lambda _: None) if arguments.quiet else tell
    tally = Tally()
    asked = threading.Event()
    try:
        for row in batch.rows():
            tally.add((row,))
        manifest = batch.package.manifest
        say(f"{manifest.title} {manifest.version} ({manifest.id}). {batch.ready.reasons[-1]}")
        say(f"watching {', '.join(map(str, arguments.paths))}; Ctrl+C ends")
        for step in watch(batch, asked.wait, command=("score", *sys.argv[2:])):
            tally.add(step.rows)
            for row in step.rows:
                say(f"{row.path}: {row.top_label or row.error}")
    except KeyboardInterrupt:
        if batch.journal.counts().rows:
            batch.write_table(arguments.output)
            batch.write_record(arguments.output, ("score", *sys.argv[2:]))
            _write_beside(arguments, batch.outcome(), None, say)
    summary = tally.summary(others=0)
    for line in summary_lines(summary):
        say(line)
    return ExitCode.SOME_ERRORS if summary.errors else ExitCode.OK


def _score_on_cluster(arguments: argparse.Namespace, request: Request, package: Package, truths: Truths | None) -> int:
    import time

    from cxrview.batch.ray import ClusterBatch
    from cxrview.batch.summary import counted, summary_lines

    say: Callable[[str], None] = (lambda _: None) if arguments.quiet else tell
    begun = time.monotonic()
    with ClusterBatch(request, package, arguments.cluster) as batch:
        try:
            counts = batch.list_files()
            left = batch.left()
            say(f"{counted(counts.files, 'file')} in {counted(batch.parts, 'part')}, {len(left)} left")
            with progress(batch.parts, "parts", is_quiet=arguments.quiet, done=batch.parts - len(left)) as advance:
                for _ in batch.steps():
                    advance(1)
            _write_beside(arguments, batch.outcome(), truths, say)
            counts = batch.finish(("score", *sys.argv[2:]), time.monotonic() - begun)
        except KeyboardInterrupt:
            tell("interrupted; the parts that are done are kept, and the same command goes on with the others")
            return ExitCode.INTERRUPTED
    summary = batch.tally.summary(others=counts.others)
    for line in summary_lines(summary):
        say(line)
    return ExitCode.SOME_ERRORS if summary.errors else ExitCode.OK


class _Show:
    """Rows on standard output as they come, where no file was named."""

    def __init__(self, batch: Batch) -> None:
        from cxrview.batch.tables import StandardOutput

        self._output = StandardOutput(batch.labels) if batch.request.output is None else None

    def take(self, step: Step) -> None:
        if self._output is not None:
            for row in step.rows:
                self._output.write(row)
            self._output.flush()


def _interrupted(batch: Batch) -> int:
    """Say what is kept and how to go on."""
    counts = batch.journal.counts()
    output = batch.request.output
    if output is None:
        tell(f"interrupted after {counts.done} of {counts.files} files")
        return ExitCode.INTERRUPTED
    text = f"interrupted after {counts.done} of {counts.files} files; the same command goes on from there"
    if 0 < counts.rows <= LARGEST_PARTIAL_TABLE:
        text += f". The rows so far are in {batch.write_partial(output)}"
    tell(text)
    return ExitCode.INTERRUPTED


COMMAND = Command("score", "score images and folders with a model, into a table", _add_arguments, _run, DETAILS)
