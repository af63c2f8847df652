"""The process that scores, made to fail at files of certain names: for tests of what watches over it."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cxrview.batch import score, worker
from cxrview.batch.overlays import OverlayFolder, write_overlays
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.results import Analysis
from cxrview.io.limits import Limits
from cxrview.io.read import read_pixels


def troubled(ref: ImageRef, *, limits: Limits) -> Pixels:
    if "hang" in ref.path.name:
        ctypes.PyDLL(None).pause()  # a library that waits for ever and lets no other thread run
    if "crash" in ref.path.name:
        ctypes.string_at(0)  # reads where nothing is
    if "once" in ref.path.name and not ref.path.with_suffix(".seen").exists():
        ref.path.with_suffix(".seen").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return read_pixels(ref, limits=limits)


def full(target: OverlayFolder, ref: ImageRef, pixels: Pixels, analysis: Analysis) -> tuple[Path, ...]:
    """A disk for heatmaps that is full after the first few."""
    if len(list(target.folder.glob("*.png"))) >= 3:
        raise OSError(errno.ENOSPC, "No space left on device")
    return write_overlays(target, ref, pixels, analysis)


if __name__ == "__main__":
    if "full" in sys.argv:
        score.write_overlays = full
    if "die" in sys.argv:
        print("no room for anything", file=sys.stderr)
        sys.exit(7)
    score.read_pixels = troubled
    sys.exit(worker.serve())
