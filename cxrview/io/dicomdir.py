"""DICOMDIR, the index of a disc: the picture files it names, and those it names that are not here."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from cxrview.io.dicom import read_directory
from cxrview.io.limits import LimitedReader, Limits


@dataclass(frozen=True, slots=True)
class Disc:
    """The files of a disc, and the names of those that cannot be used, each with its reason."""

    files: tuple[Path, ...]
    missing: tuple[MissingFile, ...]


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that the index names and that is not here."""

    path: Path
    reason: str


def read_disc(path: Path, limits: Limits) -> Disc:
    """Read a DICOMDIR and look for its files beside it, in whatever case their names were copied."""
    with LimitedReader(io.FileIO(path), limits) as file:
        entries = read_directory(file, limits)
    files: list[Path] = []
    missing: list[MissingFile] = []
    for entry in entries:
        if any(part in ("..", ".") or "/" in part or "\0" in part or ":" in part for part in entry.parts):
            missing.append(MissingFile(path, "The DICOMDIR names a file outside its folder."))
        elif (found := _find(path.parent, entry.parts)) is not None:
            files.append(found)
        else:
            missing.append(MissingFile(path.parent.joinpath(*entry.parts), "The DICOMDIR names this file, but it is not here."))
    return Disc(tuple(dict.fromkeys(files)), tuple(missing))


def _find(folder: Path, parts: tuple[str, ...]) -> Path | None:
    for spelled in (parts, tuple(part.lower() for part in parts), tuple(part.upper() for part in parts)):
        found = folder.joinpath(*spelled)
        if found.is_file():
            return found
    return None
