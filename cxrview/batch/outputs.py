"""Folders that this program filled with pictures, so that a later run does not take them for radiographs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cxrview.core.image import ImageRef

MARKER = ".cxrview-output"
_TEXT = "Pictures in this folder were made by cxrview. It does not score them. Delete this file to change that.\n"


def mark_as_output(folder: Path) -> None:
    """Make the folder and leave word in it that it holds our own pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    if not marker.exists():
        marker.write_text(_TEXT, encoding="utf-8")


def without_outputs(refs: tuple[ImageRef, ...]) -> tuple[ImageRef, ...]:
    """Leave out the pictures that lie in, or below, a folder of our own outputs."""
    is_output = lru_cache(maxsize=None)(is_output_folder)
    return tuple(ref for ref in refs if not is_output(ref.path.parent))


def is_output_folder(folder: Path) -> bool:
    """Tell whether a folder, or one above it, holds our own outputs."""
    return any((each / MARKER).exists() for each in (folder, *folder.absolute().parents))
