"""The words of an image that free-text search looks through, and the search as SQLite wants it."""

from __future__ import annotations

import re
from typing import Final

_TEXTS: Final = " || ' ' || ".join(
    (
        *("patient.name", "patient.code", "patient.sex", "patient.birth_date"),
        *("study.description", "study.accession", "replace(study.uid, '.', '')"),
        *("image.modality", "image.view", "image.body_part", "image.laterality", "image.age", "image.manufacturer", "image.institution"),
        *("image.series_description", "replace(image.series_uid, '.', '')", "replace(image.sop_uid, '.', '')"),
        *("image.format", "image.taken", "image.reason", "image.path", "image.member"),
    )
)
WORDS_OF_IMAGES: Final = (
    "INSERT OR REPLACE INTO words (rowid, about, note, findings)"  # noqa: S608 - constants
    f" SELECT image.id, {_TEXTS}, image.note,"
    " coalesce((SELECT group_concat(label, ' ') FROM score WHERE score.image = image.id AND is_positive), '') || ' ' || image.flags"
    " FROM image JOIN patient ON patient.id = image.patient JOIN study ON study.id = image.study"
)
"""Writes the words of all images; with a condition behind it, of some."""

_UID: Final = re.compile(r"\d+(?:\.\d+){3,}\.?")


def match_of(text: str) -> str:
    """Turn what a person types into a full-text search: every word must begin a word of the image; empty for no search.

    A UID, whole or its beginning, is one word.
    """
    words = (word.replace(".", "") if _UID.fullmatch(word) else word for word in text.replace("\0", " ").split())
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words if any(letter.isalnum() for letter in word))
