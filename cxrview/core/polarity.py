"""A picture whose file is wrong about what is bright."""

from __future__ import annotations

from dataclasses import replace

from cxrview.core.image import Fact, Pixels

TURNED = Fact("polarity_by_hand", "dark and bright were swapped by hand, for the eye and for the model: the file says otherwise")


def turned_pixels(pixels: Pixels) -> Pixels:
    """Give the same picture with dark and bright swapped for everybody, which display does for the eye alone; twice gives it back."""
    facts = tuple(fact for fact in pixels.facts if fact != TURNED) if TURNED in pixels.facts else (*pixels.facts, TURNED)
    return replace(pixels, is_inverted=not pixels.is_inverted, facts=facts)
