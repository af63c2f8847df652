"""Transitions of measurements and notes on the chosen picture; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.covering import cover_undone
from cxrview.app.state import AppState, LoadedPicture, MarkBook, SelectedMark
from cxrview.core.marks import History, Mark, MarkKind


def history_of(state: AppState) -> History:
    """Give the marks of the chosen image, and what they were."""
    return History() if state.current is None else state.marks.by_ref.get(state.current, History())


def selected_mark(state: AppState) -> Mark | None:
    """Give the mark that keys act on."""
    if state.selected is None or state.selected.ref != state.current:
        return None
    return next((mark for mark in history_of(state).marks if mark.number == state.selected.number), None)


def tool_chosen(state: AppState, tool: MarkKind) -> AppState:
    """Draw this with the next left drag; choosing it again lays it down."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    layers, cover = state.layers.with_marks_shown(), replace(state.cover, is_on=False)
    return replace(state, tool=None if state.tool is tool else tool, layers=layers, cover=cover)


def tool_dropped(state: AppState) -> AppState:
    """Lay the tool down and select nothing."""
    return replace(state, tool=None, selected=None)


def mark_added(state: AppState, mark: Mark) -> AppState:
    """Keep a drawn mark, selected, and lay the tool down."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    history = history_of(state).added(mark)
    return mark_selected(replace(_with_history(state, history), tool=None), history.marks[-1].number)


def mark_changed(state: AppState, mark: Mark) -> AppState:
    """Put a moved or rewritten mark in its place; a note that has lost its text goes."""
    history = history_of(state)
    is_empty = mark.kind is MarkKind.TEXT and not mark.text
    return _with_history(state, history.removed(mark.number) if is_empty else history.replaced(mark))


def mark_selected(state: AppState, number: int) -> AppState:
    """Let keys act on this mark of the chosen image; 0 for none."""
    is_one = number and state.current is not None
    return replace(state, selected=SelectedMark(state.current, number) if is_one and state.current is not None else None)


def mark_removed(state: AppState) -> AppState:
    """Take the selected mark away."""
    mark = selected_mark(state)
    return state if mark is None else replace(_with_history(state, history_of(state).removed(mark.number)), selected=None)


def marks_undone(state: AppState) -> AppState:
    """Take the last change of marks back."""
    return _with_history(state, history_of(state).back())


def last_step_undone(state: AppState) -> AppState:
    """Uncover the last spot while the cover tool is in the hand, else take the last change of marks back."""
    return cover_undone(state) if state.cover.is_on and state.cover.spots else marks_undone(state)


def marks_redone(state: AppState) -> AppState:
    """Do again what was taken back."""
    return _with_history(state, history_of(state).forth())


def _with_history(state: AppState, history: History) -> AppState:
    if state.current is None or history == history_of(state):
        return state
    return replace(state, marks=MarkBook({**state.marks.by_ref, state.current: history}))
