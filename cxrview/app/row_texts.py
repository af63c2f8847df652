"""The words of the study browser for an image, a study and a patient, without names when names are hidden; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cxrview.app.outline import Node, NodeKind
from cxrview.app.privacy import shown_name
from cxrview.app.state import AppState, Outcome, known_flags
from cxrview.core.image import ImageRef
from cxrview.core.trust import refusal
from cxrview.library.records import Image, View

SEPARATOR = "  ·  "
SEXES = {"F": "female", "M": "male", "O": "other"}


class Tone(StrEnum):
    """What the second line of a row says: nothing special, a finding, an error."""

    PLAIN = "plain"
    POSITIVE = "positive"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RowText:
    """The two lines of a row.

    Attributes:
        is_faint: the file is not there.
    """

    title: str
    detail: str = ""
    tone: Tone = Tone.PLAIN
    is_faint: bool = False
    is_unread: bool = False
    is_starred: bool = False
    has_note: bool = False


def row_text(state: AppState, node: Node, image: Image | None) -> RowText:
    """Give the words of a row in the list by patient; `image` is the first below it, None until it was fetched."""
    if image is None:
        return RowText("…")
    if node.kind is NodeKind.PATIENT:
        return RowText(person_text(state, image, node.number), _counts(node, image))
    if node.kind is NodeKind.STUDY:
        described = "" if state.is_hiding_names else image.study_description
        title = SEPARATOR.join(text for text in (date_text(image.taken), described) if text) or "Study without a date"
        return RowText(title, _number(node.images, "image", "images"))
    title = person_text(state, image, node.number) if node.kind is NodeKind.LONE_IMAGE else image_title(state, image)
    about = (date_text(image.taken), view_text(image.view)) if node.kind is NodeKind.LONE_IMAGE else ()
    return image_text(state, image, title, about)


def tile_text(state: AppState, image: Image | None) -> RowText:
    """Give the words below a thumbnail."""
    if image is None:
        return RowText("…")
    has_person = bool(image.patient_name) or image.format == "DICOM"
    return image_text(state, image, person_text(state, image, 0) if has_person else shown_name(state, image.ref), ())


def image_text(state: AppState, image: Image, title: str, about: tuple[str, ...]) -> RowText:
    """Give title and outcome of an image; `about` comes before the outcome."""
    outcome, tone = outcome_line(state, image)
    return RowText(
        title=title,
        detail=SEPARATOR.join(text for text in (*about, outcome) if text),
        tone=tone,
        is_faint=image.is_missing,
        is_unread=not image.is_read,
        is_starred=image.is_starred,
        has_note=bool(image.note),
    )


def person_text(state: AppState, image: Image, number: int) -> str:
    """Name whose image it is, else the file; by number when names are hidden."""
    if state.is_hiding_names:
        return f"Patient {number:,}" if number else shown_name(state, image.ref)
    name = " ".join(part for part in image.patient_name.replace("^", " ").split() if part)
    if name or image.format == "DICOM":
        return SEPARATOR.join(text for text in dict.fromkeys((name, image.patient_code)) if text) or shown_name(state, image.ref)
    return image.patient_code or shown_name(state, image.ref)


def image_title(state: AppState, image: Image) -> str:
    """Name an image among others of its study: how it was taken, and its file."""
    return SEPARATOR.join(text for text in (view_text(image.view), shown_name(state, image.ref)) if text)


def outcome_line(state: AppState, image: Image) -> tuple[str, Tone]:
    """Say what came out for an image: in this session, else as the library remembers."""
    if image.is_missing:
        return "file not found", Tone.PLAIN
    if state.is_blinded:
        return image.reason, Tone.ERROR
    outcome = state.outcomes.by_ref.get(image.ref)
    if outcome is not None and outcome.withheld:
        return "scores withheld", Tone.PLAIN
    if outcome is not None and outcome.top is not None:
        return f"{outcome.top.label.name} {outcome.top.probability:.2f}", Tone.POSITIVE if outcome.top.is_raised else Tone.PLAIN
    if image.reason or (outcome is not None and outcome.error):
        return image.reason or (outcome.error if outcome else ""), Tone.ERROR
    if image.top_score is None:
        return "not scored", Tone.PLAIN
    if image.ref not in state.shown_anyway and refusal(None, known_flags(image.flags)):
        return "scores withheld", Tone.PLAIN
    return f"{label_text(image.top_label)} {image.top_score:.2f}", Tone.PLAIN


def tip_text(state: AppState, image: Image | None) -> str:
    """Tell everything that is known of an image, a line for each."""
    if image is None:
        return ""
    lines = [] if state.is_hiding_names else [str(image.ref)]
    size = f"{image.columns} × {image.rows} px" if image.columns else ""
    about = (image.format, image.modality, view_text(image.view), date_text(image.taken), size, image.manufacturer)
    lines.append(SEPARATOR.join(text for text in about if text))
    if image.is_missing:
        lines.append("The file was not there when it was last looked for; it comes back with its notes.")
    outcome = state.outcomes.by_ref.get(image.ref)
    is_recalled = state.is_blinded or (outcome is None and image.top_score is not None)
    lines.append(outcome_line(state, image)[0] if is_recalled else image.reason or outcome_text(outcome))
    if image.note:
        lines.append(f"Note: {image.note}")
    return "\n".join(line for line in lines if line)


def outcome_text(outcome: Outcome | None) -> str:
    """Say what came out for an image."""
    if outcome is None:
        return "Not scored yet"
    if outcome.top is None:
        return outcome.error
    if outcome.withheld:
        return outcome.withheld
    above = "at or above" if outcome.top.is_positive else "under"
    return f"{outcome.top.label.name} {outcome.top.probability:.2f}, {above} its threshold {outcome.top.threshold:.2f}"


def spoken_text(node: Node, text: RowText) -> str:
    """Give what a screen reader says of a row beyond its two lines."""
    said = {NodeKind.PATIENT: "patient, unfolded" if node.is_unfolded else "patient, folded", NodeKind.STUDY: "study"}
    parts = [said.get(node.kind, "image"), text.detail]
    parts += [word for word, holds in (("unread", text.is_unread), ("starred", text.is_starred), ("with a note", text.has_note)) if holds]
    return ", ".join(part for part in parts if part)


def date_text(taken: str) -> str:
    """Write `YYYYMMDD...` as a date; empty when there is none."""
    return f"{taken[:4]}-{taken[4:6]}-{taken[6:8]}" if len(taken) >= 8 else taken


def view_text(view: View) -> str:
    """Name a view; nothing for one that is not known."""
    return "" if view is View.UNKNOWN else str(view)


def label_text(label: str) -> str:
    """Make a label's id readable, for models that are not open."""
    words = label.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def count_text(state: AppState) -> str:
    """Tell how many images and patients are listed."""
    listing = state.listing
    images = _number(len(listing.shown), "image", "images")
    patients = f" of {_number(listing.patients, 'patient', 'patients')}" if listing.patients else ""
    others = state.browser.others
    return images + patients + (f", {_number(others, 'other file', 'other files')}" if others and not state.searching else "")


def image_of_ref(state: AppState, ref: ImageRef | None) -> Image | None:
    """Give what was fetched of an image of the list."""
    place = state.listing.place_of(ref)
    return state.browser.rows.by_id.get(state.listing.ids[place]) if place >= 0 and state.listing.ids else None


def _counts(node: Node, image: Image) -> str:
    who = ", ".join(text for text in (SEXES.get(image.patient_sex, ""), _age(image.patient_age)) if text)
    studies = _number(node.studies, "study", "studies")
    return SEPARATOR.join(text for text in (who, f"{studies}, {_number(node.images, 'image', 'images')}") if text)


def _age(age: str) -> str:
    """Write `063Y` as `63 y`."""
    unit = {"Y": "y", "M": "months", "W": "weeks", "D": "days"}.get(age[-1:].upper(), "")
    return f"{int(age[:-1])} {unit}" if unit and age[:-1].isdecimal() else ""


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
