"""What the window shows while a reader is to say first what is seen: the picture, and nothing of any network; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.state import AppState, Explanations, NotScored, Outcomes


def blinded(state: AppState, *, is_blinded: bool) -> AppState:
    """Begin or end to hide what networks say."""
    return state if state.is_blinded == is_blinded else replace(state, is_blinded=is_blinded)


def veiled(state: AppState) -> AppState:
    """Give the state as it may be seen."""
    if not state.is_blinded:
        return state
    cells = tuple(replace(cell, reading=NotScored()) for cell in state.grid.cells)
    return replace(state, reading=NotScored(), outcomes=Outcomes(), explanations=Explanations(), grid=replace(state.grid, cells=cells))
