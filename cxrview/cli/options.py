"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxrview.core.errors import PackageError
from cxrview.io.settings import Settings, load_settings

if TYPE_CHECKING:
    from cxrview.engine.packages import Package


@dataclass(frozen=True, slots=True)
class EngineWish:
    """Which engine and device the user wants."""

    engine: str
    device: str
    threads: int


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, `--engine`, `--device` and `--threads`."""
    parser.add_argument(
        "--model", metavar="ID|DIR", help="an installed model, or the folder of a model package (default: as set, else the first)"
    )
    parser.add_argument("--engine", choices=("auto", "onnx", "openvino", "torch"), help="what runs the network (default: auto)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where the network runs (default: auto)")
    parser.add_argument("--threads", type=natural, metavar="N", help="processor threads for one run; 0 lets the engine choose")


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def chosen_package(model: str | None, settings: Settings | None = None) -> Package:
    """Load the model that was named, else the one in the settings, else the first that is installed.

    Raises:
        PackageError: there is none, or it is broken.
    """
    from cxrview.engine.packages import find_package, installed_packages

    wanted = model or (settings or load_settings()).model
    if wanted:
        package = find_package(wanted)
        if not package.manifest.task.is_classifier:
            raise PackageError(f"'{wanted}' is a {package.manifest.task} network; it reads no findings.", hint="See `cxrview models list`.")
        return package
    installed = [each for each in installed_packages() if each.manifest.task.is_classifier]
    if not installed:
        raise PackageError("no model is installed.", hint="Name a package's folder with --model, or add one: `cxrview models add DIR`.")
    return find_package(installed[0].manifest.id)


def engine_wish(arguments: argparse.Namespace, settings: Settings) -> EngineWish:
    """Take what the command line says, else what the settings say."""
    return EngineWish(
        engine=arguments.engine or settings.engine,
        device=arguments.device or settings.device,
        threads=settings.threads if arguments.threads is None else arguments.threads,
    )


def natural(text: str) -> int:
    """Read a whole number from 0."""
    return _whole(text, least=0)


def positive_number(text: str) -> int:
    """Read a whole number from 1."""
    return _whole(text, least=1)


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 1")
    return number


def _whole(text: str, *, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least}")
    return number
