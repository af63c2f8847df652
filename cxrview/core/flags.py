"""What is unusual about an image, told from the file and from its answer: short stable words that stand in result rows."""

from __future__ import annotations

import re
from enum import StrEnum

from cxrview.core.image import Pixels

# Radiographs of every kind, and the modalities that files made by hand carry.
RADIOGRAPH_MODALITIES = frozenset({"CR", "DX", "RG", "RF", "XA", "IO", "PX", "SC", "OT"})
# A chest film narrower than this shows no vessels; thumbnails and icons end here.
SMALL_PX = 128
ADULT_YEARS = 16.0
# Of the positive heat; a finding of the lungs that rests on less was found elsewhere, on letters or borders say.
LEAST_HEAT_IN_LUNGS = 0.10
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


class Flag(StrEnum):
    """One word for each thing that makes a score worth a second look."""

    LATERAL = "lateral"
    NOT_CHEST = "not_chest"
    NOT_RADIOGRAPH = "not_radiograph"
    CHILD = "child"
    VERY_SMALL = "very_small"
    NO_WINDOW = "no_window"
    LOOKS_NOT_CHEST = "looks_not_chest"
    LOOKS_LATERAL = "looks_lateral"
    LOOKS_INVERTED = "looks_inverted"
    LOOKS_TURNED = "looks_turned"
    LOOKS_CHILD = "looks_child"
    UNLIKE_TRAINING = "unlike_training"
    MAYBE_INVERTED = "maybe_inverted"
    LUNGS_NOT_FOUND = "lungs_not_found"
    LUNGS_CUT_OFF = "lungs_cut_off"
    HEAT_OUTSIDE_LUNGS = "heat_outside_lungs"


FLAG_MEANINGS = {
    Flag.LATERAL: "the file says that this is a lateral or oblique view",
    Flag.NOT_CHEST: "the file says that another part of the body was examined",
    Flag.NOT_RADIOGRAPH: "the file says that this is no radiograph (CT, MR, ultrasound, ...)",
    Flag.CHILD: f"the file says that the patient is younger than {ADULT_YEARS:g} years",
    Flag.VERY_SMALL: f"a side is shorter than {SMALL_PX} px",
    Flag.NO_WINDOW: "a DICOM file without window or VOI LUT; gray levels were chosen automatically",
    Flag.LOOKS_NOT_CHEST: "this does not look like a chest radiograph",
    Flag.LOOKS_LATERAL: "this looks like a lateral view",
    Flag.LOOKS_INVERTED: "dark and bright look exchanged",
    Flag.LOOKS_TURNED: "this looks turned or upside down",
    Flag.LOOKS_CHILD: "this looks like a child's chest",
    Flag.UNLIKE_TRAINING: "fewer than 1 % of images like those of training lie as far out as this one",
    Flag.MAYBE_INVERTED: "with dark and bright swapped the image would be like the training images; as it is, it is not",
    Flag.LUNGS_NOT_FOUND: "the lung network found nothing of the size of lungs",
    Flag.LUNGS_CUT_OFF: "the lungs reach the side of the picture, which cuts them off",
    Flag.HEAT_OUTSIDE_LUNGS: f"under {LEAST_HEAT_IN_LUNGS:.0%} of the top label's heatmap lies in the lungs",
}


# Where the word of the tables would read badly to a person.
_WORDS = {
    Flag.NOT_CHEST: "not a chest",
    Flag.NOT_RADIOGRAPH: "not a radiograph",
    Flag.NO_WINDOW: "no window in the file",
    Flag.LOOKS_NOT_CHEST: "not a chest radiograph",
    Flag.LOOKS_CHILD: "looks like a child",
    Flag.HEAT_OUTSIDE_LUNGS: f"under {LEAST_HEAT_IN_LUNGS:.0%} of the heat in the lungs",
}


def flag_words(flag: Flag) -> str:
    """Name a flag to a person, in a few words."""
    return _WORDS.get(flag, flag.value.replace("_", " "))


def flags_of(pixels: Pixels) -> tuple[Flag, ...]:
    """Give the flags that a file raises, in the order of `Flag`; what it does not say raises none."""
    info = pixels.info
    part = info.body_part.upper()
    is_raised = {
        Flag.LATERAL: info.view.upper() in {"LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL", "LAT", "L"},
        Flag.NOT_CHEST: bool(part) and not any(word in part for word in ("CHEST", "THORA", "LUNG", "RIB", "TORSO")),
        Flag.NOT_RADIOGRAPH: bool(info.modality) and info.modality.upper() not in RADIOGRAPH_MODALITIES,
        Flag.CHILD: _is_child(info.patient_age),
        Flag.VERY_SMALL: min(pixels.width, pixels.height) < SMALL_PX,
        Flag.NO_WINDOW: info.format.upper().startswith("DICOM") and not pixels.windows and not pixels.voi_luts,
    }
    return tuple(flag for flag in Flag if is_raised.get(flag, False))


def _is_child(age: str) -> bool:
    """Read a DICOM age string (`005Y`, `011M`); anything else says nothing."""
    match = _AGE.fullmatch(age.strip().upper())
    return match is not None and float(match[1]) * _YEARS[match[2]] < ADULT_YEARS
