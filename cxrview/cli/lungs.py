"""`cxrview lungs`: lung masks of images and folders."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option, positive_number
from cxrview.cli.terminal import progress, tell
from cxrview.core.errors import NothingToDo, PackageError

DETAILS = """\
Writes a one-bit PNG of the size of each image, white where the lungs are, named like the image (a.jpg: a.png; a folder's
sub-folders are kept). The mask ends at the heart's border; --with-heart adds the lung behind the heart and the diaphragm.
An image without lungs gets a black mask and a line that says so.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="images, folders, ZIP archives")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument("--with-heart", action="store_true", help="with the lung behind the heart and the diaphragm")
    parser.add_argument("--engine", choices=("auto", "onnx", "openvino"), default="auto", help="what runs the network (default: auto)")
    parser.add_argument("--workers", type=positive_number, metavar="N", help="images at the same time (default: one for each core)")
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.batch.lung_masks import write_lung_masks
    from cxrview.engine.lungs import open_lungs
    from cxrview.io.read import find_images

    found = find_images(arguments.paths)
    for problem in found.problems:
        tell(f"{problem.path}: {problem.reason}")
    if not found.refs:
        raise NothingToDo("no image was found.", hint="Name DICOM, PNG, JPEG or TIFF files, or folders that hold them.")
    workers = arguments.workers or os.cpu_count() or 1
    finder = open_lungs(engine=arguments.engine, threads=1, workers=workers, with_heart=arguments.with_heart, has_gate=False)
    if finder is None:
        raise PackageError("no lung network is installed.", hint="Add one: `cxrview models add DIR`.")
    try:
        with progress(len(found.refs), "lungs", is_quiet=arguments.quiet) as advance:
            written = write_lung_masks(found.refs, arguments.paths, arguments.output, finder, workers=workers, done=lambda _: advance(1))
    finally:
        finder.close()
    for each in written:
        if each.problem:
            tell(f"{each.ref}: {each.problem.rstrip('.')}.")
    failed = sum(each.path is None for each in written)
    if not arguments.quiet:
        tell(f"{len(written) - failed} masks in {arguments.output}" + (f", {failed} images could not be read" if failed else ""))
    return ExitCode.SOME_ERRORS if failed or found.problems else ExitCode.OK


COMMAND = Command("lungs", "write lung masks of images and folders", _add_arguments, _run, DETAILS)
