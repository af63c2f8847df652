"""Model packages as one file: a `.cxrmodel` is a ZIP of a package's folder, written here and taken in with distrust."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cxrview.core.errors import CxrError, ManifestError, PackageError
from cxrview.core.manifest_toml import MANIFEST_NAME, is_inside_name
from cxrview.engine.packages import Package, add_package, load_package
from cxrview.io.atomic import replacing
from cxrview.io.places import places

MODEL_SUFFIX = ".cxrmodel"

_MAX_FILES = 256
"""A package has six files, an ensemble some dozens."""
_MAX_BYTES = 8 << 30
"""All files together, unpacked; the largest networks for radiographs take half a gigabyte."""
_MAX_RATIO = 200
_RATIO_FREE_BYTES = 64 << 20
"""What a member may unpack to whatever its ratio."""
_FREE_BYTES = 256 << 20
"""What must stay free on the disk."""
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a ZIP can tell; the same package always gives the same file."""
_FAILURES = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError)
_HINT = "Ask whoever made the file; nothing of it was kept."
_DAMAGED = "Copy it again, or ask for it to be sent again; nothing of it was kept."


def is_model_file(path: Path) -> bool:
    """Tell whether a name is that of a model file."""
    return path.suffix.lower() == MODEL_SUFFIX


def pack_model(package: Package, target: Path) -> Path:
    """Write a package as a model file, complete or not at all; the same package gives the same bytes."""
    if not is_model_file(target):
        raise PackageError(f"the name of a model file ends in {MODEL_SUFFIX}.", hint="Choose such a name.", subject=str(target))
    load_package(package.folder)
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in (MANIFEST_NAME, *sorted(package.manifest.files)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (package.folder / name).read_bytes())
    return target


def add_model(path: Path) -> Package:
    """Copy a package, a folder or a model file, to the user's models, after checking its hashes and running its self-test.

    Raises:
        PackageError: the file is hostile or damaged, the package broken, or one of its id is installed.
        ManifestError: a wrong field in `model.toml`.
    """
    if path.is_dir():
        return add_package(path)
    with unpacked_model(path) as folder:
        try:
            return add_package(folder)
        except (PackageError, ManifestError) as error:
            error.subject = str(path)  # the temporary folder's name would help nobody
            raise


@contextmanager
def unpacked_model(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside the user's models that holds what is in a model file; it is gone afterwards."""
    models_dir = places().models_dir
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models_dir, prefix=".unpacking-") as scratch:
            folder = Path(scratch) / "package"
            folder.mkdir()
            with path.open("rb") as stream:
                _unpack(stream, folder)
            yield folder
    except CxrError as error:
        raise error.about(str(path)) from error.__cause__
    except OSError as error:
        raise PackageError(f"the file cannot be unpacked: {error.strerror or error}.", hint=_DAMAGED, subject=str(path)) from error
    finally:
        _remove_when_empty(models_dir)


def _unpack(stream: BinaryIO, folder: Path) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = _checked(archive.infolist(), stream)
            _check_room(entries, folder)
            for name, entry in entries.items():
                _unpack_one(archive, entry, folder / name)
    except _FAILURES as error:
        raise PackageError("the file is no ZIP archive, or is damaged.", hint=_DAMAGED) from error


def _checked(entries: list[zipfile.ZipInfo], stream: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    """Give the files of the archive by their names inside the package; refuse what no honest package has."""
    files = [entry for entry in entries if not entry.is_dir()]
    if len(files) > _MAX_FILES:
        raise PackageError(f"the archive holds {len(files):,} files; a package has at most {_MAX_FILES}.", hint=_HINT)
    for entry in files:
        _check_entry(entry)
    if sum(entry.compress_size for entry in files) > stream.seek(0, 2):
        raise PackageError("the members of the archive overlap, as in a decompression bomb.", hint=_HINT)
    whole = sum(entry.file_size for entry in files)
    if whole > _MAX_BYTES:
        raise PackageError(f"the archive unpacks to {whole:,} bytes; a package has at most {_MAX_BYTES:,}.", hint=_HINT)
    return _below_one_folder(files)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    # orig_filename: zipfile itself cuts a name at a NUL and turns the separators of Windows about.
    if not is_inside_name(entry.orig_filename):
        raise PackageError(f"the name {entry.orig_filename!r} in the archive leads out of the package.", hint=_HINT)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise PackageError(f"'{entry.filename}' in the archive is a link or a device, not a file.", hint=_HINT)
    if entry.flag_bits & 1:
        raise PackageError("the archive is encrypted.", hint="Unpack it yourself and add the folder.")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise PackageError(f"'{entry.filename}' is packed by a method other than deflate.", hint="Pack it as an ordinary ZIP.")
    if entry.file_size > _RATIO_FREE_BYTES and entry.file_size > _MAX_RATIO * max(entry.compress_size, 1):
        raise PackageError(
            f"'{entry.filename}' unpacks to more than {_MAX_RATIO} times what it occupies: a decompression bomb.",
            hint="Do not open this file.",
        )


def _below_one_folder(files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Give the files by name, without the one folder that some programs put around everything."""
    tops = {PurePosixPath(entry.filename).parts[0] for entry in files}
    top = next(iter(tops)) + "/" if len(tops) == 1 and all("/" in entry.filename for entry in files) else ""
    named = {entry.filename.removeprefix(top): entry for entry in files}
    if len({name.casefold() for name in named}) != len(files):
        raise PackageError("two files of the archive have the same name.", hint=_HINT)
    if MANIFEST_NAME not in named:
        raise PackageError(f"there is no {MANIFEST_NAME} in the archive, so this is not a model package.", hint=_HINT)
    return named


def _check_room(entries: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """Refuse what would fill the disk: the files are there twice for a moment."""
    needed = 2 * sum(entry.file_size for entry in entries.values()) + _FREE_BYTES
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise PackageError(f"unpacking needs {needed / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free.", hint="Make room on the disk.")


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one member, and no byte more than it declared."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with archive.open(entry) as source, target.open("xb") as sink:
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise PackageError(
                    f"'{entry.filename}' unpacks to more than it declares: a decompression bomb.", hint="Do not open this file."
                )
            sink.write(chunk)


def _remove_when_empty(folder: Path) -> None:
    """Leave no trace of an attempt: a folder of models that holds none is not kept."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
