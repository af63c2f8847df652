"""`cxrview phantom`: synthetic chest radiographs to try things on."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option, natural, positive_number
from cxrview.cli.terminal import tell

DETAILS = """\
The pictures are drawn by physics from simple solids. They are not data: no accuracy can be claimed on them.
The same options write the same pictures.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument("-n", "--count", type=positive_number, default=10, metavar="N", help="how many (default: 10)")
    parser.add_argument("--seed", type=natural, default=0, metavar="S", help="of the first; the others follow (default: 0)")
    parser.add_argument("--kind", choices=("dicom", "png", "mixed"), default="dicom", help="what files (default: dicom)")
    parser.add_argument("--size", type=_size, default=(1024, 1024), metavar="WxH", help="in pixels (default: 1024x1024)")
    parser.add_argument("--tables", action="store_true", help="also phantoms.csv with their labels, and boxes.csv with the opacities")
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.io.phantom_files import write_phantoms

    written = write_phantoms(
        arguments.output, arguments.count, arguments.seed, kind=arguments.kind, size=arguments.size, has_tables=arguments.tables
    )
    if not arguments.quiet:
        tell(f"{len(written)} phantoms in {arguments.output}")
    return ExitCode.OK


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})[x×](\d{2,4})", text)
    if match is None or min(int(match[1]), int(match[2])) < 16:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 1024x1024")
    return int(match[1]), int(match[2])


COMMAND = Command("phantom", "write synthetic chest radiographs", _add_arguments, _run, DETAILS)
