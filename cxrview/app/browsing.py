"""Transitions of the study browser: what is opened, listed, narrowed, sorted and unfolded, and priors beside the shown picture; no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cxrview.app.browser import BrowserMode, Filters, Gray, Indexing, Listing, Scope, Stock
from cxrview.app.state import (
    AppState,
    Cell,
    Display,
    Layout,
    LoadingPicture,
    Looks,
    MarkBook,
    Outcomes,
    image_chosen,
)
from cxrview.core.image import ImageRef, Window
from cxrview.core.marks import History, Mark
from cxrview.library.records import Image, Sort


def library_opened(state: AppState, notice: str = "") -> AppState:
    """Go on with a library, perhaps in the place of a damaged one."""
    return replace(state, browser=replace(state.browser, opened=state.browser.opened + 1), notice=notice or state.notice)


def library_lost(state: AppState, notice: str) -> AppState:
    """Say that there is no library to ask."""
    return replace(state, browser=replace(state.browser, opened=0, indexing=None), searching="", notice=notice)


# Opening.


def search_started(state: AppState, title: str) -> AppState:
    """Begin to look through a folder or files; what is open stays until some image is found."""
    return replace(state, searching=title, notice="", browser=replace(state.browser, indexing=None))


def search_resumed(state: AppState, title: str) -> AppState:
    """Go on with a folder that another one came before; nothing else changes."""
    return replace(state, searching=title)


def search_advanced(state: AppState, indexing: Indexing) -> AppState:
    """Tell how far it is."""
    return replace(state, browser=replace(state.browser, indexing=indexing))


def search_ended(state: AppState, notice: str = "", others: int | None = None) -> AppState:
    """Stop looking; what was found stays in the list."""
    told = state.browser.others if others is None else others
    return replace(state, searching="", notice=notice or state.notice, browser=replace(state.browser, indexing=None, others=told))


def scope_opened(state: AppState, scope: Scope, listing: Listing) -> AppState:
    """Open what was found: list it unfiltered and choose the first; files that were open before may have changed."""
    browser = replace(state.browser, scope=scope, filters=Filters(), unfolded=frozenset(), others=0)
    fresh = replace(state, browser=browser, openings=state.openings + 1, outcomes=Outcomes(), batch=None, current=None)
    return image_chosen(listing_known(fresh, listing), listing.shown[0])


# The list.


def listing_known(state: AppState, listing: Listing) -> AppState:
    """Take the list that was asked for; the chosen image stays, and its patient is unfolded."""
    return current_unfolded(replace(state, listing=listing))


def current_unfolded(state: AppState) -> AppState:
    """Show the chosen image in the list by unfolding its patient."""
    group = state.listing.group_at(state.listing.place_of(state.current))
    if group is None or group.stop - group.start == 1 or group.patient in state.browser.unfolded:
        return state
    return replace(state, browser=replace(state.browser, unfolded=state.browser.unfolded | {group.patient}))


def scope_chosen(state: AppState, scope: Scope) -> AppState:
    """Look at another part of the library."""
    return replace(state, browser=replace(state.browser, scope=scope))


def filters_chosen(state: AppState, filters: Filters) -> AppState:
    """Narrow the list."""
    return replace(state, browser=replace(state.browser, filters=filters))


def text_typed(state: AppState, text: str) -> AppState:
    """Search for what a person types."""
    return filters_chosen(state, replace(state.browser.filters, text=text))


def sort_chosen(state: AppState, sort: Sort) -> AppState:
    """Sort by this; dates, scores, flags, stars and notes begin with what one looks for, the rest with the first."""
    is_descending = sort in (Sort.DATE, Sort.SCORE, Sort.FLAG, Sort.STAR, Sort.NOTE)
    return replace(state, browser=replace(state.browser, sort=sort, is_descending=is_descending))


def sort_turned(state: AppState) -> AppState:
    """Turn the order round."""
    return replace(state, browser=replace(state.browser, is_descending=not state.browser.is_descending))


def mode_chosen(state: AppState, mode: BrowserMode) -> AppState:
    """Show patients or pictures."""
    return replace(state, browser=replace(state.browser, mode=mode))


def patient_folded(state: AppState, patient: int) -> AppState:
    """Fold or unfold a patient."""
    unfolded = state.browser.unfolded
    changed = unfolded - {patient} if patient in unfolded else unfolded | {patient}
    return replace(state, browser=replace(state.browser, unfolded=changed))


def rows_known(state: AppState, images: Sequence[Image]) -> AppState:
    """Take rows of the library."""
    rows = state.browser.rows
    if all(rows.by_id.get(image.id) == image for image in images):
        return state
    return replace(state, browser=replace(state.browser, rows=rows.with_images(images)))


def thumbnails_known(state: AppState, pictures: Mapping[int, Gray | None]) -> AppState:
    """Take small pictures."""
    return replace(state, browser=replace(state.browser, thumbnails=state.browser.thumbnails.with_pictures(pictures)))


def stock_known(state: AppState, stock: Stock) -> AppState:
    """Take what the whole library tells of itself."""
    return replace(state, browser=replace(state.browser, stock=stock))


# Stepping.


def study_stepped(state: AppState, step: int) -> AppState:
    """Choose the first image of the next study in the list, or of the one before with -1; in an ungrouped list, the next patient's."""
    place = state.listing.place_of(state.current)
    group = state.listing.group_at(place)
    if group is None:
        return state
    starts = [*group.studies]
    if step > 0:
        following = [start for start in starts if start > place] or ([group.stop] if group.stop < len(state.listing.shown) else [])
        return state if not following else image_chosen(state, state.listing.shown[following[0]])
    before = [start for start in starts if start <= place]
    own = before[-1]
    if len(before) > 1:
        return image_chosen(state, state.listing.shown[before[-2]])
    previous = state.listing.group_at(own - 1) if own > 0 else None
    return state if previous is None else image_chosen(state, state.listing.shown[previous.studies[-1]])


def current_row(state: AppState) -> Image | None:
    """Give what the library tells of the chosen image, if it was fetched."""
    place = state.listing.place_of(state.current)
    return state.browser.rows.by_id.get(state.listing.ids[place]) if place >= 0 and state.listing.ids else None


def prior_shown(state: AppState, ref: ImageRef) -> AppState:
    """Show an earlier image of the patient at the right of the chosen one, which stays the active."""
    active = Cell(state.current, state.picture, state.display, state.reading, state.explanations)
    prior = Cell(ref, LoadingPicture(ref), state.looks.by_ref.get(ref, Display()))
    return replace(state, grid=replace(state.grid, layout=Layout.SIDE_BY_SIDE, active=0, cells=(active, prior)))


# What comes back with an image.


def image_remembered(state: AppState, file: ImageRef, window: Window | None, marks: Mapping[int, tuple[Mark, ...]]) -> AppState:
    """Show an image as it was left in an earlier session: its window, and the marks of its frames.

    Marks that were drawn before this arrived stay, behind those that were kept. `file` is the first frame of a file.
    """
    by_ref = dict(state.marks.by_ref)
    for frame, kept in marks.items():
        ref = replace(file, frame=frame)
        history = History(kept)
        for mark in by_ref.get(ref, History()).marks:
            history = history.added(mark)
        by_ref[ref] = history
    state = replace(state, marks=MarkBook(by_ref)) if marks else state
    if window is None or file in state.looks.by_ref:
        return state
    if state.current is not None and replace(state.current, frame=0) == file:
        return replace(state, display=replace(state.display, window=window)) if state.display.window is None else state
    return replace(state, looks=Looks({**state.looks.by_ref, file: Display(window=window)}))
