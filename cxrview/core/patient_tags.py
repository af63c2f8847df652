"""Which attributes of a file may tell who the patient is: what the window hides when names are hidden."""

from __future__ import annotations

import re

HIDDEN_TEXT = "hidden"
# Of the patient module these say nothing of who it is.
_HARMLESS = frozenset(
    {"PatientSex", "PatientAge", "PatientSize", "PatientWeight", "PatientOrientation", "PatientPosition", "PatientSpeciesDescription"}
)
_TELLING_VR = frozenset({"PN", "UN"})
_TELLING = re.compile(
    r"Patient|Physician|Operator|Performer|Reader|Interpreter|Author|Person|Institution|Station|Address|Telephone|Accession|Requesting"
    r"|StudyID|AdmissionID|IssuerOf|Comment|Artist|Copyright|HostComputer|UserComment|ImageDescription|DocumentName|DeviceSerialNumber"
    r"|BirthDate|BirthTime|UID$"
)
_GROUP = re.compile(r"\((?P<group>[0-9A-Fa-f]{4}),[0-9A-Fa-f]{4}\)$")


def tells_who(path: str, keyword: str, vr: str) -> bool:
    """Tell whether an attribute may name the patient, the staff or the place, or lead there by an identifier.

    Everything private or without a known keyword counts, for nobody can say what it holds. Inside a sequence each attribute is judged
    by itself.
    """
    if keyword in _HARMLESS:
        return False
    found = _GROUP.search(path)
    is_private = found is not None and (int(found["group"], 16) % 2 == 1 or int(found["group"], 16) == 0x0010)
    is_unknown = not keyword and vr != "SQ"
    return is_private or is_unknown or vr in _TELLING_VR or _TELLING.search(keyword) is not None
