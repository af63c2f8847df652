"""Files that are either complete or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; it takes the target's place when the block ends without an error.

    The folder of `target` is made when it is missing. After an error nothing is left of the temporary file, and an older
    `target` is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str, *, errors: str = "strict") -> None:
    r"""Write a UTF-8 text file, complete or not at all.

    Args:
        target: the file.
        text: what it is to hold.
        errors: `backslashreplace` writes bytes of file names that are no UTF-8 as `\udcNN`, for people to read.

    Raises:
        UnicodeEncodeError: the text holds such bytes, and `errors` is `strict`.
    """
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=errors, newline="\n")


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
