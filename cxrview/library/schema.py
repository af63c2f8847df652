"""The tables of the index, and the steps from one version of them to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from cxrview.core.errors import LibraryError

APPLICATION_ID: Final = 0x43585256  # "CXRV"

_TABLES: Final = """
CREATE TABLE source (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, added TEXT NOT NULL);
CREATE TABLE problem (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, reason TEXT NOT NULL);
CREATE TABLE patient (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, code TEXT NOT NULL, name TEXT NOT NULL, sex TEXT NOT NULL, birth_date TEXT NOT NULL
);
CREATE TABLE study (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL REFERENCES patient, key TEXT NOT NULL, uid TEXT NOT NULL, date TEXT NOT NULL,
    description TEXT NOT NULL, accession TEXT NOT NULL, UNIQUE (patient, key)
);
CREATE TABLE image (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, member TEXT NOT NULL, frame INTEGER NOT NULL,
    patient INTEGER NOT NULL REFERENCES patient, study INTEGER NOT NULL REFERENCES study,
    size INTEGER NOT NULL, changed INTEGER NOT NULL, added TEXT NOT NULL,
    format TEXT NOT NULL, modality TEXT NOT NULL, view TEXT NOT NULL, body_part TEXT NOT NULL, laterality TEXT NOT NULL, age TEXT NOT NULL,
    manufacturer TEXT NOT NULL, institution TEXT NOT NULL, series_uid TEXT NOT NULL, series_description TEXT NOT NULL,
    sop_uid TEXT NOT NULL, taken TEXT NOT NULL,
    rows INTEGER NOT NULL, columns INTEGER NOT NULL, bits INTEGER NOT NULL, frames INTEGER NOT NULL, reason TEXT NOT NULL,
    is_missing INTEGER NOT NULL DEFAULT 0, is_read INTEGER NOT NULL DEFAULT 0, is_starred INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '', top_label TEXT NOT NULL DEFAULT '', top_score REAL, flags TEXT NOT NULL DEFAULT '',
    window_center REAL, window_width REAL, window_function TEXT,
    has_note INTEGER GENERATED ALWAYS AS (note <> '') STORED, is_readable INTEGER GENERATED ALWAYS AS (reason = '') STORED,
    UNIQUE (path, member, frame)
);
CREATE TABLE annotation (
    id INTEGER PRIMARY KEY, image INTEGER NOT NULL UNIQUE REFERENCES image ON DELETE CASCADE,
    version INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE TABLE result (
    id INTEGER PRIMARY KEY, pixel_hash TEXT NOT NULL, model_hash TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (pixel_hash, model_hash)
);
CREATE TABLE score (
    id INTEGER PRIMARY KEY, image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE,
    model TEXT NOT NULL, label TEXT NOT NULL, probability REAL NOT NULL, is_positive INTEGER NOT NULL,
    UNIQUE (image, model, label)
);
CREATE TABLE flag (
    id INTEGER PRIMARY KEY, image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE, name TEXT NOT NULL, UNIQUE (name, image)
);
CREATE VIRTUAL TABLE words USING fts5 (about, note, findings, tokenize = "unicode61 remove_diacritics 2");
"""

# The lists by date, which everybody sees first, come from one index that holds what the filters ask for: no row of `image` is touched.
_INDICES: Final = """
CREATE INDEX image_by_date ON image (
    taken, id, view, modality, is_read, is_starred, has_note, is_missing, is_readable, top_label, top_score
);
CREATE INDEX image_by_patient ON image (patient, study, taken);
CREATE INDEX image_by_study ON image (study);
CREATE INDEX image_by_view ON image (view);
CREATE INDEX image_by_modality ON image (modality);
CREATE INDEX image_by_label ON image (top_label);
CREATE INDEX image_by_score ON image (top_score);
CREATE INDEX image_by_flags ON image (flags);
CREATE INDEX image_by_read ON image (is_read);
CREATE INDEX image_by_star ON image (is_starred);
CREATE INDEX image_by_note ON image (has_note);
CREATE INDEX image_by_readability ON image (is_readable);
CREATE INDEX image_by_presence ON image (is_missing);
CREATE INDEX patient_by_name ON patient (name, code);
CREATE INDEX score_by_label ON score (model, label, probability, image);
CREATE INDEX flag_of_image ON flag (image);
"""

_READINGS: Final = """
CREATE TABLE reading (
    id INTEGER PRIMARY KEY, image INTEGER NOT NULL REFERENCES image ON DELETE CASCADE,
    model TEXT NOT NULL, label TEXT NOT NULL, score REAL, flags TEXT NOT NULL, UNIQUE (image, model)
);
CREATE INDEX reading_by_label ON reading (model, label, score, image);
INSERT INTO reading (image, model, label, score, flags)
SELECT image, model, label, probability, '' FROM (
    SELECT *, row_number() OVER (PARTITION BY image, model ORDER BY is_positive DESC, probability DESC) AS place FROM score
) WHERE place = 1;
"""

MIGRATIONS: Final = (_TABLES + _INDICES, _READINGS)
"""Script number n takes an index from version n to n + 1. A script that has been released is never changed."""

KEPT: Final = ("source", "patient", "study", "image", "annotation", "result", "score", "flag", "reading")
"""Tables that a rescue copies, those before the ones that refer to them."""


def migrate(connection: sqlite3.Connection, scripts: Sequence[str] = MIGRATIONS) -> None:
    """Bring an index to the present version, in one transaction: all of it or nothing.

    Raises:
        LibraryError: a newer program wrote it.
        sqlite3.Error: it cannot be written.
    """
    if version_of(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version_of(connection)  # another process may have done it meanwhile
        if found > len(scripts):
            raise LibraryError(
                f"The library has version {found}; this program knows up to {len(scripts)}.", hint="Use the newer cxrview that wrote it."
            )
        for script in scripts[found:]:
            for statement in filter(str.strip, script.split(";\n")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection) -> int:
    """Give the version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
