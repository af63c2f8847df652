"""Templates of the labels and the images least like them, as pictures for the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.colour import DIVERGING, colour_table
from cxrview.evaluation.report import EvaluationReport
from cxrview.evaluation.templates import Template

SIDE_PX = 132
NOTE = (
    "Mean heatmap of the images that have the label, in the frame of the lungs' box and 15 % around it; red speaks for the label, blue "
    "against, each to its own scale. Beside it its principal components (their sign means nothing) and the images whose maps are "
    "least like it: look at them for what is wrong with the image, the label or the network."
)


def gallery(report: EvaluationReport) -> str:
    """Write the section of templates; empty where there are none."""
    if report.audits is None or not report.audits.templates:
        return ""
    sections = "".join(_section(each) for each in report.audits.templates)
    return f'<h2>Class templates</h2><p class="note">{escape(NOTE)}</p>{sections}'


def picture_of(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Colour a map (h, w), zero in the middle, at page size: (132, 132, 3) uint8 RGB."""
    scale = max(float(np.abs(values).max()), 1e-12)
    index = np.rint((np.clip(values / scale, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)
    large = cv2.resize(index, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(colour_table(DIVERGING)[large])


def pictures_of(template: Template) -> tuple[tuple[npt.NDArray[np.uint8], str], ...]:
    """Give every picture of a template with its caption, the mean first."""
    eigen = [
        (picture_of(each), f"component {place}: {share:.0%} of the variance")
        for place, (each, share) in enumerate(zip(template.eigen, template.explained, strict=True), start=1)
    ]
    unlike = [(each.thumb, f"{each.name}, {each.correlation:+.2f}") for each in template.unlike]
    return ((picture_of(template.mean), f"mean of {template.images}"), *eigen, *unlike)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Encode a gray or RGB picture."""
    plane = picture if picture.ndim == 2 else picture[:, :, ::-1]
    return bytes(cv2.imencode(".png", np.ascontiguousarray(plane))[1].tobytes())


def _section(template: Template) -> str:
    return (
        f'<section class="contrast"><h3>{escape(str(template))}</h3><div class="gallery">{_figures(pictures_of(template))}</div></section>'
    )


def _figures(pictures: Sequence[tuple[npt.NDArray[np.uint8], str]]) -> str:
    return "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{base64.b64encode(png(picture)).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for picture, caption in pictures
    )
