"""`cxrview library`: fill the study index, search it, and take things out of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_quiet_option, natural
from cxrview.cli.terminal import answer, table_lines, tell
from cxrview.core.errors import NothingToDo

if TYPE_CHECKING:
    from cxrview.library.index import Progress
    from cxrview.library.library import Library
    from cxrview.library.records import Image, Query

DETAILS = """\
cxrview library add PATH ...     index folders, files, archives, DICOMDIRs; the images stay where they are
cxrview library add              look again at everything that was added
cxrview library list             what was added, with counts, missing and unreadable images
cxrview library list WORD ...    the images in whose texts every word begins a word, the newest first
cxrview library forget PATH ...  take folders or files out of the index, with their notes; the files stay

Patient names and numbers are shown only with --names.
"""
SHOWN = 50


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|forget", title="actions")
    add = actions.add_parser("add", help="index folders and files, or look again at everything")
    add.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders, files, archives, DICOMDIRs")
    add_quiet_option(add)
    listing = actions.add_parser("list", help="what was added, or the images that some words find")
    listing.add_argument("words", nargs="*", metavar="WORD", help="the beginning of a word of the image's texts")
    listing.add_argument("--view", choices=("PA", "AP", "lateral", "unknown"), help="only this view")
    listing.add_argument("--modality", metavar="M", help="only this modality, such as DX")
    listing.add_argument("--since", type=_date, metavar="DATE", help="the earliest date, such as 2024-05-31")
    listing.add_argument("--until", type=_date, metavar="DATE", help="the latest date")
    listing.add_argument("--starred", action="store_true", help="only images with a star")
    listing.add_argument("--missing", action="store_true", help="only images whose file was not there")
    listing.add_argument("--unreadable", action="store_true", help="only images that cannot be read, with the reason")
    listing.add_argument("--limit", type=natural, default=SHOWN, metavar="N", help=f"how many to show; 0 for all (default: {SHOWN})")
    listing.add_argument("--names", action="store_true", help="show patient names and numbers")
    forget = actions.add_parser("forget", help="take folders or files out of the index")
    forget.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder or file that was added, or a part of one")
    add_quiet_option(forget)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.library.library import open_library

    with closing(open_library()) as library:
        if library.notice:
            tell(library.notice)
        return ACTIONS[arguments.action](library, arguments)


def _add(library: Library, arguments: argparse.Namespace) -> int:
    from cxrview.library.index import index_paths

    paths = arguments.paths or [source.path for source in library.sources()]
    if not paths:
        raise NothingToDo("nothing was added yet.", hint="Name a folder: `cxrview library add DIR`.")
    done = index_paths(library, paths, context=_Teller(is_quiet=arguments.quiet))
    for problem in done.problems:
        tell(f"{problem.path}: {problem.reason}")
    if not arguments.quiet:
        tell(
            f"{done.added} added, {done.updated} read again, {done.unchanged} unchanged; {done.unreadable} of these cannot be read;"
            f" {done.others} other files"
        )
    if not done.added + done.updated + done.unchanged:
        raise NothingToDo("no image was found.", hint="Choose DICOM, PNG, JPEG, TIFF, BMP, WebP or JPEG 2000 files.")
    return ExitCode.SOME_ERRORS if done.problems or done.unreadable else ExitCode.OK


class _Teller:
    """A context that writes a line now and then; Ctrl+C is what cancels a command."""

    EVERY = 10_000

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._told = 0

    def check(self) -> None:
        """Go on."""

    def report(self, progress: Progress) -> None:
        """Write how many images were looked at."""
        if not self._is_quiet and progress.done // self.EVERY > self._told:
            self._told = progress.done // self.EVERY
            tell(f"{progress.done} of {progress.total}")


def _list(library: Library, arguments: argparse.Namespace) -> int:
    query = _query(arguments)
    if query is None:
        return _list_sources(library)
    found = library.find(query)
    shown = found[: arguments.limit or None]
    rows = [_line(image, is_naming=arguments.names) for image in library.images(shown)]
    for line in table_lines(("date", "view", "modality", "patient", "finding", "file"), rows) if rows else ():
        answer(line)
    tell(f"{len(found)} images" + (f", {len(shown)} shown; --limit 0 shows all" if len(shown) < len(found) else ""))
    return ExitCode.OK


def _query(arguments: argparse.Namespace) -> Query | None:
    """Make the query; None when nothing is asked but what there is."""
    from cxrview.library.records import Query, View

    query = Query(
        text=" ".join(arguments.words),
        first_date=arguments.since or "",
        last_date=arguments.until or "",
        views=(View(arguments.view),) if arguments.view else (),
        modalities=(arguments.modality,) if arguments.modality else (),
        is_starred=True if arguments.starred else None,
        is_missing=True if arguments.missing else None,
        is_readable=False if arguments.unreadable else None,
    )
    return None if query == Query() else query


def _list_sources(library: Library) -> int:
    sources = library.sources()
    rows = [(str(each.images), str(each.missing), str(each.unreadable), str(each.path)) for each in sources]
    if not rows:
        tell("the library is empty; add a folder: `cxrview library add DIR`")
        return ExitCode.OK
    for line in table_lines(("images", "missing", "unreadable", "folder or file"), rows):
        answer(line)
    for problem in library.problems():
        tell(f"{problem.path}: {problem.reason}")
    return ExitCode.OK


def _line(image: Image, *, is_naming: bool) -> tuple[str, ...]:
    patient = f"{image.patient_code} {image.patient_name}".strip() if is_naming else f"#{image.patient}"
    finding = f"{image.top_label} {image.top_score:.2f}" if image.top_score is not None else ""
    marks = ("★ " if image.is_starred else "") + ("missing: " if image.is_missing else "")
    reason = f"  ({image.reason})" if image.reason else ""
    day = f"{image.taken[:4]}-{image.taken[4:6]}-{image.taken[6:8]}" if image.taken else ""
    return (day, str(image.view), image.modality, patient, finding, f"{marks}{image.ref}{reason}")


def _forget(library: Library, arguments: argparse.Namespace) -> int:
    counts = {path: library.forget_source(path.absolute()) for path in arguments.paths}
    if not any(counts.values()):
        raise NothingToDo("none of these is in the library.", hint="See what is: `cxrview library list`.")
    if not arguments.quiet:
        for path, count in counts.items():
            tell(f"forgot {path}: {count} images; the files are where they were")
    return ExitCode.OK


def _date(text: str) -> str:
    digits = text.replace("-", "")
    if not re.fullmatch(r"\d{8}", digits):
        raise argparse.ArgumentTypeError(f"'{text}' is no date such as 2024-05-31")
    return digits


ACTIONS: Mapping[str, Callable[[Library, argparse.Namespace], int]] = {"add": _add, "list": _list, "forget": _forget}

COMMAND = Command("library", "index folders, search the index, and forget", _add_arguments, _run, DETAILS)
