"""Paths to images, folder by folder, so that the first of a large tree are in the index while the rest is still being looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrview.core.image import ImageRef
from cxrview.io.limits import Limits
from cxrview.io.read import Problem, find_images


@dataclass(frozen=True, slots=True)
class _Portion:
    """What is looked through at once; `others` counts what was left out on the way: hidden files, pipes."""

    paths: tuple[Path, ...]
    others: int = 0


class Walk:
    """A walk through folders, files, archives and discs.

    Attributes:
        found: the images so far; each is given once, however often it is met.
        others: files so far that are no pictures.
        problems: what could not be looked into so far.
    """

    def __init__(self, paths: Sequence[Path], limits: Limits) -> None:
        self.found: set[ImageRef] = set()
        self.others = 0
        self.problems: list[Problem] = []
        self._paths = paths
        self._limits = limits

    def images(self) -> Iterator[ImageRef]:
        """Give the images, in natural order within each folder."""
        for portion in _portions(self._paths):
            found = find_images(portion.paths, limits=self._limits)
            self.others += portion.others + found.others
            self.problems += found.problems
            fresh = [ref for ref in found.refs if ref not in self.found]
            self.found.update(fresh)
            yield from fresh


def _portions(paths: Sequence[Path]) -> Iterator[_Portion]:
    """Cut folders into the files of one folder at a time; links in a circle are followed once."""
    seen: set[tuple[int, int]] = set()
    waiting = list(reversed(paths))
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = _entries(path) if path.is_dir() else []
            folders = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
            files = tuple(Path(entry.path) for entry in entries if entry.is_file() and not entry.name.startswith("."))
            others = sum(not entry.is_dir() for entry in entries) - len(files)
        except OSError:
            yield _Portion((path,))  # looking through it tells what is wrong
            continue
        if not folders:
            yield _Portion((path,))
            continue
        if files or others:
            yield _Portion(files, others)
        waiting += reversed(folders)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
