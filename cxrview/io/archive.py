"""ZIP archives as folders: their members, and the bytes of one member, within limits."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

from cxrview.core.errors import ImageTooLarge, UnreadableImage
from cxrview.io.limits import Limits, check_bytes, check_ratio
from cxrview.io.sniff import HEAD_BYTES

_DAMAGED: Final = "Copy or download the archive again."
_DIRECTORY_FAILURES = (zipfile.BadZipFile, EOFError, LookupError, NotImplementedError, OSError, ValueError, struct.error)
_LOCAL_HEADER: Final = 30
_PACKED_HEAD: Final = 4 * HEAD_BYTES
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, as the archive's directory tells it."""

    name: str
    offset: int
    packed: int
    unpacked: int
    method: int
    crc: int
    is_encrypted: bool


def list_members(path: Path, limits: Limits) -> tuple[str, ...]:
    """List the files of an archive by name, folders left out."""
    return tuple(_directory(path, limits))


def read_heads(path: Path, names: Sequence[str], limits: Limits) -> tuple[bytes, ...]:
    """Read the first bytes of the named members; empty where a member cannot be read."""
    members = _directory(path, limits)
    heads = []
    with path.open("rb") as file:
        for name in names:
            member = members[name]
            try:
                file.seek(_data_start(file, member))
                packed = file.read(min(member.packed, _PACKED_HEAD))
                heads.append(_unpacker(member).decompress(packed, HEAD_BYTES) if member.method else packed[:HEAD_BYTES])
            except (UnreadableImage, zlib.error, struct.error, OSError):
                heads.append(b"")
    return tuple(heads)


def read_member(path: Path, name: str, limits: Limits) -> bytes:
    """Unpack one member."""
    member = _directory(path, limits).get(name)
    if member is None:
        raise UnreadableImage("The archive has no such member.", hint="Open the archive again.")
    if member.is_encrypted:
        raise UnreadableImage("The archive is encrypted.", hint="Unpack it with its password first.")
    check_bytes(max(member.unpacked, member.packed), limits)
    check_ratio(member.unpacked, member.packed, limits)
    data = _unpack(path, member)
    if len(data) != member.unpacked or zlib.crc32(data) != member.crc:
        raise UnreadableImage("The member of the archive is damaged: its size or checksum is wrong.", hint=_DAMAGED)
    return data


def _unpack(path: Path, member: Member) -> bytes:
    """Read and unpack; never more than the directory promised and one byte."""
    try:
        with path.open("rb") as file:
            file.seek(_data_start(file, member))
            packed = file.read(member.packed)
        return _unpacker(member).decompress(packed, member.unpacked + 1) if member.method else packed
    except (zlib.error, struct.error, OSError) as error:
        raise UnreadableImage("The member of the archive cannot be unpacked.", hint=_DAMAGED) from error


def _unpacker(member: Member) -> zlib._Decompress:
    if member.method != zipfile.ZIP_DEFLATED:
        raise UnreadableImage(f"The member is packed by method {member.method}; stored and deflated are read.", hint="Unpack it first.")
    return zlib.decompressobj(-zlib.MAX_WBITS)


def _data_start(file: BinaryIO, member: Member) -> int:
    """Find the packed bytes behind the member's own header, whose name and extra field may differ from the directory's."""
    file.seek(member.offset)
    name, extra = struct.unpack_from("<HH", file.read(_LOCAL_HEADER), 26)
    return member.offset + _LOCAL_HEADER + int(name) + int(extra)


def _directory(path: Path, limits: Limits) -> dict[str, Member]:
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableImage("There is no such file.", hint="Check the name.") from error
    return _cached_directory(path, status.st_mtime_ns, status.st_size, limits)


@lru_cache(maxsize=4)
def _cached_directory(path: Path, _mtime_ns: int, size: int, limits: Limits) -> dict[str, Member]:
    """Read the directory once for as long as the file stays the same: an archive of 60,000 films is asked 60,000 times."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except PermissionError as error:
        raise UnreadableImage("The archive may not be read.", hint="Ask for permission to read it.") from error
    except _DIRECTORY_FAILURES as error:
        raise UnreadableImage("The ZIP archive cannot be opened: its directory is missing or damaged.", hint=_DAMAGED) from error
    if len(entries) > limits.max_members:
        raise ImageTooLarge(f"The archive has {len(entries):,} members; at most {limits.max_members:,} are read.", hint="Unpack it first.")
    if sum(entry.compress_size for entry in entries) > size:
        raise ImageTooLarge("The members of the archive overlap, as in a decompression bomb.", hint="Do not open this file.")
    return {entry.filename: _member(entry) for entry in entries if entry.filename and not entry.is_dir()}


def _member(entry: zipfile.ZipInfo) -> Member:
    return Member(
        name=entry.filename,
        offset=entry.header_offset,
        packed=entry.compress_size,
        unpacked=entry.file_size,
        method=entry.compress_type,
        crc=entry.CRC,
        is_encrypted=bool(entry.flag_bits & _ENCRYPTED),
    )
