"""Transitions of how the picture looks to a person: presets, regions, the file's own windows, helps for the eye; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.state import AppState, LoadedPicture, notice_given, window_chosen
from cxrview.core.frame import Box
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


def clahe_toggled(state: AppState) -> AppState:
    """Even out local contrast for the eye, or stop it."""
    eye = state.display.eye
    return replace(state, display=replace(state.display, eye=replace(eye, has_clahe=not eye.has_clahe)))


def unsharp_toggled(state: AppState) -> AppState:
    """Sharpen edges for the eye, or stop it."""
    eye = state.display.eye
    return replace(state, display=replace(state.display, eye=replace(eye, has_unsharp=not eye.has_unsharp)))
