"""The flags of a row in words for people, whatever program wrote them."""

from __future__ import annotations

from cxrview.core.flags import Flag, flag_words

_WORDS = {str(flag): flag_words(flag) for flag in Flag}


def flag_text(flag: str) -> str:
    """Name a flag as the window does; one that is not known here by the word of the table."""
    return _WORDS.get(flag, flag.replace("_", " "))
