"""Transitions for a file that is wrong about what is bright: the picture and what the model sees are turned round; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.state import AppState, LoadedPicture, Outcomes, answers_cleared, with_polarity


def polarity_turned(state: AppState) -> AppState:
    """Swap dark and bright of the shown picture for the model, too, or take that back; it is scored anew."""
    picture = state.picture
    if not isinstance(picture, LoadedPicture):
        return state
    turned = replace(state, turned_polarity=state.turned_polarity ^ {picture.ref})
    outcomes = {ref: outcome for ref, outcome in state.outcomes.by_ref.items() if ref != picture.ref}
    return replace(answers_cleared(turned), picture=with_polarity(turned, picture), outcomes=Outcomes(outcomes))
