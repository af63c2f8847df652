"""Whether an answer should be believed: the in-distribution check and the file's own words, said in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from cxrview.core.flags import Flag

# Among images like those of training, one in a hundred (in twenty) lies at least as far out.
UNLIKE_BELOW = 0.01
UNUSUAL_BELOW = 0.05


class Likeness(StrEnum):
    """How an image compares with those the model was trained on."""

    USUAL = "usual"
    UNUSUAL = "unusual"
    UNLIKE = "unlike"
    UNKNOWN = "unknown"


LIKENESS_WORDS = {
    Likeness.USUAL: "like the training images",
    Likeness.UNUSUAL: "unusual",
    Likeness.UNLIKE: "unlike the training images: do not believe the scores",
    Likeness.UNKNOWN: "likeness unknown",
}
REFUSED_FLAGS = {
    Flag.NOT_RADIOGRAPH: "the file says that this is no radiograph",
    Flag.NOT_CHEST: "the file says that another part of the body was examined",
    Flag.LATERAL: "the file says that this is a lateral or oblique view",
    Flag.UNLIKE_TRAINING: "the image is unlike those the model was trained on",
    Flag.LOOKS_NOT_CHEST: "this does not look like a chest radiograph",
    Flag.LOOKS_LATERAL: "this looks like a lateral view",
    Flag.LOOKS_INVERTED: "dark and bright look exchanged",
    Flag.LOOKS_TURNED: "the picture looks turned or upside down",
}


def likeness_of(in_distribution: float | None) -> Likeness:
    """Name the likeness for a conformal p-value, 0 to 1; None where the package has no check."""
    if in_distribution is None:
        return Likeness.UNKNOWN
    if in_distribution < UNLIKE_BELOW:
        return Likeness.UNLIKE
    return Likeness.UNUSUAL if in_distribution < UNUSUAL_BELOW else Likeness.USUAL


def likeness_reason(in_distribution: float | None) -> str:
    """Say what the likeness rests on."""
    if in_distribution is None:
        return "This model package has no check of whether an image is like its training images."
    share = "less than 1" if in_distribution < UNLIKE_BELOW else f"{100 * in_distribution:.0f}"
    return f"{share} % of images like those of training lie at least as far out as this one (p = {in_distribution:.3f})."


def refusal(in_distribution: float | None, flags: Sequence[Flag]) -> str:
    """Say in one sentence why the scores should not be believed; empty when nothing speaks against them."""
    unlike = (Flag.UNLIKE_TRAINING,) if likeness_of(in_distribution) is Likeness.UNLIKE else ()
    reasons = [REFUSED_FLAGS[flag] for flag in REFUSED_FLAGS if flag in (*flags, *unlike)]
    return f"The scores are withheld: {', and '.join(reasons)}." if reasons else ""
