"""Columns: the ones and the order that other programs rely on."""

from __future__ import annotations

from pathlib import Path

from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status, cells, columns, error_row
from cxrview.core.image import ImageRef

MODEL = ModelName("m", "1.0", "ab" * 32)


def test_columns_stand_in_the_agreed_order() -> None:
    assert columns(("a", "b")) == (
        *("path", "frame", "status", "error", "model", "model_version", "model_sha256", "engine", "device"),
        *("view", "flags", "in_distribution", "top_label"),
        *("p_a", "logit_a", "positive_a", "heat_in_lungs_a"),
        *("p_b", "logit_b", "positive_b", "heat_in_lungs_b"),
    )


def test_every_row_fills_exactly_the_columns() -> None:
    scored = ScoreRow("x.png", 1, Status.OK, MODEL, scores=(LabelScore("b", 0.5, 0.0, is_positive=True),), top_label="b")
    refused = error_row(ImageRef(Path("y.dcm")), "no pixels", MODEL)
    for row in (scored, refused):
        assert tuple(cells(row, ("a", "b"))) == columns(("a", "b"))


def test_a_refused_image_names_the_model_but_no_engine() -> None:
    found = cells(error_row(ImageRef(Path("y.dcm"), frame=4), "no pixels", MODEL), ("a",))
    assert (found["model"], found["model_sha256"], found["status"], found["error"]) == ("m", "ab" * 32, "error", "no pixels")
    assert (found["engine"], found["device"], found["p_a"], found["positive_a"]) == (None, None, None, None)
    assert found["frame"] == 5


def test_a_member_of_an_archive_shows_both_names() -> None:
    found = cells(error_row(ImageRef(Path("a.zip"), "b/c.dcm"), "broken", MODEL), ())
    assert found["path"] == "a.zip!b/c.dcm"
