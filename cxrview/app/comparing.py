"""Transitions of a second model beside the first, and how their answers differ; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrview.app.answers import findings_of, flags_shown
from cxrview.app.state import (
    AppState,
    BrokenModel,
    LoadedPicture,
    ModelEntry,
    NoModel,
    NotScored,
    OpeningModel,
    ReadyModel,
    Scoring,
    ScoringFailed,
    Second,
)
from cxrview.core.image import ImageRef
from cxrview.core.results import Analysis, Finding
from cxrview.core.trust import refusal

# From here on a difference of probabilities is pointed out.
NOTABLE_DIFFERENCE = 0.1


@dataclass(frozen=True, slots=True)
class Pair:
    """What two models say of one label; one of them may not know it."""

    label_id: str
    name: str
    first: Finding | None
    second: Finding | None

    @property
    def difference(self) -> float | None:
        """Probability of the second less that of the first; None where one does not know the label."""
        return None if self.first is None or self.second is None else self.second.probability - self.first.probability

    @property
    def has_disagreement(self) -> bool:
        """Tell whether one calls it positive and the other does not."""
        return self.first is not None and self.second is not None and self.first.is_positive != self.second.is_positive


def second_chosen(state: AppState, entry: ModelEntry | None) -> AppState:
    """Begin to open a second model, or compare no more with None."""
    return replace(state, second=Second() if entry is None else Second(OpeningModel(entry)))


def second_opened(state: AppState, model: ReadyModel | BrokenModel) -> AppState:
    """Use the second model, or say why not, if it is still the chosen one."""
    chosen = state.second.model
    if not isinstance(chosen, OpeningModel) or chosen.entry != model.entry:
        return state
    return replace(state, second=replace(state.second, model=model))


def second_started(state: AppState) -> AppState:
    """Say that the second model is reading."""
    return replace(state, second=replace(state.second, reading=Scoring()))


def second_known(state: AppState, ref: ImageRef, reading: Analysis | ScoringFailed) -> AppState:
    """Take the second model's answer, if its image is still on the canvas."""
    is_shown = isinstance(state.picture, LoadedPicture) and state.picture.ref == ref
    return replace(state, second=replace(state.second, reading=reading)) if is_shown else state


def is_comparing(state: AppState) -> bool:
    """Tell whether a second model is wanted."""
    return not isinstance(state.second.model, NoModel)


def second_findings(state: AppState) -> tuple[Finding, ...]:
    """Give the second model's findings under its own thresholds; none while it says nothing or is withheld."""
    reading = state.second.reading
    if not isinstance(reading, Analysis) or second_refusal(state):
        return ()
    return reading.findings


def second_refusal(state: AppState) -> str:
    """Say why the second model's answer is kept back; empty when it is not."""
    reading = state.second.reading
    if not isinstance(reading, Analysis) or state.current in state.shown_anyway:
        return ""
    return refusal(reading.in_distribution, flags_shown(state))


def pairs_of(state: AppState) -> tuple[Pair, ...]:
    """Join what both models say, the first one's labels first."""
    first = {finding.label.id: finding for finding in findings_of(state)}
    second = {finding.label.id: finding for finding in second_findings(state)}
    return tuple(
        Pair(label_id, (first.get(label_id) or second[label_id]).label.name, first.get(label_id), second.get(label_id))
        for label_id in dict.fromkeys((*first, *second))
    )


def comparison_words(state: AppState) -> str:
    """Say in a sentence how the two models differ, or why that cannot be said yet."""
    second = state.second
    if isinstance(second.model, OpeningModel):
        return f"Opening {second.model.entry.title}…"
    if isinstance(second.model, BrokenModel):
        return f"{second.model.reason} {second.model.hint}".strip()
    if isinstance(second.reading, ScoringFailed):
        return f"{second.reading.reason} {second.reading.hint}".strip()
    if isinstance(second.reading, NotScored | Scoring):
        return "The second model is reading…" if isinstance(second.reading, Scoring) else ""
    return second_refusal(state) or _difference_words(pairs_of(state))


def _difference_words(pairs: tuple[Pair, ...]) -> str:
    known = [pair for pair in pairs if pair.difference is not None]
    if not known:
        return "The two models have no label in common."
    disagreeing = [pair.name for pair in known if pair.has_disagreement]
    most = max(known, key=lambda pair: abs(pair.difference or 0.0))
    if disagreeing:
        return f"They disagree on {', '.join(disagreeing)}."
    if abs(most.difference or 0.0) < NOTABLE_DIFFERENCE:
        return "They agree, and no probability differs by 0.1."
    return f"They agree on every finding; {most.name} differs most, by {abs(most.difference or 0.0):.2f}."
