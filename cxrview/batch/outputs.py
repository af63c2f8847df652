"""Folders that this program filled with pictures, so that a later run does not take them for radiographs."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from cxrview.core.errors import BatchStopped, UsageError
from cxrview.core.image import ImageRef

MARKER = ".cxrview-output"
# What is wrong with the place and not with the one file that met it.
_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENODEV, errno.ENOENT})
_TEXT = "Pictures in this folder were made by cxrview. It does not score them. Delete this file to change that.\n"


def check_folder(folder: Path) -> None:
    """Make a folder that is to be written to, and try it, before hours of work depend on it.

    Raises:
        UsageError: it is a file.
        BatchStopped: it cannot be made, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b" ")
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"'{folder}' is no folder.", hint="Name another place.") from error
    except OSError as error:
        raise _stopped(error, folder) from error


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an error of a place that holds results into the end of the batch: the images are not to blame, and are scored when it is mended.

    Raises:
        BatchStopped: the disk is full, gone or closed.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _PLACE:
            raise _stopped(error, folder) from error
        raise


def _stopped(error: OSError, folder: Path) -> BatchStopped:
    reason = (error.strerror or type(error).__name__).lower()
    hint = "Make room or mend it, and run the same command: it goes on where it was."
    return BatchStopped(f"nothing can be written here: {reason}.", hint=hint, subject=str(folder))


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
