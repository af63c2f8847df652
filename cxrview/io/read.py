"""The door to pictures: find them, count their frames, read their pixels and tags, whatever the format."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cxrview.core.errors import CxrError, NotAnImage, UnreadableImage
from cxrview.core.image import ImageRef, Pixels
from cxrview.io.archive import list_members, read_heads, read_member
from cxrview.io.attributes import PARSING_FAILURES
from cxrview.io.dicom import Tag, read_dicom_tags
from cxrview.io.dicom_pixels import count_frames, read_dicom
from cxrview.io.dicomdir import read_disc
from cxrview.io.limits import DEFAULT_LIMITS, LimitedReader, Limits
from cxrview.io.problem import Problem
from cxrview.io.raster import count_pages, read_raster, read_raster_tags
from cxrview.io.sniff import HEAD_BYTES, Kind, describe, has_image_name, sniff

__all__ = ["Found", "Problem", "Tag", "find_images", "frame_refs", "natural_key", "read_pixels", "read_tags", "walk_images"]

_CHOOSE_IMAGES: Final = "Choose DICOM, PNG, JPEG, TIFF, BMP, WebP or JPEG 2000 files."
_DIGITS: Final = re.compile(r"([0-9]+)")
ARCHIVE_SUFFIX: Final = ".zip"
_ZIP_DOCUMENTS: Final = frozenset(
    (
        *(".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub"),
        *(".jar", ".whl", ".egg", ".apk", ".npz", ".pt", ".pth", ".ckpt"),
    )
)
"""Documents and programs that are ZIP archives inside; nobody means their icons."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under some paths.

    Attributes:
        refs: one per picture file, frame 0, in natural order.
        others: how many files are neither pictures nor archives.
        problems: folders, archives and files that could not be looked into.
    """

    refs: tuple[ImageRef, ...]
    others: int
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Findings:
    refs: dict[ImageRef, None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    others: int = 0

    def taken(self) -> Found:
        """Give what was found since the last time."""
        found = Found(tuple(self.refs), self.others, tuple(self.problems))
        self.refs, self.problems, self.others = {}, [], 0
        return found


def find_images(paths: Sequence[Path], *, limits: Limits = DEFAULT_LIMITS) -> Found:
    """Find the pictures among files, in folders and their subfolders, in ZIP archives, and named by DICOMDIRs.

    A file is a picture if its name or its first bytes say so; whether it can be read shows when it is read.
    """
    all_found = _Findings()
    for piece in walk_images(paths, limits=limits):
        all_found.refs.update(dict.fromkeys(piece.refs))
        all_found.problems.extend(piece.problems)
        all_found.others += piece.others
    found = all_found.taken()
    return replace(found, refs=tuple(sorted(found.refs, key=_natural)))


def walk_images(paths: Iterable[Path], *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Found]:
    """Find the same as `find_images`, file by file, in no order; what is named twice is found twice."""
    findings = _Findings()
    for path in paths:
        if path.is_dir():
            for file in _files_below(path, findings):
                _note(file, findings, limits)
                yield findings.taken()
        elif path.is_file():
            _note(path, findings, limits)
        else:
            reason = "This is neither a file nor a folder." if path.exists() else "There is no such file or folder."
            findings.problems.append(Problem(path, reason))
        yield findings.taken()


def _files_below(folder: Path, findings: _Findings) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders; hidden ones are counted, and links in a circle are followed once."""
    seen: set[tuple[int, int]] = set()
    waiting = [str(folder)]
    while waiting:
        name = waiting.pop()
        try:
            status = os.stat(name)  # noqa: PTH116 - a Path a file would double the time
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(name) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        findings.others += not entry.is_dir()
                    elif entry.is_dir():
                        waiting.append(entry.path)
                    elif entry.is_file():
                        yield Path(entry.path)
                    else:  # a pipe, a socket, a broken link
                        findings.others += 1
        except OSError as error:
            findings.problems.append(Problem(Path(name), _reason(error)))


def _note(path: Path, findings: _Findings, limits: Limits) -> None:
    """Put a file where it belongs."""
    if has_image_name(path.name):
        findings.refs[ImageRef(path)] = None
        return
    try:
        kind = sniff(_read_head(path))
        if kind is Kind.DICOMDIR:
            _note_disc(path, findings, limits)
        elif kind is Kind.ZIP and path.suffix.lower() not in _ZIP_DOCUMENTS:
            _note_members(path, findings, limits)
        elif kind is None and path.suffix.lower() == ARCHIVE_SUFFIX:
            findings.problems.append(Problem(path, "The file is called an archive but is none: it is empty, damaged or not complete."))
        elif kind is None or kind is Kind.ZIP:
            findings.others += 1
        else:
            findings.refs[ImageRef(path)] = None
    except OSError as error:
        findings.problems.append(Problem(path, _reason(error)))
    except CxrError as error:
        findings.problems.append(Problem(path, f"{error.message} {error.hint}".strip()))


def _note_disc(path: Path, findings: _Findings, limits: Limits) -> None:
    disc = read_disc(path, limits)
    findings.refs.update(dict.fromkeys(map(ImageRef, disc.files)))
    findings.problems.extend(Problem(missing.path, missing.reason) for missing in disc.missing)


def _note_members(path: Path, findings: _Findings, limits: Limits) -> None:
    names = list_members(path, limits)
    unclear = [name for name in names if not has_image_name(name) and not _is_hidden(name)]
    heads = dict(zip(unclear, read_heads(path, unclear, limits), strict=True))
    for name in names:
        is_picture = sniff(heads[name]) not in (None, Kind.ZIP, Kind.DICOMDIR) if name in heads else not _is_hidden(name)
        if is_picture:
            findings.refs[ImageRef(path, name)] = None
        else:
            findings.others += 1


def _is_hidden(member: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in member.split("/"))


def _natural(ref: ImageRef) -> tuple[tuple[str | int, ...], ...]:
    """Order `film 2` before `film 10`; names and numbers alternate, so they are never compared with each other."""
    return tuple(_alternating(text) for text in (str(ref.path), ref.member))


def _alternating(text: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdecimal() else part.lower() for part in _DIGITS.split(text))


def natural_key(ref: ImageRef) -> bytes:
    """Give bytes that sort as `find_images` does, for files too many to be sorted in memory."""
    return b"\x00\x00".join(b"".join(map(_key_part, _alternating(text))) for text in (str(ref.path), ref.member))


def _key_part(part: str | int) -> bytes:
    """Texts end with a byte that no name holds; numbers begin with how many digits they have, never none."""
    if isinstance(part, str):
        return part.encode("utf-8", "surrogatepass") + b"\x02"
    digits = str(part).encode()
    return len(digits).to_bytes(2, "big") + digits


def frame_refs(ref: ImageRef, *, limits: Limits = DEFAULT_LIMITS) -> tuple[ImageRef, ...]:
    """Give one ref for each frame of a file; a single-frame file gives itself."""
    with _opened(ref, limits) as (file, kind):
        frames = count_frames(file, limits) if kind is Kind.DICOM else count_pages(file.read(), kind, limits)
    return tuple(replace(ref, frame=frame) for frame in range(frames))


def read_pixels(ref: ImageRef, *, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """Read one frame with everything the file says about it.

    Raises:
        NotAnImage: the file holds no picture.
        ImageTooLarge: the file asks for more than the limits allow.
        UnreadableImage: any other reason, in its message.
    """
    with _opened(ref, limits) as (file, kind):
        return read_dicom(file, ref.frame, limits) if kind is Kind.DICOM else read_raster(file.read(), kind, ref.frame, limits)


def read_tags(ref: ImageRef, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Tag, ...]:
    """List the attributes of a DICOM file, or the EXIF or TIFF entries of another picture."""
    with _opened(ref, limits) as (file, kind):
        return read_dicom_tags(file, limits) if kind is Kind.DICOM else read_raster_tags(file.read(), kind, limits)


@contextmanager
def _opened(ref: ImageRef, limits: Limits) -> Iterator[tuple[LimitedReader, Kind]]:
    """Open a picture file or archive member; whatever goes wrong inside names the file."""
    try:
        with LimitedReader(_raw(ref, limits), limits) as file:
            yield file, _kind(file)
    except CxrError as error:
        raise error.about(str(ref)) from error.__cause__
    except MemoryError as error:
        raise UnreadableImage("There is not enough memory to read the file.", hint="Close other programs.", subject=str(ref)) from error
    except OSError as error:
        raise UnreadableImage(_reason(error), hint="Check the file and its permissions.", subject=str(ref)) from error
    except PARSING_FAILURES as error:
        raise UnreadableImage("The file breaks the rules of its format.", hint="Copy or export it again.", subject=str(ref)) from error


def _raw(ref: ImageRef, limits: Limits) -> io.RawIOBase | io.BytesIO:
    return io.BytesIO(read_member(ref.path, ref.member, limits)) if ref.member else io.FileIO(ref.path)


def _kind(file: LimitedReader) -> Kind:
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    kind = sniff(head)
    if kind is None:
        raise NotAnImage(f"The file is {describe(head)}, no picture that is read here.", hint=_CHOOSE_IMAGES)
    if kind in (Kind.ZIP, Kind.DICOMDIR):
        raise NotAnImage(f"The file is a {kind}, which names pictures but is none.", hint="Open the pictures in it.")
    return kind


def _read_head(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(HEAD_BYTES) or b""


def _reason(error: OSError) -> str:
    return f"{error.strerror or 'It cannot be read'}."
