"""The index as its users see it: what images there are, and what is kept about each. Any thread may call; writes wait their turn."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cxrview.core.errors import LibraryDamaged
from cxrview.core.image import ImageRef, VoiFunction, Window
from cxrview.io.places import places
from cxrview.io.read import Problem
from cxrview.library.database import Database
from cxrview.library.order import Order, order_of
from cxrview.library.records import Annotation, Choices, Image, Patient, Query, Result, Sort, Source, Study, View
from cxrview.library.rescue import rescue
from cxrview.library.results import parse_result, result_document
from cxrview.library.search import (
    Value,
    count_statement,
    ids_statement,
    is_below,
    order_statement,
    path_of,
    patients_statement,
    stored_path,
)
from cxrview.library.words import WORDS_OF_IMAGES

FILE_NAME: Final = "library.sqlite3"
_MOST_VALUES: Final = 500
_IMAGE: Final = (
    "SELECT image.id, path, member, frame, image.patient, study, patient.code, patient.name, patient.sex, age, study.description, taken,"
    " modality, view, body_part, laterality, manufacturer, format, rows, columns, bits, frames, reason, is_missing, top_label, top_score,"
    " flags, is_read, is_starred, note"
    " FROM image JOIN patient ON patient.id = image.patient JOIN study ON study.id = image.study"
)


class Library:
    """The study index.

    Attributes:
        notice: a sentence for the user about what happened on opening; mostly empty.
    """

    def __init__(self, database: Database, *, notice: str = "") -> None:
        self.database = database
        self.notice = notice

    @property
    def path(self) -> Path:
        """The file."""
        return self.database.path

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def find(self, query: Query) -> tuple[int, ...]:
        """Give the ids of all images that a query asks for, in its order."""
        statement = ids_statement(query)
        with self.database.reading() as connection:
            return tuple(row[0] for row in connection.execute(statement.sql, statement.values))

    def count(self, query: Query) -> int:
        """Tell how many images a query asks for."""
        statement = count_statement(query)
        with self.database.reading() as connection:
            return int(connection.execute(statement.sql, statement.values).fetchone()[0])

    def images(self, ids: Sequence[int], *, reader: str | None = None) -> tuple[Image, ...]:
        """Give the rows of some ids, a page of them say, in their order; ids that are gone are left out.

        Args:
            ids: of the rows.
            reader: the model whose label, score and flags stand in them; None for those of the newest result.
        """
        found: dict[int, Image] = {}
        with self.database.reading() as connection:
            for part in _parts(ids):
                rows = connection.execute(f"{_IMAGE} WHERE image.id IN ({_marks(part)})", part)
                found.update((row[0], _image(row)) for row in rows)
            if reader is not None:
                said = _said_by(connection, reader, ids)
                found = {number: _with_reading(image, said.get(number, _UNREAD)) for number, image in found.items()}
        return tuple(found[each] for each in ids if each in found)

    def order(self, query: Query, *, is_grouped: bool = False) -> Order:
        """Give the images that a query asks for, in its order, with what is needed to step through them.

        Args:
            query: which images.
            is_grouped: put images of one patient together, and those of one study, where the first of them stands.
        """
        statement = order_statement(query)
        with self.database.reading() as connection:
            keys = connection.execute(statement.sql, statement.values).fetchall()
        return order_of(keys, is_grouped=is_grouped)

    def image_of(self, ref: ImageRef) -> Image | None:
        """Give the row of an image; None when it is not in the index."""
        with self.database.reading() as connection:
            row = connection.execute(f"{_IMAGE} WHERE path = ? AND member = ? AND frame = ?", _key(ref)).fetchone()
        return _image(row) if row else None

    def patients(self, query: Query) -> tuple[Patient, ...]:
        """Give the patients of the images that a query asks for, by the date of their newest; `images` counts those images only."""
        statement = patients_statement(query)
        with self.database.reading() as connection:
            return tuple(Patient(*row) for row in connection.execute(statement.sql, statement.values))

    def studies(self, patient: int) -> tuple[Study, ...]:
        """Give the studies of a patient, the newest first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT id, patient, uid, date, description, accession, (SELECT count(*) FROM image WHERE study = study.id)"
                " FROM study WHERE patient = ? ORDER BY date DESC, id DESC",
                (patient,),
            )
            return tuple(Study(*row) for row in rows)

    def priors(self, image: int) -> tuple[Image, ...]:
        """Give the other images of the same patient, the newest first; undated ones last."""
        with self.database.reading() as connection:
            rows = connection.execute(
                f"{_IMAGE} WHERE image.patient = (SELECT patient FROM image WHERE id = ?)"  # noqa: S608 - constants
                " AND image.id <> ? AND reason = ''"
                " ORDER BY taken DESC, image.id DESC",
                (image, image),
            )
            return tuple(_image(row) for row in rows)

    def choices(self, *, reader: str | None = None) -> Choices:
        """Tell what there is to filter by; labels and flags of one model's results, or with None of the newest."""
        with self.database.reading() as connection:
            labels, flags = (
                (_distinct(connection, "top_label", "image"), _distinct(connection, "name", "flag"))
                if reader is None
                else (_read(connection, "label", reader), _read(connection, "flags", reader))
            )
            return Choices(
                modalities=_distinct(connection, "modality", "image"),
                labels=labels,
                flags=flags,
                models=_distinct(connection, "model", "score"),
            )

    def sources(self) -> tuple[Source, ...]:
        """Give what was added, in that order."""
        with self.database.reading() as connection:
            paths = [path_of(row[0]) for row in connection.execute("SELECT path FROM source ORDER BY id")]
        return tuple(
            Source(
                path,
                images=self.count(Query(folder=path)),
                missing=self.count(Query(folder=path, is_missing=True)),
                unreadable=self.count(Query(folder=path, is_readable=False)),
            )
            for path in paths
        )

    def recent(self, most: int) -> tuple[Path, ...]:
        """Give what was opened last, the newest first."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT path FROM source ORDER BY added DESC, id DESC LIMIT ?", (most,))
            return tuple(path_of(row[0]) for row in rows)

    def problems(self) -> tuple[Problem, ...]:
        """Give folders and archives that could not be looked into when they were added; images say for themselves (`Image.reason`)."""
        with self.database.reading() as connection:
            return tuple(Problem(path_of(row[0]), row[1]) for row in connection.execute("SELECT path, reason FROM problem ORDER BY id"))

    def set_read(self, images: Sequence[int], *, is_read: bool) -> None:
        """Mark images as read or unread."""
        self._set(images, "is_read", is_read, is_lasting=False)  # set by every look: no waiting for the disk

    def set_starred(self, images: Sequence[int], *, is_starred: bool) -> None:
        """Give images a star or take it away."""
        self._set(images, "is_starred", is_starred, is_lasting=True)

    def set_note(self, image: int, note: str) -> None:
        """Keep a note with an image; an empty one removes it."""
        with self.database.writing() as connection:
            connection.execute("UPDATE image SET note = ? WHERE id = ?", (note.strip(), image))
            connection.execute(f"{WORDS_OF_IMAGES} WHERE image.id = ?", (image,))

    def set_unreadable(self, image: int, reason: str) -> None:
        """Keep why an image could not be read when it was opened; an empty reason says that it could."""
        with self.database.writing(is_lasting=False) as connection:
            connection.execute("UPDATE image SET reason = ? WHERE id = ?", (reason, image))

    def window(self, image: int) -> Window | None:
        """Give the window with which an image was last looked at; None when it was never changed."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT window_center, window_width, window_function FROM image WHERE id = ?", (image,)).fetchone()
        return Window(row[0], row[1], VoiFunction(row[2])) if row and row[0] is not None else None

    def set_window(self, image: int, window: Window | None) -> None:
        """Remember the window of an image; None forgets it."""
        values = (window.center, window.width, str(window.function)) if window else (None, None, None)
        with self.database.writing(is_lasting=False) as connection:
            connection.execute("UPDATE image SET window_center = ?, window_width = ?, window_function = ? WHERE id = ?", (*values, image))

    def annotation(self, image: int) -> Annotation | None:
        """Give the annotations of an image."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT version, document FROM annotation WHERE image = ?", (image,)).fetchone()
        return Annotation(*row) if row else None

    def set_annotation(self, image: int, annotation: Annotation | None) -> None:
        """Keep the annotations of an image in place of earlier ones; None removes them. An image that is gone keeps none."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM annotation WHERE image = ?", (image,))
            if annotation is not None:
                connection.execute(
                    "INSERT INTO annotation (image, version, document) SELECT id, ?, ? FROM image WHERE id = ?",
                    (annotation.version, annotation.document, image),
                )

    def find_result(self, pixel_hash: str, model_hash: str) -> Result | None:
        """Give what a model said of a picture earlier, whatever file the picture was in."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT document FROM result WHERE pixel_hash = ? AND model_hash = ?", (pixel_hash, model_hash)
            ).fetchone()
        return parse_result(row[0]) if row else None

    def save_result(self, image: int, result: Result) -> None:
        """Keep a result, and let its scores, top label and flags stand with the image for sorting and filtering."""
        # As an answer is shown: a positive finding goes before a larger number under its threshold.
        top = max(result.scores, key=lambda score: (score.is_positive, score.probability), default=None)
        with self.database.writing(is_lasting=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO result (pixel_hash, model_hash, document) VALUES (?, ?, ?)",
                (result.pixel_hash, result.model_hash, result_document(result)),
            )
            changed = connection.execute(
                "UPDATE image SET top_label = ?, top_score = ?, flags = ? WHERE id = ?",
                (top.label if top else "", top.probability if top else None, " ".join(result.flags), image),
            ).rowcount
            if not changed:  # forgotten meanwhile
                return
            connection.execute(
                "INSERT OR REPLACE INTO reading (image, model, label, score, flags) VALUES (?, ?, ?, ?, ?)",
                (image, result.model_hash, top.label if top else "", top.probability if top else None, " ".join(result.flags)),
            )
            connection.execute("DELETE FROM score WHERE image = ? AND model = ?", (image, result.model_hash))
            connection.executemany(
                "INSERT INTO score (image, model, label, probability, is_positive) VALUES (?, ?, ?, ?, ?)",
                [(image, result.model_hash, score.label, score.probability, score.is_positive) for score in result.scores],
            )
            connection.execute("DELETE FROM flag WHERE image = ?", (image,))
            connection.executemany("INSERT INTO flag (image, name) VALUES (?, ?)", [(image, name) for name in dict.fromkeys(result.flags)])
            connection.execute(f"{WORDS_OF_IMAGES} WHERE image.id = ?", (image,))

    def forget(self, images: Sequence[int]) -> int:
        """Take images out of the index, with their notes, stars and annotations; the files stay. Gives how many were there."""
        with self.database.writing() as connection:
            return sum(_forget(connection, part) for part in _parts(images))

    def forget_source(self, path: Path) -> int:
        """Forget a folder or file that was added, and every image in it; gives how many images there were."""
        images = self.find(Query(folder=path, sort=Sort.NAME))
        with self.database.writing() as connection:
            connection.execute("DELETE FROM source WHERE path = ?", (stored_path(path),))
            below = is_below("path", path)
            connection.execute(f"DELETE FROM problem WHERE {below.sql}", below.values)  # noqa: S608 - marks
            return sum(_forget(connection, part) for part in _parts(images))

    def _set(self, images: Sequence[int], column: str, value: bool, *, is_lasting: bool) -> None:  # noqa: FBT001 - two callers, above
        with self.database.writing(is_lasting=is_lasting) as connection:
            for part in _parts(images):
                connection.execute(f"UPDATE image SET {column} = ? WHERE id IN ({_marks(part)})", (value, *part))  # noqa: S608 - marks


def open_library(path: Path | None = None, *, now: dt.datetime | None = None) -> Library:
    """Open the index, making it where there is none; a damaged one is set aside and rebuilt, and the notice tells.

    Args:
        path: the file; default: `library.sqlite3` in the data folder.
        now: stands in the name of a damaged file that is set aside; default: the clock's.

    Raises:
        LibraryError: it cannot be opened, made or set aside, or a newer program wrote it.
    """
    file = path or places().data_dir / FILE_NAME
    try:
        return Library(Database(file))
    except LibraryDamaged:
        done = rescue(file, now or dt.datetime.now())
        return Library(Database(file), notice=str(done))


def _forget(connection: sqlite3.Connection, images: Sequence[int]) -> int:
    marks = _marks(images)
    patients = [row[0] for row in connection.execute(f"SELECT DISTINCT patient FROM image WHERE id IN ({marks})", images)]  # noqa: S608
    connection.execute(f"DELETE FROM words WHERE rowid IN ({marks})", images)  # noqa: S608
    count = connection.execute(f"DELETE FROM image WHERE id IN ({marks})", images).rowcount  # noqa: S608
    of_these = f"({_marks(patients)})"
    connection.execute(
        f"DELETE FROM study WHERE patient IN {of_these} AND NOT EXISTS (SELECT 1 FROM image WHERE study = study.id)",  # noqa: S608
        patients,
    )
    connection.execute(
        f"DELETE FROM patient WHERE id IN {of_these} AND NOT EXISTS (SELECT 1 FROM image WHERE patient = patient.id)",  # noqa: S608
        patients,
    )
    return int(count)


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Cut a long list into what one statement takes."""
    return (tuple(ids[start : start + _MOST_VALUES]) for start in range(0, len(ids), _MOST_VALUES))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _distinct(connection: sqlite3.Connection, column: str, table: str) -> tuple[str, ...]:
    """Give the values of an indexed column, jumping from one to the next."""
    values: list[str] = []
    value = connection.execute(f"SELECT min({column}) FROM {table} WHERE {column} > ''").fetchone()[0]  # noqa: S608
    while value is not None:
        values.append(value)
        value = connection.execute(f"SELECT min({column}) FROM {table} WHERE {column} > ?", (value,)).fetchone()[0]  # noqa: S608
    return tuple(values)


_Reading = tuple[str, float | None, str]
"""Label, score and flags, as they stand in the table."""
_UNREAD: Final[_Reading] = ("", None, "")


def _said_by(connection: sqlite3.Connection, reader: str, ids: Sequence[int]) -> dict[int, _Reading]:
    said: dict[int, _Reading] = {}
    for part in _parts(ids):
        rows = connection.execute(
            f"SELECT image, label, score, flags FROM reading WHERE model = ? AND image IN ({_marks(part)})",  # noqa: S608 - marks
            (reader, *part),
        )
        said.update((row[0], (row[1], row[2], row[3])) for row in rows)
    return said


def _with_reading(image: Image, reading: _Reading) -> Image:
    label, score, flags = reading
    return replace(image, top_label=label, top_score=score, flags=tuple(flags.split()))


def _read(connection: sqlite3.Connection, column: str, reader: str) -> tuple[str, ...]:
    """Give the words that stand in a column of one model's results."""
    rows = connection.execute(f"SELECT DISTINCT {column} FROM reading WHERE model = ?", (reader,))  # noqa: S608 - a name of ours
    return tuple(sorted({word for row in rows for word in row[0].split()}))


def _key(ref: ImageRef) -> tuple[Value, ...]:
    return stored_path(ref.path), ref.member, ref.frame


# Any: a row holds whatever the columns of `_IMAGE` hold, in their order.
def _image(row: Sequence[Any]) -> Image:
    return Image(
        id=row[0],
        ref=ImageRef(path_of(row[1]), row[2], row[3]),
        patient=row[4],
        study=row[5],
        patient_code=row[6],
        patient_name=row[7],
        patient_sex=row[8],
        patient_age=row[9],
        study_description=row[10],
        taken=row[11],
        modality=row[12],
        view=View(row[13]),
        body_part=row[14],
        laterality=row[15],
        manufacturer=row[16],
        format=row[17],
        rows=row[18],
        columns=row[19],
        bits=row[20],
        frames=row[21],
        reason=row[22],
        is_missing=bool(row[23]),
        top_label=row[24],
        top_score=row[25],
        flags=tuple(row[26].split()),
        is_read=bool(row[27]),
        is_starred=bool(row[28]),
        note=row[29],
    )
