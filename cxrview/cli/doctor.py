"""`cxrview doctor`: what is here, what is missing and why, and whether the installed models still work."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import cxrview
from cxrview.cli.command import Command, ExitCode
from cxrview.cli.terminal import answer
from cxrview.core.errors import CxrError
from cxrview.io.places import places
from cxrview.io.settings import load_settings, settings_path

LIBRARIES = (
    *("numpy", "opencv-python-headless", "pillow", "pydicom", "imagecodecs", "pyarrow", "onnxruntime", "openvino"),
    *("PySide6-Essentials", "pyqtgraph", "torch", "torchvision", "timm", "lightning", "grad-cam"),
)
DETAILS = "exit code: 0 all is well, 1 a model or the settings are broken\n"


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """An engine on a device; `reason` says why it cannot be used."""

    name: str
    device: str
    is_available: bool
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """A model; `reason` says why it cannot be used, `difference` is that of its self-test."""

    name: str
    version: str
    is_working: bool
    difference: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """Everything the doctor found; `settings` is `ok`, or what is wrong with them."""

    version: str
    python: str
    system: str
    processor: str
    cores: int
    libraries: Mapping[str, str]
    places: Mapping[str, str]
    settings: str
    engines: tuple[EngineHealth, ...]
    models: tuple[ModelHealth, ...]

    @property
    def is_well(self) -> bool:
        """Tell whether nothing is broken; what is merely not installed is not."""
        return self.settings == "ok" and all(model.is_working for model in self.models)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _run(arguments: argparse.Namespace) -> int:
    health = examine()
    if arguments.json:
        answer(json.dumps(dataclasses.asdict(health), indent=2, ensure_ascii=False))
    else:
        for line in _lines(health):
            answer(line)
    return ExitCode.OK if health.is_well else ExitCode.SOME_ERRORS


def examine() -> Health:
    """Look at the machine, the libraries, the engines and the models; every installed model runs its self-test."""
    here = dataclasses.asdict(places())
    return Health(
        version=cxrview.__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        libraries={name: _version(name) for name in LIBRARIES},
        places={name: str(folder) for name, folder in here.items()} | {"settings": str(settings_path())},
        settings=_settings(),
        engines=_engines(),
        models=_models(),
    )


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _settings() -> str:
    try:
        load_settings()
    except CxrError as error:
        return str(error)
    return "ok"


def _engines() -> tuple[EngineHealth, ...]:
    from cxrview.engine.choose import survey

    return tuple(EngineHealth(each.name, each.device, each.is_available, each.version, each.reason) for each in survey())


def _models() -> tuple[ModelHealth, ...]:
    from cxrview.engine.packages import broken_packages, installed_packages

    working = tuple(_tested(package.manifest.id, package.manifest.version) for package in installed_packages())
    broken = tuple(ModelHealth(each.folder.name, "", is_working=False, difference=None, reason=each.reason) for each in broken_packages())
    return working + broken


def _tested(model: str, version: str) -> ModelHealth:
    from cxrview.engine.packages import find_package, verify_package

    try:
        difference = verify_package(find_package(model))
    except CxrError as error:
        return ModelHealth(model, version, is_working=False, difference=None, reason=str(error))
    return ModelHealth(model, version, is_working=True, difference=difference, reason="")


def _lines(health: Health) -> list[str]:
    lines = [
        f"cxrview {health.version}, Python {health.python}",
        f"{health.system}, {health.processor}, {health.cores} cores",
        "",
        "libraries",
    ]
    lines += [f"  {name}  {version or 'not installed'}" for name, version in health.libraries.items()]
    lines += ["", "engines"]
    lines += [f"  {each.name} on {each.device}: {_state(each)}" for each in health.engines]
    lines += ["", "models"]
    lines += [f"  {each.name} {each.version}: {_condition(each)}" for each in health.models] or ["  none installed"]
    lines += ["", "places"]
    lines += [f"  {name}  {folder}" for name, folder in health.places.items()]
    if health.settings != "ok":
        lines += ["", f"settings: {health.settings}"]
    return lines


def _state(engine: EngineHealth) -> str:
    return f"here, version {engine.version}" if engine.is_available else f"not available: {engine.reason}"


def _condition(model: ModelHealth) -> str:
    return f"self-test passed (largest difference {model.difference:.1g})" if model.is_working else f"broken: {model.reason}"


COMMAND = Command("doctor", "show versions, engines, devices, places, and test the models", _add_arguments, _run, DETAILS)
