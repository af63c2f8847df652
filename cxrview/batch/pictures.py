"""Small pictures of scored images, with the heatmaps that may be believed over them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.batch.overlays import displayed
from cxrview.batch.plan import Pictures
from cxrview.core.colour import overlay
from cxrview.core.errors import CxrError
from cxrview.core.flags import Flag
from cxrview.core.frame import Frame
from cxrview.core.heatmap import common_scale, positive
from cxrview.core.image import Pixels
from cxrview.core.results import Analysis, Heatmap
from cxrview.core.trust import refusal

ByteArray = npt.NDArray[np.uint8]
SIDE_PX: Final = 256
QUALITY: Final = 85
PLAIN: Final = ""
"""What the picture without a heatmap is called among those of the labels."""


def small_pictures(kind: Pictures, pixels: Pixels, analysis: Analysis) -> bytes:
    """Give the small pictures of an image, the longer side `SIDE_PX`: nothing, a JPEG file, or what `pictures_by_label` reads.

    The one picture shows the heatmap of the likeliest label that is positive and says that something was found; none where there is no
    such label, or where the scores are withheld.
    """
    if kind is Pictures.NONE:
        return b""
    gray = _shrunk_image(pixels)
    if kind is Pictures.EACH_LABEL:
        drawn = {PLAIN: _with_heatmap(gray, analysis, None)}
        drawn |= {each.label.id: _with_heatmap(gray, analysis, each) for each in analysis.heatmaps}
        return _packed(drawn)
    return _with_heatmap(gray, analysis, _strongest(analysis))


def pictures_by_label(packed: bytes) -> Mapping[str, bytes]:
    """Give the JPEG files by label id, and the one without a heatmap by `PLAIN`; nothing where there is nothing."""
    if not packed:
        return {}
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name.removesuffix(".jpg"): archive.read(name) for name in archive.namelist()}


def _packed(pictures: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for label, picture in pictures.items():
            archive.writestr(f"{label}.jpg", picture)
    return target.getvalue()


def _strongest(analysis: Analysis) -> Heatmap | None:
    flags = [flag for flag in Flag if flag in analysis.flags]
    raised = [finding for finding in analysis.findings if finding.is_raised]
    if not raised or refusal(analysis.in_distribution, flags):
        return None
    label = max(raised, key=lambda finding: finding.probability).label
    return next((each for each in analysis.heatmaps if each.label == label), None)


def _shrunk_image(pixels: Pixels) -> ByteArray:
    small = min(1.0, SIDE_PX / max(pixels.height, pixels.width))
    size = (max(1, round(pixels.width * small)), max(1, round(pixels.height * small)))
    return np.asarray(cv2.resize(displayed(pixels), size, interpolation=cv2.INTER_AREA), np.uint8)


def _with_heatmap(gray: ByteArray, analysis: Analysis, heatmap: Heatmap | None) -> bytes:
    picture = np.repeat(gray[:, :, None], 3, axis=2)
    if heatmap is not None:
        frame = _shrunk(analysis.frame, gray.shape[1], gray.shape[0])
        picture = overlay(gray, positive(heatmap.values), frame, scale=common_scale(analysis.heatmaps), has_bar=False)
    is_done, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not is_done:
        raise CxrError("the small picture could not be encoded as JPEG.")
    return encoded.tobytes()


def _shrunk(frame: Frame, width: int, height: int) -> Frame:
    """Give the map from model px to a copy of the image of this width and height."""
    across, down = width / frame.image_width, height / frame.image_height
    return replace(
        frame,
        scale_x=frame.scale_x * across,
        scale_y=frame.scale_y * down,
        shift_x=frame.shift_x * across,
        shift_y=frame.shift_y * down,
        image_width=width,
        image_height=height,
    )
