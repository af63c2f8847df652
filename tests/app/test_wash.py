"""Heatmaps are coloured or drawn as lines where they belong in the image."""

from __future__ import annotations

import numpy as np

from cxrview.app.wash import make_contours, make_wash
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.manifest import Label
from cxrview.core.results import Heatmap, HeatmapTarget

FRAME = frame_of_box(Box(100, 50, 500, 450), model_size=(64, 64), image_size=(600, 500))


def heatmap(values: np.ndarray) -> Heatmap:
    return Heatmap(Label("tb", "Tuberculosis"), values.astype(np.float32), HeatmapTarget.LOGIT, "Grad-CAM")


def hill(*, sign: float = 1.0) -> Heatmap:
    y, x = np.mgrid[0:16, 0:16] + 0.5
    return heatmap(sign * np.exp(-((x - 4) ** 2 + (y - 12) ** 2) / 8))


def test_what_is_under_the_least_share_stays_clear() -> None:
    whole = make_wash(hill(), FRAME, 1.0, table="inferno")
    cut = make_wash(hill(), FRAME, 1.0, table="inferno", least=0.5)
    assert np.count_nonzero(cut.rgba[:, :, 3]) < 0.4 * np.count_nonzero(whole.rgba[:, :, 3])
    kept = cut.rgba[:, :, 3] > 0
    assert (cut.rgba[kept] == whole.rgba[kept]).all()
    assert cut.box == Box(100, 50, 500, 450)


def test_lines_run_around_the_hill_in_image_px_and_inside_each_other() -> None:
    contours = make_contours(hill(), FRAME, 1.0, table="inferno")
    assert len(contours) >= 4
    widths = []
    for contour in contours:
        (line,) = contour.lines
        assert np.abs(line.mean(axis=0) - (100 + 400 * 4 / 16, 50 + 400 * 12 / 16)).max() < 25
        widths.append(np.ptp(line[:, 0]))
    assert widths == sorted(widths, reverse=True)
    assert [contour.level for contour in contours] == sorted(contour.level for contour in contours)
    # A Gaussian falls to 0.45 of its height at sqrt(8 ln(1 / 0.45)) = 2.53 cells of 25 px.
    middle = next(contour for contour in contours if abs(contour.level - 0.45) < 1e-9)
    assert abs(np.ptp(middle.lines[0][:, 0]) - 2 * 2.53 * 25) < 10


def test_no_line_lies_under_the_least_share_and_none_on_nothing() -> None:
    assert {round(contour.level, 2) for contour in make_contours(hill(), FRAME, 1.0, table="inferno", least=0.5)} <= {0.6, 0.75, 0.9}
    assert make_contours(hill(), FRAME, 0.0, table="inferno") == ()


def test_evidence_against_gets_lines_only_when_signed() -> None:
    against = hill(sign=-1.0)
    assert make_contours(against, FRAME, 1.0, table="inferno") == ()
    signed = make_contours(against, FRAME, 1.0, table="diverging", is_signed=True)
    assert signed
    assert all(contour.level < 0 for contour in signed)
