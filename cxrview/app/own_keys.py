"""Keys that a person gives to commands: what they are, and how they stand in the settings; no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cxrview.app.state import AppState

SEPARATOR: Final = ";"
"""What parts one command's keys from the next in the settings: no key itself."""
CANVAS_KEYS: Final = {"zoomIn": "+", "zoomOut": "-", "magnifier": "Z", "hand": "Space", "spotSmaller": "[", "spotLarger": "]"}
"""Keys of the canvas that no menu has, by what they are called beside the commands."""
CANVAS_TITLES: Final = {
    "zoomIn": "Canvas › Zoom in",
    "zoomOut": "Canvas › Zoom out",
    "magnifier": "Canvas › Magnifier, while held",
    "hand": "Canvas › Left drag pans, while held",
    "spotSmaller": "Canvas › Smaller covered spot",
    "spotLarger": "Canvas › Larger covered spot",
}


def key_chosen(state: AppState, name: str, keys: str) -> AppState:
    """Give a command keys, or none with an empty text; what had them before, among one's own keys and windows, loses them."""
    if SEPARATOR in keys:
        return state
    others = {other: key for other, key in state.own_keys.items() if other != name and not _is_same(key, keys)}
    windows = tuple(replace(own, keys="") if _is_same(own.keys, keys) else own for own in state.own_windows)
    return replace(state, own_keys={**others, name: keys}, own_windows=windows)


def key_reset(state: AppState, name: str) -> AppState:
    """Give a command the keys of the profile again."""
    return replace(state, own_keys={other: key for other, key in state.own_keys.items() if other != name})


def keys_reset(state: AppState) -> AppState:
    """Give every command the keys of the profile again."""
    return replace(state, own_keys={})


def canvas_keys(state: AppState) -> dict[str, str]:
    """Give the names of `CANVAS_KEYS` by their keys; one that a command took has none."""
    taken = {key.casefold() for key in (*state.own_keys.values(), *state.profile.keys.values()) if key}
    windows = {own.keys.casefold() for own in state.own_windows if own.keys}
    found = {state.own_keys[name]: name for name in CANVAS_KEYS if state.own_keys.get(name)}
    usual = {key: name for name, key in CANVAS_KEYS.items() if name not in state.own_keys and key.casefold() not in taken | windows}
    return usual | found


def keys_text(keys: Mapping[str, str]) -> str:
    """Write keys for the settings."""
    return f"{SEPARATOR} ".join(f"{name}={key}" for name, key in keys.items())


def _is_same(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.casefold()
