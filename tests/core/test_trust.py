"""Likeness is said in words, and refusals name every reason."""

from __future__ import annotations

import pytest

from cxrview.core.flags import Flag
from cxrview.core.trust import Likeness, likeness_of, likeness_reason, refusal


@pytest.mark.parametrize(
    ("p", "likeness"),
    [
        (None, Likeness.UNKNOWN),
        (0.0, Likeness.UNLIKE),
        (0.0099, Likeness.UNLIKE),
        (0.01, Likeness.UNUSUAL),
        (0.049, Likeness.UNUSUAL),
        (0.05, Likeness.USUAL),
        (1.0, Likeness.USUAL),
    ],
)
def test_a_p_value_has_a_name(p: float | None, likeness: Likeness) -> None:
    assert likeness_of(p) is likeness


def test_the_reason_says_what_the_number_means() -> None:
    assert likeness_reason(0.03) == "3 % of images like those of training lie at least as far out as this one (p = 0.030)."
    assert likeness_reason(0.001).startswith("less than 1 %")
    assert "no check" in likeness_reason(None)


def test_nothing_speaks_against_an_ordinary_image() -> None:
    assert refusal(0.5, ()) == ""
    assert refusal(None, (Flag.CHILD, Flag.NO_WINDOW, Flag.VERY_SMALL)) == ""


def test_a_refusal_names_every_reason() -> None:
    assert refusal(0.001, (Flag.LATERAL,)) == (
        "The scores are withheld: the file says that this is a lateral or oblique view, "
        "and the image is unlike those the model was trained on."
    )
