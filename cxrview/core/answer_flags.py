"""What makes an answer suspicious: flags that follow from the lungs, the heatmap and the likeness to the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cxrview.core.flags import LEAST_HEAT_IN_LUNGS, Flag
from cxrview.core.frame import Frame
from cxrview.core.lungs import Lungs, heat_in_lungs
from cxrview.core.results import Finding, Heatmap
from cxrview.core.scores import leading_finding
from cxrview.core.trust import UNUSUAL_BELOW

# How many times as many training images must lie as far out as the swapped one; chance alone moves the share by less.
CLEARLY_MORE = 5.0
# Longer side of the picture on which the heat in the lungs is measured; a heatmap has some ten cells a side.
COARSE_PX = 512


def lung_flags(findings: Sequence[Finding], heatmaps: Sequence[Heatmap], frame: Frame, lungs: Lungs | None) -> tuple[Flag, ...]:
    """Give the flags of an answer for which the lungs were looked for; none where they were not.

    Args:
        findings: of the image.
        heatmaps: of the same pass; the top label's counts, if it is positive.
        frame: the classifier's input px to image px.
        lungs: of the same image; None when nobody looked.
    """
    if lungs is None:
        return ()
    noticed = tuple(flag for flag in Flag if flag in lungs.noticed)
    if not lungs.is_found:
        return (*noticed, Flag.LUNGS_NOT_FOUND)
    cut = (*noticed, Flag.LUNGS_CUT_OFF) if lungs.cut_sides else noticed
    top = leading_finding(findings)
    heatmap = next((each for each in heatmaps if each.label.id == top.label.id), None)
    if heatmap is None or not top.is_positive:
        return cut
    # A map without heat gives NaN, which is under nothing.
    is_outside = heat_share(heatmap, frame, lungs) < LEAST_HEAT_IN_LUNGS
    return (*cut, Flag.HEAT_OUTSIDE_LUNGS) if is_outside else cut


def heat_share(heatmap: Heatmap, frame: Frame, lungs: Lungs) -> float:
    """Give the fraction of the positive heat that lies in the lungs, 0 to 1, to some thousandths and soon; NaN where there is none."""
    coarse = replace(lungs, frame=lungs.frame.shrunk(COARSE_PX))
    return heat_in_lungs(heatmap, frame.shrunk(COARSE_PX), coarse)


def may_be_inverted(likeness: float, swapped_likeness: float) -> bool:
    """Tell from the conformal p-values of a picture and of the same with dark and bright swapped whether the latter is meant."""
    return likeness < UNUSUAL_BELOW <= swapped_likeness and swapped_likeness >= CLEARLY_MORE * likeness
