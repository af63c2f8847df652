"""`cxrview train`: a network from a folder of radiographs to a finished model package."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option
from cxrview.cli.terminal import answer, tell
from cxrview.core.errors import EngineUnavailable, NothingToDo
from cxrview.io.places import how_to_get, is_frozen

if TYPE_CHECKING:
    from cxrview.training.recipe import Recipe

DETAILS = """\
DATA is a folder with one sub-folder for each label, or a CSV table. Everything is left in RUN: plan.json, split.csv,
events.jsonl, checkpoints/, report/, and the finished model in RUN/package.
Recipes: `cxrview recipes`. Single fields: --set fit.epochs=10 --set input.width=320.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with a sub-folder per label, or a CSV table")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="the run folder")
    parser.add_argument("--recipe", default="fine-tune", metavar="NAME|FILE.toml", help="how to train (default: fine-tune)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a field of the recipe")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train (default: CUDA where it is)")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument("--estimate", action="store_true", help="only take twenty steps and tell how long it would take")
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.data.exists():
        raise NothingToDo(f"there is no '{arguments.data}'.", hint="Name a folder or a CSV table.")
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("lightning") is None:
        raise EngineUnavailable(
            "training needs torch and lightning, which are not installed.",
            hint=_how_to_train(),
        )
    from cxrview.training.gate_recipe import is_gate_recipe
    from cxrview.training.lung_recipe import is_lung_recipe
    from cxrview.training.recipe import load_recipe
    from cxrview.training.supervise import train_supervised

    report = _ignore if arguments.quiet else tell
    if is_gate_recipe(arguments.recipe):
        return _train_gate(arguments, report)
    if is_lung_recipe(arguments.recipe):
        return _train_lungs(arguments, report)
    recipe = load_recipe(arguments.recipe, arguments.changes)
    if arguments.estimate:
        return _estimate(arguments, recipe, report)
    package = train_supervised(arguments.data, arguments.output, recipe, resume=arguments.resume, device=arguments.device, report=report)
    answer(str(package))
    return ExitCode.OK


def _train_gate(arguments: argparse.Namespace, report: Callable[[str], None]) -> int:
    from cxrview.training.gate import train_gate
    from cxrview.training.gate_recipe import load_gate_recipe

    answer(str(train_gate(arguments.data, arguments.output, load_gate_recipe(arguments.recipe, arguments.changes), report)))
    return ExitCode.OK


def _train_lungs(arguments: argparse.Namespace, report: Callable[[str], None]) -> int:
    from cxrview.training.lung_recipe import load_lung_recipe
    from cxrview.training.lungs import train_lungs

    recipe = load_lung_recipe(arguments.recipe, arguments.changes)
    answer(str(train_lungs(arguments.data, arguments.output, recipe, resume=arguments.resume, report=report)))
    return ExitCode.OK


def _estimate(arguments: argparse.Namespace, recipe: Recipe, report: Callable[[str], None]) -> int:
    from cxrview.training.estimate import estimate, in_words, write_estimate

    found = estimate(arguments.data, recipe, device=arguments.device, report=report)
    write_estimate(arguments.output, found)
    memory = f"{found.memory_bytes / 2**30:.1f} GB of memory, " if found.memory_bytes else ""
    answer(
        f"At most {in_words(found.total_s)} on this machine's {found.device} ({found.images} images; {found.step_s:.2f} s a step of "
        f"{found.batch}), {memory}{found.disk_bytes / 2**30:.2f} GB of disk."
    )
    return ExitCode.OK


def _how_to_train() -> str:
    if is_frozen():
        return f"{how_to_get('train').capitalize()}."
    return f"{how_to_get('train')}, or in a checkout `python3 packaging/bootstrap.py run --with train -- train ...`."


def _ignore(_: str) -> None:
    return


COMMAND = Command("train", "train a network on your own folders", _add_arguments, _run, DETAILS)
