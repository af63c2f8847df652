"""Writes the list that is seen as a CSV table, complete or not at all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrview.app.controllers.shelf import Shelf
from cxrview.app.row_texts import date_text
from cxrview.app.state import AppState, ReadyModel, notice_given, reader_of
from cxrview.app.store import Store
from cxrview.app.tasks import Context
from cxrview.core.errors import CxrError
from cxrview.io.atomic import replacing
from cxrview.library.library import Library
from cxrview.library.records import Image

KEY = "save list"
PAGE = 500
COLUMNS = (
    *("number", "patient", "patient_id", "sex", "age", "date", "study", "modality", "view", "body_part", "file", "columns", "rows"),
    *("model", "top_label", "top_score", "flags", "is_read", "is_starred", "note", "is_missing", "problem"),
)
TELLING = frozenset({"patient", "patient_id", "study", "file", "note"})
"""Columns that may tell who a patient is; left out while names are hidden."""
_LEADERS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Reader:
    """The model whose scores stand in the table: how its answers are kept, and its name for people."""

    key: str
    title: str

    @classmethod
    def of(cls, state: AppState) -> _Reader:
        entry = state.model.entry if isinstance(state.model, ReadyModel) else None
        return cls(reader_of(state), "" if entry is None else f"{entry.id} {entry.version}")


class Tables:
    """Saves lists."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf

    def save(self, path: Path) -> None:
        """Write the list, in its order and as it is narrowed now."""
        state = self._store.state
        ids, is_hiding, reader = tuple(state.listing.ids), state.is_hiding_names, _Reader.of(state)
        target = path if path.suffix else path.with_name(f"{path.name}.csv")
        self._shelf.index(
            KEY,
            lambda library, context: _write(library, ids, target, context, reader, is_hiding=is_hiding),
            lambda count: self._store.apply(notice_given, f"{count:,} rows were saved as {target}."),
            on_failed=lambda error: self._store.apply(notice_given, str(error)),
            on_progress=lambda _progress: None,
        )


def _write(library: Library, ids: Sequence[int], target: Path, context: Context, reader: _Reader, *, is_hiding: bool) -> int:
    names = [name for name in COLUMNS if not (is_hiding and name in TELLING)]
    count = 0
    try:
        with replacing(target) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as stream:
            table = csv.DictWriter(stream, names, extrasaction="ignore")
            table.writeheader()
            for start in range(0, len(ids), PAGE):
                context.check()
                for image in library.images(ids[start : start + PAGE], reader=reader.key):
                    count += 1
                    table.writerow({name: _harmless(value) for name, value in _row(count, image, reader).items()})
    except OSError as error:
        told = error.strerror or "it cannot be written"
        raise CxrError(f"The list cannot be saved there ({told}).", hint="Choose another folder.", subject=str(target)) from error
    return count


def _row(number: int, image: Image, reader: _Reader) -> dict[str, str]:
    return {
        "number": str(number),
        "patient": image.patient_name,
        "patient_id": image.patient_code,
        "sex": image.patient_sex,
        "age": image.patient_age,
        "date": date_text(image.taken),
        "study": image.study_description,
        "modality": image.modality,
        "view": str(image.view),
        "body_part": image.body_part,
        "file": str(image.ref),
        "columns": str(image.columns or ""),
        "rows": str(image.rows or ""),
        "model": "" if image.top_score is None else reader.title,
        "top_label": image.top_label,
        "top_score": "" if image.top_score is None else f"{image.top_score:.6f}",
        "flags": " ".join(image.flags),
        "is_read": _yes(image.is_read),
        "is_starred": _yes(image.is_starred),
        "note": image.note,
        "is_missing": _yes(image.is_missing),
        "problem": image.reason,
    }


def _yes(value: bool) -> str:  # noqa: FBT001 - the only thing it takes
    return "1" if value else "0"


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{text}" if text.startswith(_LEADERS) else text
