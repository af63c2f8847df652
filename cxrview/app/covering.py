"""Transitions of the cover tool: spots hidden from the model, and what it says then; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrview.app.answers import findings_of
from cxrview.app.state import MAX_COVER, MIN_COVER, AppState, Cover, LoadedPicture, NotScored, Scoring, ScoringFailed
from cxrview.core.cover import Spot
from cxrview.core.results import Analysis, Finding
from cxrview.core.scores import with_thresholds

MAX_SPOTS = 40
# A change of the probability smaller than this is said to be none.
VISIBLE_CHANGE = 0.005
SIZE_STEP = 1.25


@dataclass(frozen=True, slots=True)
class Change:
    """A label's answer for the whole picture and for the covered one."""

    before: Finding
    after: Finding

    @property
    def difference(self) -> float:
        """Probability after less that before."""
        return self.after.probability - self.before.probability

    @property
    def has_flipped(self) -> bool:
        """Tell whether the finding is positive in one case and not in the other."""
        return self.before.is_positive != self.after.is_positive


def cover_toggled(state: AppState) -> AppState:
    """Take the cover tool into the hand, or lay it down; spots stay."""
    if not isinstance(state.picture, LoadedPicture):
        return state
    return replace(state, tool=None, cover=replace(state.cover, is_on=not state.cover.is_on))


def cover_dropped(state: AppState) -> AppState:
    """Lay the cover tool down."""
    return replace(state, cover=replace(state.cover, is_on=False)) if state.cover.is_on else state


def cover_resized(state: AppState, share: float) -> AppState:
    """Choose how large the next spot is: its diameter as a share of the picture's shorter side."""
    return replace(state, cover=replace(state.cover, share=min(MAX_COVER, max(MIN_COVER, share))))


def spot_covered(state: AppState, x: float, y: float) -> AppState:
    """Cover a spot around a place, image px; the covered picture is scored anew."""
    picture = state.picture
    if not isinstance(picture, LoadedPicture) or len(state.cover.spots) >= MAX_SPOTS:
        return state
    radius = cover_radius(state.cover, picture)
    return _with_spots(state, (*state.cover.spots, Spot(x, y, radius)))


def cover_radius(cover: Cover, picture: LoadedPicture) -> float:
    """Give the radius of the next spot in image px."""
    return cover.share * min(picture.pixels.width, picture.pixels.height) / 2


def cover_undone(state: AppState) -> AppState:
    """Uncover the last spot."""
    return _with_spots(state, state.cover.spots[:-1]) if state.cover.spots else state


def cover_cleared(state: AppState) -> AppState:
    """Uncover all spots."""
    return _with_spots(state, ()) if state.cover.spots else state


def _with_spots(state: AppState, spots: tuple[Spot, ...]) -> AppState:
    return replace(state, cover=replace(state.cover, spots=spots, reading=NotScored()))


def covered_started(state: AppState) -> AppState:
    """Say that the covered picture is being scored."""
    return replace(state, cover=replace(state.cover, reading=Scoring()))


def covered_known(state: AppState, spots: tuple[Spot, ...], reading: Analysis | ScoringFailed) -> AppState:
    """Take the answer for the covered picture, if these are still its spots."""
    return replace(state, cover=replace(state.cover, reading=reading)) if spots == state.cover.spots else state


def changes_of(state: AppState) -> tuple[Change, ...]:
    """Give what covering changed, label by label; none while nothing is covered or scores are withheld."""
    before, reading = findings_of(state), state.cover.reading
    if not before or not state.cover.spots or not isinstance(reading, Analysis):
        return ()
    after = {finding.label.id: finding for finding in with_thresholds(reading.findings, state.thresholds)}
    return tuple(Change(finding, after[finding.label.id]) for finding in before if finding.label.id in after)


def cover_words(state: AppState) -> str:
    """Say in a sentence what covering did to the score, or what the tool is for."""
    cover, changes = state.cover, changes_of(state)
    if isinstance(cover.reading, ScoringFailed):
        return f"{cover.reading.reason} {cover.reading.hint}".strip()
    if not cover.spots:
        return "Click the picture to hide a spot from the model." if cover.is_on else ""
    if not changes:
        return "Scoring the covered picture…"
    most = max(changes, key=lambda change: abs(change.difference))
    spots = "the spot" if len(cover.spots) == 1 else f"the {len(cover.spots)} spots"
    if abs(most.difference) < VISIBLE_CHANGE:
        return f"Without {spots} the model says the same."
    flipped = [change.before.label.name for change in changes if change.has_flipped]
    changed = f"; {', '.join(flipped)} {'crosses its' if len(flipped) == 1 else 'cross their'} threshold" if flipped else ""
    name = most.before.label.name
    return f"Without {spots} {name} goes from {most.before.probability:.2f} to {most.after.probability:.2f}{changed}."
