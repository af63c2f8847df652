"""Transitions between the frames of one file; each is an image of its own, with its own scores and marks; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.state import AppState, LoadedPicture, LoadingPicture, image_chosen


def frame_count(state: AppState) -> int:
    """Give how many frames the file of the chosen image holds; 1 while nobody knows."""
    if isinstance(state.picture, LoadedPicture):
        return state.picture.pixels.frames
    return state.picture.frames if isinstance(state.picture, LoadingPicture) else 1


def frame_chosen(state: AppState, frame: int) -> AppState:
    """Choose a frame, from 0, stopping at the last; it is shown as the one before is, so that they can be compared."""
    count = frame_count(state)
    if state.current is None or count < 2:
        return state
    ref = replace(state.current, frame=min(count - 1, max(0, frame)))
    if ref == state.current:
        return state
    return replace(image_chosen(state, ref), picture=LoadingPicture(ref, count), display=state.display)


def frame_stepped(state: AppState, step: int) -> AppState:
    """Choose the frame `step` further in the same file, stopping at its ends."""
    return state if state.current is None else frame_chosen(state, state.current.frame + step)
