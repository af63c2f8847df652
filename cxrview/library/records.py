"""What the index tells and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cxrview.core.image import ImageRef


class View(StrEnum):
    """From which side the picture was taken, as far as the file says."""

    PA = "PA"
    AP = "AP"
    LATERAL = "lateral"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a file without reading its pixels; empty or 0 where it does not say.

    Attributes:
        patient_key: the same for images of one patient; never shown.
        study_key: the same for images of one study of the patient; never shown.
        taken: `YYYYMMDD` or `YYYYMMDDhhmmss`.
        frames: pictures in the file.
        reason: why the file cannot be read.
    """

    patient_key: str
    study_key: str
    view: View = View.UNKNOWN
    format: str = ""
    patient_code: str = ""
    patient_name: str = ""
    patient_sex: str = ""
    patient_age: str = ""
    birth_date: str = ""
    study_uid: str = ""
    study_date: str = ""
    study_description: str = ""
    accession: str = ""
    series_uid: str = ""
    series_description: str = ""
    sop_uid: str = ""
    taken: str = ""
    modality: str = ""
    body_part: str = ""
    laterality: str = ""
    manufacturer: str = ""
    institution: str = ""
    rows: int = 0
    columns: int = 0
    bits: int = 0
    frames: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient; `code` is the Patient ID of the files, `images` how many there are, `newest` the date of the last."""

    id: int
    code: str
    name: str
    sex: str
    birth_date: str
    images: int
    newest: str


@dataclass(frozen=True, slots=True)
class Study:
    """One study of a patient."""

    id: int
    patient: int
    uid: str
    date: str
    description: str
    accession: str
    images: int


@dataclass(frozen=True, slots=True)
class Image:
    """One row of the study browser.

    Attributes:
        patient: id of the `Patient`.
        study: id of the `Study`.
        taken: `YYYYMMDD` or `YYYYMMDDhhmmss`, empty when unknown.
        reason: why it cannot be read; empty when it can.
        is_missing: the file was not there when it was last looked for.
        top_label: label that leads in the result of the model that was asked for, else in the newest; empty when there is none.
        top_score: its probability; None when there is none.
        flags: of the same result.
    """

    id: int
    ref: ImageRef
    patient: int
    study: int
    patient_code: str
    patient_name: str
    patient_sex: str
    patient_age: str
    study_description: str
    taken: str
    modality: str
    view: View
    body_part: str
    laterality: str
    manufacturer: str
    format: str
    rows: int
    columns: int
    bits: int
    frames: int
    reason: str
    is_missing: bool
    top_label: str
    top_score: float | None
    flags: tuple[str, ...]
    is_read: bool
    is_starred: bool
    note: str


class Sort(StrEnum):
    """What a list is sorted by; equals follow in the order in which they were added."""

    DATE = "date"
    PATIENT = "patient"
    VIEW = "view"
    MODALITY = "modality"
    LABEL = "label"
    SCORE = "score"
    FLAG = "flag"
    READ = "read"
    STAR = "star"
    NOTE = "note"
    NAME = "name"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Query:
    """Which images, in which order; what is left as it is restricts nothing.

    Attributes:
        text: words, of which every one begins a word of the image's texts: patient, study, file, device, findings, note.
        first_date: `YYYYMMDD`, the earliest that is wanted.
        last_date: `YYYYMMDD`, the latest that is wanted.
        label: with `model`, and scores below: only images with a result for this label; alone: the top label.
        model: whose scores of `label` count; empty for the newest result of each image.
        least_score: lowest probability that is wanted, of `label`, else of the top label.
        greatest_score: highest probability that is wanted.
        flag: only images whose result has it.
        reader: the model whose results count wherever top label, top score and flags are asked for, and no other's; None for the
            newest result of each image, whosever it is.
        patient: id of a patient.
        study: id of a study.
        folder: only images below this folder, or in this archive.
        below: only images of these files and archives, or below these folders.
    """

    text: str = ""
    first_date: str = ""
    last_date: str = ""
    views: tuple[View, ...] = ()
    modalities: tuple[str, ...] = ()
    label: str = ""
    model: str = ""
    least_score: float | None = None
    greatest_score: float | None = None
    flag: str = ""
    is_read: bool | None = None
    is_starred: bool | None = None
    has_note: bool | None = None
    is_missing: bool | None = None
    is_readable: bool | None = None
    patient: int | None = None
    study: int | None = None
    reader: str | None = None
    folder: Path | None = None
    below: tuple[Path, ...] = ()
    sort: Sort = Sort.DATE
    is_descending: bool = True


@dataclass(frozen=True, slots=True)
class Score:
    """One label's stored answer; `probability` is calibrated."""

    label: str
    logit: float
    probability: float
    threshold: float

    @property
    def is_positive(self) -> bool:
        """Tell whether the probability reaches the threshold."""
        return self.probability >= self.threshold


@dataclass(frozen=True, slots=True)
class Result:
    """What a model said of a picture, without heatmaps.

    Attributes:
        pixel_hash: of the picture, as `pixel_hash` gives it.
        model_hash: of the model package, and of the networks that look at the picture beside it, where there are such.
        view: how the picture was taken, as a network sees it; empty where none says so.
    """

    pixel_hash: str
    model_hash: str
    model_id: str
    model_version: str
    engine: str
    device: str
    scores: tuple[Score, ...]
    flags: tuple[str, ...] = ()
    in_distribution: float | None = None
    view: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A document of the canvas about one image; only its owner knows what `version` and `document` (JSON) mean."""

    version: int
    document: str


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or file that was added, and how many images it gave."""

    path: Path
    images: int
    missing: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to filter by."""

    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    flags: tuple[str, ...]
    models: tuple[str, ...]
