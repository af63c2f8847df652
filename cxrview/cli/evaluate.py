"""`cxrview evaluate`: a model package on labelled images, measured inside each source, audited, and judged in plain words."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option, positive_number
from cxrview.cli.terminal import answer, tell
from cxrview.core.errors import NothingToDo, UsageError

if TYPE_CHECKING:
    from cxrview.core.frame import Box
    from cxrview.engine.packages import Package
    from cxrview.training.judge import Other

DETAILS = """\
DATA is a folder with one sub-folder for each label, or a CSV table, as for training. Its labels must be the model's, or be mapped:
--set data.label_map.viral='["pneumonia"]'. REPORT_DIR gets report.html, report.pdf, report.md and report.json, with a verdict in
plain words at the top. Lungs come from the masks that a table names (data.columns.mask), else from the installed lung network.
"""
ENGINES = ("onnx", "openvino", "torch")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an installed model, or the folder of a model package")
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with a sub-folder per label, or a CSV table")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="REPORT_DIR", help="where the report goes")
    parser.add_argument("--external", action="store_true", help="the images come from places that training never saw")
    parser.add_argument(
        "--external-data",
        type=Path,
        action="append",
        default=[],
        metavar="DATA",
        help="more images, from places that training never saw, beside the others",
    )
    parser.add_argument("--against", action="append", default=[], metavar="MODEL", help="compare with another model on the same images")
    parser.add_argument(
        "--against-engine",
        action="append",
        default=[],
        choices=ENGINES,
        metavar="|".join(ENGINES),
        help="compare with the same model on another engine, in whatever precision it takes here",
    )
    parser.add_argument("--variant", action="append", default=[], metavar="MODEL", help="check a faster form of the model (int8, bf16)")
    parser.add_argument("--split", type=Path, metavar="CSV", help="the split.csv of the training run: its training images are left out")
    parser.add_argument("--boxes", type=Path, metavar="CSV", help="boxes drawn on images: file, label, left, top, right, bottom (px)")
    parser.add_argument("--no-audits", action="store_true", help="measure only, without shortcuts, maps and comparisons")
    parser.add_argument("--threads", type=positive_number, metavar="N", help="images at a time (default: one for each processor)")
    parser.add_argument("--recipe", default="fine-tune", metavar="NAME|FILE.toml", help="take columns, filters and label meanings from it")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change one of those (data.…)")
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    for place in (arguments.data, *arguments.external_data):
        if not place.exists():
            raise NothingToDo(f"there is no '{place}'.", hint="Name a folder or a CSV table.")
    if arguments.no_audits and (arguments.against or arguments.against_engine or arguments.variant or arguments.boxes):
        raise UsageError("--no-audits leaves out comparisons and boxes.", hint="Leave out one of the two.")
    from cxrview.engine.choose import open_predictor
    from cxrview.engine.lungs import open_lungs
    from cxrview.engine.packages import find_package
    from cxrview.training.judge import Questions, judge, write_judgement
    from cxrview.training.recipe import load_recipe

    package = find_package(arguments.model)
    recipe = load_recipe(arguments.recipe, arguments.changes)
    boxes = {} if arguments.boxes is None else _read_boxes(arguments.boxes, recipe.data.label_map)
    report = _ignore if arguments.quiet else tell
    workers = arguments.threads or max(1, os.cpu_count() or 1)
    with ExitStack() as stack:
        # The reference engine: figures in a report must not depend on the machine.
        predictor = open_predictor(package, engine="onnx", device="cpu", threads=1, workers=workers).predictor
        stack.callback(predictor.close)
        spec = package.manifest.input
        needs_lungs = not arguments.no_audits or spec.lung_crop or spec.lung_mask
        finder = open_lungs(engine="onnx", device="cpu", threads=1, workers=workers) if needs_lungs else None
        if finder is not None:
            stack.callback(finder.close)
        others = _others(arguments, package, workers, stack)
        judged = judge(
            package,
            predictor,
            arguments.data,
            recipe.data,
            is_external=arguments.external,
            external=arguments.external_data,
            split_of={} if arguments.split is None else _read_split(arguments.split),
            questions=Questions(is_audited=not arguments.no_audits, finder=finder, others=others, boxes=boxes),
            workers=workers,
            report=report,
        )
    write_judgement(arguments.output, judged)
    for problem in judged.problems:
        report(f"not read: {problem}")
    answer(str(arguments.output / "report.html"))
    return ExitCode.SOME_ERRORS if judged.problems else ExitCode.OK


def _others(arguments: argparse.Namespace, package: Package, workers: int, stack: ExitStack) -> tuple[Other, ...]:
    """Open everything to compare with; it is closed with the stack."""
    from cxrview.engine.choose import open_predictor
    from cxrview.engine.packages import find_package
    from cxrview.training.judge import Other

    wanted = [(find_package(model), "onnx", False) for model in arguments.against]
    wanted += [(find_package(model), "onnx", True) for model in arguments.variant]
    wanted += [(package, engine, True) for engine in arguments.against_engine]
    others: list[Other] = []
    for other, engine, is_variant in wanted:
        predictor = open_predictor(other, engine=engine, threads=1, workers=workers, is_to_be_measured=True).predictor
        stack.callback(predictor.close)
        words = f"{other.manifest.id} {other.manifest.version}" if other is not package else f"{predictor.engine} on {predictor.device}"
        others.append(Other(words, other, predictor, is_variant))
    return tuple(others)


def _read_split(table: Path) -> dict[str, str]:
    if not table.is_file():
        raise NothingToDo(f"there is no '{table}'.", hint="Name the split.csv of a training run.")
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if not {"path", "split"} <= set(rows.fieldnames or ()):
            raise UsageError(f"'{table}' has no columns path and split.", hint="Name the split.csv of a training run.")
        return {row["path"]: row["split"] for row in rows}


def _read_boxes(table: Path, meaning: Mapping[str, Sequence[str]]) -> dict[Path, list[tuple[str, Box]]]:
    from cxrview.core.frame import Box

    if not table.is_file():
        raise NothingToDo(f"there is no '{table}'.", hint="Name a CSV table of boxes.")
    found: dict[Path, list[tuple[str, Box]]] = {}
    with table.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                box = Box(*(float(row[name]) for name in ("left", "top", "right", "bottom")))
                place = table.parent / row["file"]
                found.setdefault(place, []).extend((label, box) for label in meaning.get(row["label"], (row["label"],)))
            except (KeyError, TypeError, ValueError) as error:
                raise UsageError(
                    f"row {number} of '{table}' has no box.", hint="Its columns are file, label, left, top, right, bottom."
                ) from error
    return found


def _ignore(_: str) -> None:
    return


COMMAND = Command("evaluate", "measure and audit a model on labelled images", _add_arguments, _run, DETAILS)
