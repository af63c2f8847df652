"""`cxrview models`: which models are installed, what they say of themselves, and adding, removing and packing them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.terminal import answer, table_lines, tell

if TYPE_CHECKING:
    from cxrview.engine.packages import Package

DETAILS = """\
cxrview models list              what is installed, and what is broken
cxrview models show ID|DIR       labels, thresholds, training sources, input, the model card
cxrview models add DIR|FILE      check a package, run its self-test, copy it to the user's models
cxrview models verify ID|DIR     check every hash and run the self-test
cxrview models remove ID         delete a model that was added
cxrview models pack ID|DIR -o FILE.cxrmodel    one file of a package, to hand on
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|add|verify|remove|pack", title="actions")
    actions.add_parser("list", help="what is installed")
    for name, what in (("show", "what a model says of itself"), ("verify", "check hashes and self-test")):
        actions.add_parser(name, help=what).add_argument("model", metavar="ID|DIR", help="an installed model, or a package's folder")
    added = "a package's folder, or a .cxrmodel file"
    actions.add_parser("add", help="install a package").add_argument("package", type=Path, metavar="DIR|FILE.cxrmodel", help=added)
    actions.add_parser("remove", help="delete an added model").add_argument("model", metavar="ID", help="an installed model")
    pack = actions.add_parser("pack", help="make one file of a package")
    pack.add_argument("model", metavar="ID|DIR", help="an installed model, or a package's folder")
    pack.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.cxrmodel", help="the file to write")


def _run(arguments: argparse.Namespace) -> int:
    return ACTIONS[arguments.action](arguments)


def _list(_: argparse.Namespace) -> int:
    from cxrview.engine.packages import broken_packages, installed_packages

    installed, broken = installed_packages(), broken_packages()
    if installed:
        for line in table_lines(("id", "version", "where", "labels", "title"), [_line(each) for each in installed]):
            answer(line)
    elif not broken:
        tell("no model is installed; add one: `cxrview models add DIR`")
    for each in broken:
        tell(f"broken: {each.folder}: {each.reason}")
    return ExitCode.SOME_ERRORS if broken else ExitCode.OK


def _show(arguments: argparse.Namespace) -> int:
    from cxrview.engine.packages import CARD_NAME, find_package

    package = find_package(arguments.model)
    for line in _facts(package):
        answer(line)
    answer("")
    answer((package.folder / CARD_NAME).read_text(encoding="utf-8").rstrip())
    return ExitCode.OK


def _add(arguments: argparse.Namespace) -> int:
    from cxrview.engine.model_file import add_model

    package = add_model(arguments.package)
    tell(f"added {package.manifest.id} {package.manifest.version} to {package.folder}")
    return ExitCode.OK


def _verify(arguments: argparse.Namespace) -> int:
    from cxrview.engine.packages import find_package, verify_package

    package = find_package(arguments.model)
    difference = verify_package(package)
    answer(
        f"{package.manifest.id} {package.manifest.version}: {len(package.manifest.files)} files as named, "
        f"self-test passed (largest difference {difference:.1g})"
    )
    return ExitCode.OK


def _remove(arguments: argparse.Namespace) -> int:
    from cxrview.engine.packages import remove_package

    remove_package(arguments.model)
    tell(f"removed {arguments.model}")
    return ExitCode.OK


def _pack(arguments: argparse.Namespace) -> int:
    from cxrview.engine.model_file import pack_model
    from cxrview.engine.packages import find_package

    target = pack_model(find_package(arguments.model), arguments.output)
    tell(f"wrote {target}, {target.stat().st_size / 1e6:.1f} MB")
    return ExitCode.OK


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "add": _add,
    "verify": _verify,
    "remove": _remove,
    "pack": _pack,
}


def _line(package: Package) -> tuple[str, ...]:
    from cxrview.engine.packages import is_bundled

    manifest = package.manifest
    labels = ", ".join(label.id for label in manifest.labels)
    return (manifest.id, manifest.version, "bundled" if is_bundled(package) else "added", labels, manifest.title)


def _facts(package: Package) -> list[str]:
    """Tell the manifest, field by field."""
    manifest, spec = package.manifest, package.manifest.input
    rows = [
        ("id", manifest.id),
        ("title", manifest.title),
        ("version", manifest.version),
        ("licence", manifest.licence),
        ("intended use", manifest.intended_use),
        ("task", str(manifest.task)),
        ("heatmaps", str(manifest.heatmap)),
        ("input", f"{spec.width}×{spec.height} {spec.channels}, {spec.resize}, gray range {spec.range_rule}"),
        ("folder", str(package.folder)),
        ("sha256", package.sha256),
    ]
    if manifest.composite is not None:
        names = ", ".join(
            f"{member.name} (splits {member.splits})" if member.splits else member.name for member in manifest.composite.members
        )
        rows.append(("networks", f"{manifest.composite.combine} of {names}"))
    rows += [
        (
            f"label {label.id}",
            f"{label.name}; positive from {threshold.probability:.3f} ({threshold.operating_point}); calibration {calibration.method}",
        )
        for label, threshold, calibration in zip(manifest.labels, manifest.thresholds, manifest.calibration, strict=True)
    ]
    rows += [
        ("trained on", f"{each.source}: {each.images} images, {each.patients} patients ({each.licence})") for each in manifest.trained_on
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]


COMMAND = Command("models", "list, show, add, verify, remove and pack models", _add_arguments, _run, DETAILS)
