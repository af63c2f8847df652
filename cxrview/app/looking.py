"""Transitions of how the picture looks to a person: presets, regions, windows of the file and of the person, helps for the eye; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.own_windows import OwnWindow, name_problem, without_keys
from cxrview.app.state import AppState, LoadedPicture, notice_given, window_chosen
from cxrview.core.frame import Box
from cxrview.core.image import Window
from cxrview.core.presets import FileChoice, Preset, preset_window, region_window


def preset_chosen(state: AppState, preset: Preset) -> AppState:
    """Show the picture with the window of a preset."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    return window_chosen(state, preset_window(state.picture.pixels, preset))


def region_chosen(state: AppState, box: Box) -> AppState:
    """Show the picture with the window that fits a rectangle, image px."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    window = region_window(state.picture.pixels, box)
    return window_chosen(state, window) if window else notice_given(state, "Draw a larger rectangle to take the window from it.")


def file_choice_chosen(state: AppState, choice: FileChoice) -> AppState:
    """Show the picture with one of the file's own windows or lookup tables."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    if choice.is_lut:
        return replace(state, display=replace(state.display, window=None, lut=choice.index))
    return window_chosen(state, state.picture.pixels.windows[choice.index])


# Windows of the person's own.


def shown_window(state: AppState) -> Window | None:
    """Give the window that the chosen picture is shown with; None without a picture."""
    return (state.display.window or state.picture.window) if isinstance(state.picture, LoadedPicture) else None


def window_kept(state: AppState, name: str, keys: str) -> AppState:
    """Keep the shown window under a name of its own, and show the picture with it."""
    window = shown_window(state)
    if window is None or name_problem(name, [own.name for own in state.own_windows]):
        return state
    own = OwnWindow(replace(window, name=name), keys)
    return own_window_chosen(replace(state, own_windows=(*without_keys(state.own_windows, keys), own)), name)


def window_renamed(state: AppState, old: str, name: str, keys: str) -> AppState:
    """Give a kept window another name and other keys."""
    if name_problem(name, [own.name for own in state.own_windows if own.name != old]):
        return state
    others = without_keys(state.own_windows, keys)
    windows = tuple(OwnWindow(replace(own.window, name=name), keys) if own.name == old else own for own in others)
    shown = state.display.window
    display = replace(state.display, window=replace(shown, name=name)) if shown is not None and shown.name == old else state.display
    return replace(state, own_windows=windows, display=display)


def window_forgotten(state: AppState, name: str) -> AppState:
    """Keep a window no longer; what is shown with it stays so."""
    return replace(state, own_windows=tuple(own for own in state.own_windows if own.name != name))


def own_window_chosen(state: AppState, name: str) -> AppState:
    """Show the picture with a kept window."""
    window = next((own.window for own in state.own_windows if own.name == name), None)
    if window is None or not isinstance(state.picture, LoadedPicture):
        return state
    return window_chosen(state, window)


# Helps for the eye.


def clahe_toggled(state: AppState) -> AppState:
    """Even out local contrast for the eye, or stop it."""
    eye = state.display.eye
    return replace(state, display=replace(state.display, eye=replace(eye, has_clahe=not eye.has_clahe)))


def unsharp_toggled(state: AppState) -> AppState:
    """Sharpen edges for the eye, or stop it."""
    eye = state.display.eye
    return replace(state, display=replace(state.display, eye=replace(eye, has_unsharp=not eye.has_unsharp)))
