"""Transitions for a file that is wrong about what is bright: the picture and what the model sees are turned round; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.state import AppState, LoadedPicture, Outcomes, answers_cleared
from cxrview.core.image import Fact, Pixels

TURNED = Fact("polarity_by_hand", "dark and bright were swapped by hand, for the eye and for the model: the file says otherwise")


def turned_pixels(pixels: Pixels) -> Pixels:
    """Give the same picture with dark and bright swapped for everybody, which display does for the eye alone."""
    facts = tuple(fact for fact in pixels.facts if fact != TURNED) if TURNED in pixels.facts else (*pixels.facts, TURNED)
    return replace(pixels, is_inverted=not pixels.is_inverted, facts=facts)


def with_polarity(state: AppState, picture: LoadedPicture) -> LoadedPicture:
    """Give a picture as a person has said that it is."""
    if (picture.ref in state.turned_polarity) == picture.is_turned:
        return picture
    pixels = turned_pixels(picture.pixels)
    facts = (*(fact for fact in picture.facts if fact != TURNED), *((TURNED,) if not picture.is_turned else ()))
    return replace(picture, pixels=pixels, facts=facts, is_turned=not picture.is_turned)


def polarity_turned(state: AppState) -> AppState:
    """Swap dark and bright of the shown picture for the model, too, or take that back; it is scored anew."""
    picture = state.picture
    if not isinstance(picture, LoadedPicture):
        return state
    turned = replace(state, turned_polarity=state.turned_polarity ^ {picture.ref})
    outcomes = {ref: outcome for ref, outcome in state.outcomes.by_ref.items() if ref != picture.ref}
    return replace(answers_cleared(turned), picture=with_polarity(turned, picture), outcomes=Outcomes(outcomes))
