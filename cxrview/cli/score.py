"""`cxrview score`: every image of some folders through one model, into a table."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_model_options, add_quiet_option, chosen_package, engine_wish, positive_number
from cxrview.cli.terminal import progress, tell
from cxrview.core.errors import NothingToDo
from cxrview.io.settings import load_settings

if TYPE_CHECKING:
    from cxrview.batch.row import ScoreRow
    from cxrview.batch.score import ScoreJob
    from cxrview.batch.tables import StandardOutput, Table
    from cxrview.engine.choose import Choice
    from cxrview.engine.packages import Package
    from cxrview.io.read import Found

BATCH_ON_CUDA = 16
DETAILS = """\
PATH is a file, a folder (with everything below it), a ZIP archive or a DICOMDIR. Every picture and every DICOM file met becomes
a row; one that cannot be read is a row that says why. Without -o the table goes to standard output as CSV.
The columns are described in docs/columns.md.

exit code: 0 every row is ok, 1 some rows are errors, 2 wrong usage, 3 nothing could be done
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders, archives")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the table: .csv, .parquet or .jsonl")
    add_model_options(parser)
    parser.add_argument("--batch-size", type=positive_number, metavar="N", help=f"images in one run (default: 1, on CUDA {BATCH_ON_CUDA})")
    parser.add_argument("--workers", type=positive_number, metavar="N", help="threads that read and score (default: one for each core)")
    parser.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="draw the heatmaps of positive labels, else of the top one, as PNG into DIR"
    )
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.batch.tables import check_target
    from cxrview.engine.choose import open_predictor

    if arguments.output:
        check_target(arguments.output)
    if not any(path.exists() for path in arguments.paths):
        raise NothingToDo(f"there is no {', '.join(map(str, arguments.paths))}.", hint="Name files or folders that exist.")
    settings = load_settings()
    package = chosen_package(arguments.model, settings)
    found = _find(arguments.paths)
    wish = engine_wish(arguments, settings)
    workers = arguments.workers or _cores()
    threads = wish.threads or (1 if workers > 1 else 0)
    choice = open_predictor(package, engine=wish.engine, device=wish.device, threads=threads, workers=workers)
    try:
        return _score(arguments, package, found, choice, workers)
    finally:
        choice.predictor.close()


def _find(paths: list[Path]) -> Found:
    from dataclasses import replace

    from cxrview.batch.outputs import without_outputs
    from cxrview.io.read import find_images

    found = find_images(paths)
    refs = without_outputs(found.refs)
    if not refs and not found.problems:
        raise NothingToDo(
            f"no image was found in {', '.join(map(str, paths))}.", hint=f"{len(found.refs) + found.others} other files were met."
        )
    return replace(found, refs=refs, others=found.others + len(found.refs) - len(refs))


def _score(arguments: argparse.Namespace, package: Package, found: Found, choice: Choice, workers: int) -> int:
    from cxrview.batch.overlays import OverlayFolder
    from cxrview.batch.score import ScoreJob
    from cxrview.batch.summary import Tally, counted, summary_lines

    if not arguments.quiet:
        tell(f"{package.manifest.title} {package.manifest.version} ({package.manifest.id}). {choice.reasons[-1]}")
    is_cuda = choice.predictor.device.startswith("cuda")
    job = ScoreJob(
        package=package,
        predictor=choice.predictor,
        workers=workers,
        batch_size=arguments.batch_size or (BATCH_ON_CUDA if is_cuda else 1),
        overlays=OverlayFolder(arguments.heatmaps, tuple(arguments.paths)) if arguments.heatmaps else None,
    )
    labels = tuple(label.id for label in package.manifest.labels)
    tally = Tally()
    total = len(found.refs) + len(found.problems)
    try:
        with _output(arguments.output, labels) as output, progress(total, "scored", is_quiet=arguments.quiet) as advance:
            for rows in _all_rows(found, job):
                for row in rows:
                    output.write(row)
                tally.add(rows)
                advance(len({row.path for row in rows}))
    except KeyboardInterrupt:
        tell(f"interrupted after {counted(tally.summary(others=0).total, 'row')}{_where_rows_are(arguments.output)}")
        return ExitCode.INTERRUPTED
    summary = tally.summary(others=found.others)
    if not arguments.quiet:
        for line in summary_lines(summary):
            tell(line)
    return ExitCode.SOME_ERRORS if summary.errors else ExitCode.OK


def _all_rows(found: Found, job: ScoreJob) -> Iterator[tuple[ScoreRow, ...]]:
    """Give the rows of the files, then those of what could not even be opened to look for files."""
    import cv2

    from cxrview.batch.row import error_row, name_of
    from cxrview.batch.score import score_images
    from cxrview.core.image import ImageRef

    if job.workers > 1:
        cv2.setNumThreads(1)  # the workers share the cores already
    with closing(score_images(found.refs, job)) as pieces:
        yield from pieces
    model = name_of(job.package.manifest, job.package.sha256)
    for problem in found.problems:
        yield (error_row(ImageRef(problem.path), problem.reason, model),)


def _output(target: Path | None, labels: tuple[str, ...]) -> Table | StandardOutput:
    from cxrview.batch.tables import StandardOutput, Table

    return Table(target, labels) if target else StandardOutput(labels)


def _where_rows_are(target: Path | None) -> str:
    from cxrview.batch.tables import partial_name

    return f"; they are in {partial_name(target)}" if target else ""


def _cores() -> int:
    """Count the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


COMMAND = Command("score", "score images and folders with a model, into a table", _add_arguments, _run, DETAILS)
