"""Transitions of layouts: several pictures side by side, one of them active, their zoom and window linked; no Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Concatenate, ParamSpec

from cxrview.app.state import (
    AppState,
    Cell,
    Cover,
    Display,
    Layout,
    LoadedPicture,
    LoadingPicture,
    NotScored,
    Scoring,
    answers_cleared,
)
from cxrview.app.viewport import MAX_ZOOM, MIN_ZOOM, Viewport
from cxrview.core.image import ImageRef, Window
from cxrview.core.presets import Preset, preset_window

P = ParamSpec("P")


def layout_chosen(state: AppState, layout: Layout) -> AppState:
    """Show this many pictures; what is shown stays, new places take the images that follow in the list."""
    kept = list(_cells(state))
    active = state.grid.active
    if active >= layout.cells:
        kept.insert(0, kept.pop(active))
        active = 0
    kept = kept[: layout.cells]
    following = _following(state, kept)
    while len(kept) < layout.cells:
        ref = next(following, None)
        kept.append(Cell() if ref is None else Cell(ref, LoadingPicture(ref), state.looks.by_ref.get(ref, Display())))
    return replace(state, grid=replace(state.grid, layout=layout, active=active, cells=tuple(kept)))


def cell_activated(state: AppState, index: int) -> AppState:
    """Make another place the active one: list, scores, layers and tools then act on its picture."""
    grid = state.grid
    if index == grid.active or not 0 <= index < len(grid.cells):
        return state
    cells = _cells(state)
    cell = cells[index]
    moved = replace(
        answers_cleared(state),
        grid=replace(grid, active=index, cells=cells),
        current=cell.current,
        picture=cell.picture,
        display=cell.display,
        tool=None,
    )
    return replace(moved, reading=cell.reading, explanations=cell.explanations)


def link_toggled(state: AppState) -> AppState:
    """Let zoom, pan and window of all places go together, or each alone."""
    return replace(state, grid=replace(state.grid, is_linked=not state.grid.is_linked))


def cell_states(state: AppState) -> tuple[AppState, ...]:
    """Give the state as each place shows it, with the scores of its own picture; only the active one has a tool.

    Each place is the active one of its own grid, so that it knows what stands beside it.
    """
    if len(state.grid.cells) <= 1:
        return (state,)
    fresh = replace(state, grid=replace(state.grid, cells=_cells(state)))
    return tuple(state if index == state.grid.active else _parked(fresh, index) for index in range(len(state.grid.cells)))


def linked(transition: Callable[Concatenate[AppState, P], AppState]) -> Callable[Concatenate[AppState, P], AppState]:
    """Give a transition of the active picture's display that the other places follow while they are linked."""

    def carried(state: AppState, /, *args: P.args, **kwargs: P.kwargs) -> AppState:
        return _followed(state, transition(state, *args, **kwargs))

    return carried


def _parked(state: AppState, index: int) -> AppState:
    cell, grid = state.grid.cells[index], replace(state.grid, active=index)
    bare = replace(
        answers_cleared(state), grid=grid, current=cell.current, picture=cell.picture, display=cell.display, tool=None, selected=None
    )
    return replace(bare, reading=cell.reading, explanations=cell.explanations, cover=Cover())


def _cells(state: AppState) -> tuple[Cell, ...]:
    """Give all places, the active one as it is now."""
    # What is still being worked out is worked out anew when it is wanted again.
    reading = NotScored() if isinstance(state.reading, Scoring) else state.reading
    active = Cell(state.current, state.picture, state.display, reading, state.explanations)
    cells = state.grid.cells or (active,)
    return (*cells[: state.grid.active], active, *cells[state.grid.active + 1 :])


def _following(state: AppState, kept: list[Cell]) -> Iterator[ImageRef]:
    """Give the images after the chosen one that are not shown yet."""
    place = state.listing.place_of(state.current)
    seen = {cell.current for cell in kept}
    return (ref for ref in state.listing.shown[place + 1 :] if ref not in seen)


def _followed(before: AppState, after: AppState) -> AppState:
    base = after.picture
    if not after.grid.is_linked or before.display == after.display or not isinstance(base, LoadedPicture):
        return after
    own = frozenset(each.name for each in after.own_windows)
    cells = tuple(
        cell if index == after.grid.active else _carried(cell, base, before.display, after.display, own)
        for index, cell in enumerate(after.grid.cells)
    )
    return replace(after, grid=replace(after.grid, cells=cells))


def _carried(cell: Cell, base: LoadedPicture, old: Display, new: Display, own: frozenset[str]) -> Cell:
    """Change in a parked place what was changed in the active one; windows of these names are the same everywhere."""
    picture, display = cell.picture, cell.display
    if not isinstance(picture, LoadedPicture):
        return cell
    if new.viewport != old.viewport:
        display = replace(display, viewport=_viewport_like(new.viewport, base, picture, display))
    if (new.window, new.lut) != (old.window, old.lut):
        is_kept = new.window is not None and new.window.name in own
        display = replace(display, window=new.window if is_kept else _window_like(new.window, base, picture), lut=0)
    if new.is_inverted != old.is_inverted:
        display = replace(display, is_inverted=new.is_inverted)
    if new.eye != old.eye:
        display = replace(display, eye=new.eye)
    return replace(cell, display=display)


def _viewport_like(viewport: Viewport | None, base: LoadedPicture, picture: LoadedPicture, display: Display) -> Viewport | None:
    """Show the same part of another picture, whatever its size."""
    if viewport is None:
        return None
    (width, height), (other_width, other_height) = base.pyramid.size, picture.pyramid.size
    zoom = min(MAX_ZOOM, max(MIN_ZOOM, viewport.zoom * max(width, height) / max(other_width, other_height)))
    x, y = viewport.center_x / width * other_width, viewport.center_y / height * other_height
    return Viewport(zoom, x, y, display.orientation)


def _window_like(window: Window | None, base: LoadedPicture, picture: LoadedPicture) -> Window | None:
    """Give the same preset, or a window that lies to the picture's own as it does in the active one: depths may differ."""
    if window is None:
        return None
    if window.name in tuple(Preset):
        return preset_window(picture.pixels, Preset(window.name))
    ratio = picture.window.width / base.window.width
    center = picture.window.center + (window.center - base.window.center) * ratio
    return Window(center, max(1.0, window.width * ratio), window.function)
