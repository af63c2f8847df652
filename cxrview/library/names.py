"""Whose image a raster file is, told from its folder and file name: such files say nothing themselves.

The rule, first match wins:

1. A folder called `patient`, `pat`, `p`, `subject` or `sub` with a number (`patient00123`, `p10000032`) is the patient.
2. A file name that begins with such a word and number (`person12_bacteria_3.jpeg`) names the patient within its folder.
3. A file name of a number of three or more digits, perhaps behind a word, followed by a short ending (`00000013_005.png`,
   `000001-9-a.jpg`) names the patient by what stands before that ending, within its folder.
4. Anything else is a patient of its own: a false prior is worse than a missing one.

The study is the nearest folder called `study`, `s`, `exam`, `session` or `ses` with a number below the patient's folder, else the
folder that holds the file. The view is what one word of the file name says: PA, AP, lateral or lat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from cxrview.library.records import View

_PATIENT_FOLDER: Final = re.compile(r"(?:patient|pat|p|subject|sub)[-_ ]?\d{2,}", re.IGNORECASE)
_STUDY_FOLDER: Final = re.compile(r"(?:study|s|exam|session|ses)[-_ ]?\d+", re.IGNORECASE)
_PATIENT_WORD: Final = re.compile(r"((?:patient|person|subject|sub|pat)[-_ ]?\d+)(?:[-_ .]|$)", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"((?:[A-Za-z_ -]*[-_ A-Za-z])?\d{3,})(?:[-_ ][0-9A-Za-z]{1,4}){0,2}")
_WORDS: Final = re.compile(r"[A-Za-z]+")
_VIEW_WORDS: Final = {"pa": View.PA, "ap": View.AP, "lateral": View.LATERAL, "lat": View.LATERAL}


@dataclass(frozen=True, slots=True)
class Place:
    """What the place of a file tells.

    Attributes:
        patient_key: the same for files of one patient.
        patient: for people.
        study_key: the same for files of one study of the patient.
        study: for people.
    """

    patient_key: str
    patient: str
    study_key: str
    study: str
    view: View


def place_of(path: str) -> Place:
    """Tell patient, study and view from the full path of a file, or of a file in an archive."""
    parts = PurePath(path).parts
    folders, stem = parts[:-1], PurePath(path).stem
    depth, patient_key, patient = _patient(folders, stem)
    below = range(len(folders) - 1, depth, -1)
    study_depth = next((at for at in below if _STUDY_FOLDER.fullmatch(folders[at])), len(folders) - 1)
    study_key = "/".join(folders[: study_depth + 1])
    study = folders[study_depth] if folders else ""
    return Place(patient_key or path, patient, study_key, study, _view(stem))


def _patient(folders: tuple[str, ...], stem: str) -> tuple[int, str, str]:
    """Give how deep the patient's folder lies (-1: there is none), the key and the name; the key is empty for a file on its own."""
    for at in range(len(folders) - 1, -1, -1):
        if _PATIENT_FOLDER.fullmatch(folders[at]):
            return at, "/".join(folders[: at + 1]), folders[at]
    match = _PATIENT_WORD.match(stem) or _NUMBERED.fullmatch(stem)
    return (-1, "/".join((*folders, match[1])), match[1]) if match else (-1, "", stem)


def _view(stem: str) -> View:
    found = {_VIEW_WORDS[word.lower()] for word in _WORDS.findall(stem) if word.lower() in _VIEW_WORDS}
    return found.pop() if len(found) == 1 else View.UNKNOWN
