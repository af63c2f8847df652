"""`cxrview evaluate`: a model package on labelled images, measured inside each source, with the baselines beside it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option
from cxrview.cli.terminal import answer, tell
from cxrview.core.errors import NothingToDo

DETAILS = """\
DATA is a folder with one sub-folder for each label, or a CSV table, as for training. Its labels must be the model's, or be mapped:
--set data.label_map.viral='["pneumonia"]'. REPORT_DIR gets report.html, report.md and report.json.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an installed model, or the folder of a model package")
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with a sub-folder per label, or a CSV table")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="REPORT_DIR", help="where the report goes")
    parser.add_argument("--external", action="store_true", help="the images come from places that training never saw")
    parser.add_argument("--recipe", default="fine-tune", metavar="NAME|FILE.toml", help="take columns, filters and label meanings from it")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change one of those (data.…)")
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.data.exists():
        raise NothingToDo(f"there is no '{arguments.data}'.", hint="Name a folder or a CSV table.")
    from cxrview.engine.choose import open_predictor
    from cxrview.engine.packages import find_package
    from cxrview.training.judge import judge, write_judgement
    from cxrview.training.recipe import load_recipe

    package = find_package(arguments.model)
    recipe = load_recipe(arguments.recipe, arguments.changes)
    report = _ignore if arguments.quiet else tell
    workers = max(1, os.cpu_count() or 1)
    # The reference engine: figures in a report must not depend on the machine.
    choice = open_predictor(package, engine="onnx", device="cpu", threads=1, workers=workers)
    try:
        judged = judge(
            package, choice.predictor, arguments.data, recipe.data, is_external=arguments.external, workers=workers, report=report
        )
    finally:
        choice.predictor.close()
    write_judgement(arguments.output, judged)
    for problem in judged.problems:
        report(f"not read: {problem}")
    answer(str(arguments.output / "report.html"))
    return ExitCode.SOME_ERRORS if judged.problems else ExitCode.OK


def _ignore(_: str) -> None:
    return


COMMAND = Command("evaluate", "measure a model on labelled images", _add_arguments, _run, DETAILS)
