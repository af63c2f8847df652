"""What mouse and keys do, as data: named profiles after programs that people know, and keys of one's own; no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cxrview.core.errors import SettingsError


class Drag(StrEnum):
    """What dragging with a mouse button does."""

    WINDOW = "window"
    PAN = "pan"
    ZOOM = "zoom"


class Wheel(StrEnum):
    """What the wheel does."""

    ZOOM = "zoom"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Profile:
    """Mouse and keys.

    Attributes:
        name: as in the settings.
        keys: by the object name of an action; an empty text takes its key away. Actions that are not named keep their keys.
    """

    name: str
    title: str
    left: Drag = Drag.WINDOW
    middle: Drag = Drag.PAN
    right: Drag = Drag.ZOOM
    wheel: Wheel = Wheel.ZOOM
    keys: Mapping[str, str] = field(default_factory=dict)


DEFAULT = Profile("default", "cxrview")
OHIF = Profile(
    "ohif",
    "like OHIF",
    wheel=Wheel.STEP,
    keys={
        "turnRight": "R",
        "turnLeft": "L",
        "fit": "=",
        "presetAuto": "1",
        "presetLung": "2",
        "presetMediastinum": "3",
        "presetBone": "4",
        "presetLines": "5",
        "actualSize": "",
        "redo": "Ctrl+Y",
    },
)
WEASIS = Profile(
    "weasis",
    "like Weasis",
    wheel=Wheel.STEP,
    keys={
        "turnRight": "Alt+R",
        "turnLeft": "Alt+L",
        "flipSideways": "Alt+F",
        "flipOver": "",
        "presetAuto": "0",
        "presetLung": "1",
        "presetMediastinum": "2",
        "presetBone": "3",
        "presetLines": "4",
        "resetWindow": "5",
        "actualSize": "",
        "rulerTool": "D",
        "angleTool": "A",
        "textTool": "B",
    },
)
PROFILES = {profile.name: profile for profile in (DEFAULT, OHIF, WEASIS)}


def parse_keys(text: str) -> dict[str, str]:
    """Read `action=keys; action=keys` from the settings.

    Raises:
        SettingsError: a part has no `=` or names no action.
    """
    found = {}
    for part in (each.strip() for each in text.split(";") if each.strip()):
        name, equals, keys = (each.strip() for each in part.partition("="))
        if not name or not equals:
            raise SettingsError(f"`keys` has {part!r} where an action, an equals sign and its keys should stand.")
        found[name] = keys
    return found


def keys_of(profile: Profile, own: Mapping[str, str], usual: Mapping[str, str]) -> dict[str, str]:
    """Give the keys of every action: one's own win over the profile's, those over the usual ones; nobody shares a key.

    Args:
        profile: in use.
        own: of the person, by action.
        usual: of all actions.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for keys in (own, profile.keys, usual):
        for name, key in keys.items():
            if name in usual and name not in found:
                found[name] = "" if key.casefold() in taken else key
                taken.add(key.casefold())
    return found
