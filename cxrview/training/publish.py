"""From a finished run to an installed model: its name, purpose and licence, checked by opening it again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxrview.core.errors import PackageError
from cxrview.engine.packages import (
    Arrays,
    Package,
    add_package,
    load_package,
    read_card,
    read_graph,
    read_weights,
    write_composite_files,
    write_package,
)

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a published model says of itself."""

    id: str
    title: str
    version: str
    licence: str
    intended_use: str


def imprint_of(package: Package) -> Imprint:
    """Give what a package says of itself now."""
    manifest = package.manifest
    return Imprint(manifest.id, manifest.title, manifest.version, manifest.licence, manifest.intended_use)


def id_of(title: str) -> str:
    """Make an id of a title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64] or "my-model"


def problem_of(imprint: Imprint) -> str:
    """Say what is missing before a model can be published; empty when nothing is."""
    if not imprint.title.strip():
        return "The model needs a name."
    if not ID.fullmatch(imprint.id):
        return f"The id '{imprint.id}' must be lower case letters, digits, '.', '_' and '-'."
    if not imprint.version.strip():
        return "The model needs a version."
    if not imprint.intended_use.strip():
        return "Say what the model is for, and what it is not for."
    return ""


def publish(run: Path, imprint: Imprint, *, notes: Sequence[str] = ()) -> Package:
    """Name the package of a finished run and add it to the installed models.

    It is written anew into the run's `published/` folder, opened again, run on its golden inputs, and only then copied to the
    models: a package that is half written or does not run is never listed.

    Raises:
        PackageError: something is missing, a model of that id is there already, or the package does not run.
    """
    problem = problem_of(imprint)
    if problem:
        raise PackageError(problem)
    package = load_package(run / "package")
    try:
        return add_package(_written(run / "published", package, imprint, notes).folder)
    except OSError as error:
        raise PackageError(
            f"the model cannot be written ({error.strerror or error}).", hint="Free some space.", subject=str(run)
        ) from error


def _written(folder: Path, package: Package, imprint: Imprint, notes: Sequence[str]) -> Package:
    manifest = replace(
        package.manifest,
        id=imprint.id,
        title=imprint.title.strip(),
        version=imprint.version.strip(),
        licence=imprint.licence.strip() or "not stated",
        intended_use=imprint.intended_use.strip(),
        files={},
    )
    card = _named_card(read_card(package), package, imprint, notes)
    if package.members:
        return write_composite_files(folder, manifest, package.members, golden=package.golden, card=card, is_replacing=True)
    weights = read_weights(package)
    return write_package(
        folder,
        manifest,
        graph=read_graph(package),
        golden=package.golden,
        card=card,
        head=package.head,
        weights=None if weights is None else _arrays(weights),
        guard=package.guard,
        is_replacing=True,
    )


def _named_card(card: str, package: Package, imprint: Imprint, notes: Sequence[str]) -> str:
    """Give the card the model's name and purpose; everything measured stays as it is."""
    manifest = package.manifest
    lines = card.splitlines()
    if lines and lines[0].startswith("# "):
        lines[0] = f"# {imprint.title.strip()} ({imprint.id} {imprint.version.strip()})"
    licence = f"- Licence of the weights: {imprint.licence.strip() or 'not stated'}."
    named = [imprint.intended_use.strip() if line == manifest.intended_use else line for line in lines]
    named = [licence if line == f"- Licence of the weights: {manifest.licence}." else line for line in named]
    return "\n".join([*named, *(f"- {note}" for note in notes)]) + "\n"


def _arrays(content: bytes) -> Arrays:
    from safetensors.numpy import load

    arrays: Arrays = load(content)
    return arrays
