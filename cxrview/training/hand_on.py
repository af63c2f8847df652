"""Parts of a finished run as files to hand on: the run folder, its report, its split."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from cxrview.core.errors import DataError
from cxrview.io.atomic import replacing

# Large, and of use to nobody who has the package.
LEFT_BEHIND = ("checkpoints", "published", "alive", "control", "step.json")


class Part(StrEnum):
    """What of a run is handed on."""

    FOLDER = "run folder"
    REPORT = "report"
    SPLIT = "split"


# The file that each part becomes: its suffix, and what it is called in a file dialog.
KINDS = {
    Part.FOLDER: (".zip", "ZIP archives (*.zip)"),
    Part.REPORT: (".html", "Web pages (*.html)"),
    Part.SPLIT: (".csv", "Tables (*.csv)"),
}


def hand_on(run: Path, part: Part, place: Path, *, check: Callable[[], None] = lambda: None) -> None:
    """Write a part of a run to a file, complete or not at all; `check` may raise to stop.

    Raises:
        DataError: the run has no such part, or it cannot be written.
    """
    source = {Part.REPORT: run / "report" / "report.html", Part.SPLIT: run / "split.csv"}.get(part, run)
    if not source.exists():
        raise DataError(f"The run has no {part}.", hint="Let it end, or resume it.", subject=str(run))
    try:
        with replacing(place) as temporary:
            if part is Part.FOLDER:
                _pack(run, temporary, check)
            else:
                shutil.copyfile(source, temporary)
    except OSError as error:
        raise DataError(f"The {part} cannot be written ({error.strerror}).", hint="Choose another folder.", subject=str(place)) from error


def _pack(run: Path, place: Path, check: Callable[[], None]) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(run.rglob("*")):
            check()
            inside = path.relative_to(run)
            if path.is_file() and not any(part in LEFT_BEHIND for part in inside.parts):
                archive.write(path, Path(run.name) / inside)
