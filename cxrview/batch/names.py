"""File names that are no UTF-8, as texts that are: Linux lets a name be any bytes, files of text and Parquet do not."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\udc([89a-f][0-9a-f])")


def to_utf8(text: str) -> str:
    r"""Write each byte of a name that is no UTF-8 as `\udcNN`, so that the text can stand anywhere; other texts stay as they are."""
    return text.encode(errors="backslashreplace").decode()


def from_utf8(text: str) -> str:
    """Give the name again that `to_utf8` was given."""
    return _ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)
