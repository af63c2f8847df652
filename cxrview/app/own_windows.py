"""Windows that a person keeps under names, with keys of their own: and how they stand in the settings; no Qt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cxrview.core.errors import SettingsError
from cxrview.core.image import VoiFunction, Window
from cxrview.core.presets import Preset

MAX_NAME: Final = 40
SEPARATORS: Final = ";="
"""What parts one window from the next, and a name from its numbers, in the settings."""


@dataclass(frozen=True, slots=True)
class OwnWindow:
    """A kept window; its `window.name` is the name it was given. `keys` is empty when it has none."""

    window: Window
    keys: str = ""

    @property
    def name(self) -> str:
        """What the person calls it."""
        return self.window.name

    @property
    def action_name(self) -> str:
        """What its entry in the menu is called by the program; no other action is called so."""
        return f"ownWindow {self.name}"


def parse_windows(text: str) -> tuple[OwnWindow, ...]:
    """Read `name=level/width/FUNCTION/keys; ...` from the settings; function and keys may be left out.

    Raises:
        SettingsError: naming the part that is wrong.
    """
    found: list[OwnWindow] = []
    for part in (each.strip() for each in text.split(";") if each.strip()):
        own = _parse(part)
        problem = name_problem(own.name, [each.name for each in found])
        if problem:
            raise SettingsError(f"`windows` has {part!r}: {problem}")
        found.append(own)
    return tuple(found)


def _parse(part: str) -> OwnWindow:
    name, _equals, values = part.partition("=")
    level, width, function, keys = (*(each.strip() for each in values.split("/", 3)), "", "", "", "")[:4]
    try:
        window = Window(float(level), float(width), VoiFunction(function or VoiFunction.LINEAR), name.strip())
    except ValueError as error:
        raise SettingsError(f"`windows` has {part!r} where name=level/width should stand.") from error
    if not (math.isfinite(window.center) and math.isfinite(window.width) and window.width > 0):
        raise SettingsError(f"`windows` has {part!r}, whose width is no number above zero.")
    return OwnWindow(window, keys)


def windows_text(windows: Sequence[OwnWindow]) -> str:
    """Give what `parse_windows` reads."""
    return "; ".join(
        f"{own.name}={own.window.center:.10g}/{own.window.width:.10g}/{own.window.function}" + (f"/{own.keys}" if own.keys else "")
        for own in windows
    )


def name_problem(name: str, taken: Sequence[str]) -> str:
    """Say why a window cannot have this name; empty when it can."""
    if not name.strip():
        return "a window needs a name."
    if len(name) > MAX_NAME:
        return f"a name has {MAX_NAME} letters at most."
    if any(letter in SEPARATORS or not letter.isprintable() for letter in name):
        return "a name holds neither ; nor =."
    if name in taken or name in tuple(Preset):
        return f"there is a window “{name}” already."
    return ""


def without_keys(windows: Sequence[OwnWindow], keys: str) -> tuple[OwnWindow, ...]:
    """Take keys away from whoever has them: nobody shares a key."""
    return tuple(replace(own, keys="") if keys and own.keys.casefold() == keys.casefold() else own for own in windows)
