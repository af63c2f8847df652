"""Whose image it is: from the file, from the table, or from a pattern in file names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cxrview.core.errors import DataError
from cxrview.training.sources import Entry

PLACEHOLDER = "{patient}"


class PatientKey(StrEnum):
    """Where the patient of an image is found."""

    AUTOMATIC = "the table or the DICOM file"
    PATTERN = "a pattern in file names"
    NONE = "every image is another patient"


@dataclass(frozen=True, slots=True)
class PatientRule:
    """How to find the patient.

    Attributes:
        pattern: a file name with `{patient}` where the patient stands and `*` for anything; with a `/` it is matched
            against the path below the source's folder.
    """

    key: PatientKey = PatientKey.AUTOMATIC
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class PatternPreview:
    """What a pattern finds: some names with their patients, how many names it fits, and how many patients there are."""

    samples: tuple[tuple[str, str], ...]
    fitting: int
    total: int
    patients: int


def patient_of(entry: Entry, dicom_id: str, rule: PatientRule) -> str:
    """Give a key of the patient, the same for all images of one; empty when it is not known.

    Names and ids do not appear in it: it is a hash, so that split manifests can be handed on. A number in a table or a file name
    means another patient in another source; the id of a DICOM header is the same patient wherever the file lies.
    """
    if rule.key is PatientKey.NONE:
        return ""
    found = _matched(entry.name, pattern_of(rule.pattern)) if rule.key is PatientKey.PATTERN else entry.patient
    scope = entry.source
    if not found and rule.key is PatientKey.AUTOMATIC:
        found, scope = dicom_id, ""
    digest = hashlib.sha256(scope.encode() + b"\0" + found.encode()).hexdigest()
    return f"p-{digest[:12]}" if found else ""


def pattern_of(text: str) -> re.Pattern[str]:
    """Turn `{patient}_*.png` into an expression with one group.

    Raises:
        DataError: there is not exactly one `{patient}` in it.
    """
    if text.count(PLACEHOLDER) != 1:
        raise DataError("The pattern must hold {patient} once.", hint="For example {patient}_* for names such as 0017_003.png.")
    parts = re.split(r"(\{patient\}|\*)", text)
    written = "".join({PLACEHOLDER: "(.+?)", "*": ".*"}.get(part, re.escape(part)) for part in parts)
    prefix = r"(?:.*/)?" if "/" not in text else ""
    return re.compile(f"{prefix}{written}", re.DOTALL)


def preview_pattern(entries: Sequence[Entry], text: str, *, most: int = 6) -> PatternPreview:
    """Show what a pattern finds in the names of some entries."""
    expression = pattern_of(text)
    found = [(entry, _matched(entry.name, expression)) for entry in entries]
    samples = tuple((entry.name, patient) for entry, patient in found[:: max(1, len(found) // most)][:most])
    fitting = [(entry.source, patient) for entry, patient in found if patient]
    return PatternPreview(samples, len(fitting), len(found), len(set(fitting)))


def _matched(name: str, expression: re.Pattern[str]) -> str:
    match = expression.fullmatch(name)
    return match[1] if match else ""
