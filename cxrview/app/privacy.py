"""What the window calls images and patients, and the attributes of a file: all of it without names when names are hidden; no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cxrview.app.state import AppState, LoadedPicture, TagRow, TagsShown, image_name
from cxrview.core.image import ImageRef
from cxrview.core.patient_tags import HIDDEN_TEXT, tells_who


def names_toggled(state: AppState) -> AppState:
    """Hide names and identifiers everywhere in the window, or show them again."""
    return replace(state, is_hiding_names=not state.is_hiding_names)


def shown_name(state: AppState, ref: ImageRef) -> str:
    """Name an image: by its file, or by its place in the list when names are hidden, for file names often hold the patient's."""
    if not state.is_hiding_names:
        return image_name(ref)
    place = state.listing.place_of(ref)
    frame = f" #{ref.frame + 1}" if ref.frame else ""
    return "Image" if place < 0 else f"Image {place + 1:,}{frame}"


def shown_title(state: AppState) -> str:
    """Name what is opened; folders are often named after patients."""
    scope = state.browser.scope
    return "Opened images" if state.is_hiding_names and scope.paths else scope.title


def searching_text(state: AppState) -> str:
    """Say what is being looked for; empty when nothing is."""
    if not state.searching:
        return ""
    return "Looking for radiographs…" if state.is_hiding_names else f"Looking for radiographs in {state.searching}…"


def patient_text(state: AppState) -> str:
    """Say whose picture is shown, as the file says it; empty when it says nothing or names are hidden."""
    if state.is_hiding_names or not isinstance(state.picture, LoadedPicture):
        return ""
    info = state.picture.pixels.info
    name = " ".join(part for part in info.patient_name.replace("^", " ").split() if part)
    about = (name, info.patient_id, info.patient_sex, info.patient_age, _date(info.study_date))
    return "  ·  ".join(text for text in about if text)


def _date(taken: str) -> str:
    """Write a DICOM date as people do; what is none stays as it is."""
    return f"{taken[:4]}-{taken[4:6]}-{taken[6:]}" if len(taken) == 8 and taken.isdecimal() else taken


# The attributes of the shown file.


def tags_opened(state: AppState) -> AppState:
    """Show the attributes of the shown file."""
    return replace(state, tags=TagsShown(is_open=True))


def tags_closed(state: AppState) -> AppState:
    """Put the attributes away."""
    return replace(state, tags=TagsShown())


def tags_read(state: AppState, ref: ImageRef, rows: Sequence[TagRow], problem: str = "") -> AppState:
    """Take the attributes of a file, if they are still wanted."""
    if not state.tags.is_open or ref != state.current:
        return state
    return replace(state, tags=TagsShown(is_open=True, ref=ref, rows=tuple(rows), problem=problem))


def tag_rows(state: AppState) -> tuple[TagRow, ...]:
    """Give the attributes as they may be shown."""
    rows = state.tags.rows
    if not state.is_hiding_names:
        return rows
    return tuple(replace(row, value=HIDDEN_TEXT) if row.value and tells_who(row.path, row.keyword, row.vr) else row for row in rows)


def matching_rows(rows: Sequence[TagRow], text: str) -> tuple[TagRow, ...]:
    """Keep the attributes in which each word of the text occurs, in any column and any case."""
    words = text.casefold().split()
    return tuple(row for row in rows if all(word in f"{row.path} {row.keyword} {row.vr} {row.value}".casefold() for word in words))
