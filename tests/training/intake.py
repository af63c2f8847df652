"""Small data sets on disk for the tests of what comes before a training."""

from __future__ import annotations

from pathlib import Path

from cxrview.core.phantom import phantom
from cxrview.io.phantom_files import write_png
from cxrview.training.scan import Scan, scan
from cxrview.training.sources import Source, SourceKind, list_sources


def draw(path: Path, seed: int, *, opacities: int = 0, side: int = 160) -> Path:
    """Write a small phantom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_png(path, phantom(seed, size=(side, side), bits=8, opacities=opacities))


def class_folders(root: Path, count: int = 24, *, first_seed: int = 0) -> Path:
    """Write a folder of clear chests and one of chests with opacities."""
    for number in range(count):
        name = ("clear", "opacity")[number % 2]
        draw(root / name / f"{number:03d}_a.png", first_seed + number, opacities=number % 2 * 3)
    return root


def folders(place: Path, name: str = "") -> Source:
    """Give the source of class folders."""
    return Source(name or place.name, SourceKind.FOLDERS, place)


def scanned(*sources: Source, distance: int = -1) -> Scan:
    """List and scan sources; phantoms of different seeds look much alike, so near copies are not searched unless asked."""
    return scan(list_sources(sources).entries, distance=distance)
