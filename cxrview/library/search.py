"""A query to SQL: ids of images in order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxrview.library.records import Query, Sort
from cxrview.library.words import match_of

Value = str | int | float | None

_ORDERS: Final = {
    Sort.DATE: "image.taken",
    Sort.PATIENT: "patient.name",
    Sort.VIEW: "image.view",
    Sort.MODALITY: "image.modality",
    Sort.LABEL: "image.top_label",
    Sort.SCORE: "image.top_score",
    Sort.FLAG: "image.flags",
    Sort.READ: "image.is_read",
    Sort.STAR: "image.is_starred",
    Sort.NOTE: "image.has_note",
    Sort.NAME: "image.path",
    Sort.ADDED: "image.id",
}
_MORE_OF_ORDER: Final = {
    Sort.NAME: ("image.member", "image.frame"),
    Sort.PATIENT: ("patient.code", "patient.id", "image.study", "image.taken"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, or a condition in it, and the values for its marks."""

    sql: str
    values: tuple[Value, ...] = ()


def ids_statement(query: Query) -> Statement:
    """Make the statement that gives the ids of the images, in order."""
    tables = "patient CROSS JOIN image ON image.patient = patient.id" if query.sort is Sort.PATIENT else "image"
    return _statement("image.id", tables, query, f"ORDER BY {_order(query)}")


def order_statement(query: Query) -> Statement:
    """Make the statement that gives id, patient, study, path, member and frame of the images, in order."""
    tables = "patient CROSS JOIN image ON image.patient = patient.id" if query.sort is Sort.PATIENT else "image"
    wanted = "image.id, image.patient, image.study, image.path, image.member, image.frame"
    return _statement(wanted, tables, query, f"ORDER BY {_order(query)}")


def count_statement(query: Query) -> Statement:
    """Make the statement that counts the images."""
    return _statement("count(*)", "image", query, "")


def patients_statement(query: Query) -> Statement:
    """Make the statement that gives the patients who have such images, with how many there are and the newest date."""
    groups = _statement("image.patient AS id, count(*) AS images, max(image.taken) AS newest", "image", query, "GROUP BY image.patient")
    sql = (
        f"SELECT id, code, name, sex, birth_date, images, newest FROM ({groups.sql}) JOIN patient USING (id)"  # noqa: S608 - texts of ours
        f" ORDER BY newest {_direction(query)}, id"
    )
    return Statement(sql, groups.values)


def _statement(wanted: str, tables: str, query: Query, tail: str) -> Statement:
    """Put the parts together; they are texts of ours, what people type is among the values."""
    join, joined = _joins(query)
    conditions = tuple(_conditions(query))
    where = " WHERE " + " AND ".join(condition.sql for condition in conditions) if conditions else ""
    sql = f"SELECT {wanted} FROM {tables}{join}{where} {tail}"  # noqa: S608
    return Statement(sql, (*joined, *(value for condition in conditions for value in condition.values)))


def _order(query: Query) -> str:
    direction = _direction(query)
    first = "score.probability" if query.sort is Sort.SCORE and _wants_scores(query) else _column(query, _ORDERS[query.sort])
    keys = (first, *_MORE_OF_ORDER.get(query.sort, ()), "image.id")
    return ", ".join(f"{key} {direction}" for key in dict.fromkeys(keys))


def _direction(query: Query) -> str:
    return "DESC" if query.is_descending else "ASC"


def _wants_scores(query: Query) -> bool:
    """Tell whether the scores of one model for one label are asked for, not those of the newest result."""
    return bool(query.model and query.label)


def _joins(query: Query) -> tuple[str, tuple[Value, ...]]:
    join: str = ""
    values: tuple[Value, ...] = ()
    if _wants_scores(query):
        join, values = " JOIN score ON score.image = image.id AND score.model = ? AND score.label = ?", (query.model, query.label)
    if query.reader is None or not asks_reader(query):
        return join, values
    return f"{join} LEFT JOIN reading ON reading.image = image.id AND reading.model = ?", (*values, query.reader)


# What stands with an image of the newest result, and the same of a reader that is asked for.
_OF_READER: Final = {"image.top_label": "reading.label", "image.top_score": "reading.score", "image.flags": "reading.flags"}


def asks_reader(query: Query) -> bool:
    """Tell whether a query depends on what one model said."""
    narrows = bool(query.label or query.flag) or query.least_score is not None or query.greatest_score is not None
    return narrows or query.sort in (Sort.LABEL, Sort.SCORE, Sort.FLAG)


def _column(query: Query, column: str) -> str:
    return column if query.reader is None else _OF_READER.get(column, column)


def _conditions(query: Query) -> Iterator[Statement]:
    match = match_of(query.text)
    if match:
        yield Statement("+image.id IN (SELECT rowid FROM words WHERE words MATCH ?)", (match,))
    if query.first_date:
        yield Statement("image.taken >= ?", (query.first_date,))
    if query.last_date:
        yield Statement("image.taken <= ? AND image.taken <> ''", (query.last_date + "~",))  # the whole day
    yield from _choices("image.view", tuple(map(str, query.views)))
    yield from _choices("image.modality", query.modalities)
    yield from _score_conditions(query)
    if query.flag and query.reader is not None:
        yield Statement("instr(' ' || reading.flags || ' ', ?) > 0", (f" {query.flag} ",))
    elif query.flag:
        yield Statement("image.id IN (SELECT image FROM flag WHERE name = ?)", (query.flag,))
    yield from _questions(query)
    if query.patient is not None:
        yield Statement("image.patient = ?", (query.patient,))
    if query.study is not None:
        yield Statement("image.study = ?", (query.study,))
    if query.folder is not None:
        yield is_below("image.path", query.folder)
    if query.below:
        yield _is_below_one_of(query.below)


def _choices(column: str, wanted: tuple[str, ...]) -> Iterator[Statement]:
    """Make a condition that the planner takes for a sieve and not for a way in: a few values stand in half of all rows."""
    if wanted:
        yield Statement(f"+{column} IN ({', '.join('?' * len(wanted))})", wanted)


def _score_conditions(query: Query) -> Iterator[Statement]:
    column = "score.probability" if _wants_scores(query) else _column(query, "image.top_score")
    if query.label and not query.model:
        yield Statement(f"{_column(query, 'image.top_label')} = ?", (query.label,))
    if query.model and not query.label:
        yield Statement("image.id IN (SELECT image FROM score WHERE model = ?)", (query.model,))
    if query.least_score is not None:
        yield Statement(f"{column} >= ?", (query.least_score,))
    if query.greatest_score is not None:
        yield Statement(f"{column} <= ?", (query.greatest_score,))


def _questions(query: Query) -> Iterator[Statement]:
    # Few images are starred, noted, missing or unreadable: there the index is the way in, else a sieve.
    asked = (
        (query.is_read, "+image.is_read", "NOT +image.is_read"),
        (query.is_starred, "image.is_starred = 1", "NOT +image.is_starred"),
        (query.has_note, "image.has_note = 1", "NOT +image.has_note"),
        (query.is_missing, "image.is_missing = 1", "NOT +image.is_missing"),
        (query.is_readable, "+image.is_readable", "image.is_readable = 0"),
    )
    for answer, yes, no in asked:
        if answer is not None:
            yield Statement(yes if answer else no)


def is_below(column: str, folder: Path) -> Statement:
    """Make the condition that a path is this one or lies below it: one range of the index, less what only begins alike."""
    text = stored_path(folder).rstrip(os.sep)
    inside, behind = text + os.sep, text + chr(ord(os.sep) + 1)
    return Statement(f"{column} >= ? AND {column} < ? AND ({column} = ? OR {column} >= ?)", (text, behind, text, inside))


def _is_below_one_of(paths: tuple[Path, ...]) -> Statement:
    """Make the condition for several paths; many, as when files are dropped by the hundred, are handed over as one list."""
    if len(paths) <= _FEW_PATHS:
        each = [is_below("image.path", path) for path in paths]
        return Statement(f"({' OR '.join(f'({one.sql})' for one in each)})", tuple(value for one in each for value in one.values))
    texts = json.dumps([stored_path(path).rstrip(os.sep) for path in paths])
    is_one = "image.path IN (SELECT value FROM json_each(?))"
    is_inside = "EXISTS (SELECT 1 FROM json_each(?) WHERE image.path >= value || ? AND image.path < value || ?)"
    return Statement(f"({is_one} OR {is_inside})", (texts, texts, os.sep, chr(ord(os.sep) + 1)))


_FEW_PATHS: Final = 50
_ESCAPED: Final = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
_UNESCAPED: Final = {escaped: plain for plain, escaped in _ESCAPED.items()}


def stored_path(path: Path) -> str:
    """Give a path as it stands in the index: bytes of a name that are no text become characters of the last private plane."""
    text = os.fspath(path)
    return text if text.isascii() else text.translate(_ESCAPED)


def path_of(stored: str) -> Path:
    """Give the path back."""
    return Path(stored if stored.isascii() else stored.translate(_UNESCAPED))
