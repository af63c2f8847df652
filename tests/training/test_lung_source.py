"""Lungs for training come from the image's own mask first, from the lung network next, and the log counts both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.core.errors import DataError
from cxrview.core.frame import Box, frame_of_box
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.lungs import Lungs, lungs_of
from cxrview.io.read import read_pixels
from cxrview.training.examples import read_collection
from cxrview.training.lung_source import LungSource, lungs_for
from cxrview.training.pictures import load_pictures
from cxrview.training.recipe import Recipe

MASK = np.zeros((96, 96), np.uint8)
MASK[20:80, 12:40] = MASK[20:80, 56:84] = 255


class Finder:
    """Stands for an open lung network: finds one lung in the middle."""

    def find(self, pixels: Pixels) -> Lungs:
        logits = np.full((96, 96), -9, np.float32)
        logits[30:70, 30:60] = 9
        return lungs_of(logits, frame_of_box(Box(0, 0, 96, 96), model_size=(96, 96), image_size=(96, 96)))


@pytest.fixture
def masked(films: Path) -> Path:
    """The films with a mask for every second of them."""
    folder = films.parent / "masks"
    folder.mkdir(exist_ok=True)
    rows = films.read_text().splitlines()
    lines = [rows[0] + ",mask_file"]
    for number, row in enumerate(rows[1:]):
        name = f"masks/{number}.png" if number % 2 else ""
        if name:
            cv2.imwrite(str(films.parent / name), MASK)
        lines.append(f"{row},{name}")
    table = films.parent / "masked.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def sides(box: Box | None) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    assert box is not None
    return box.left, box.top, box.right, box.bottom


def test_the_images_own_mask_goes_before_the_lung_network(masked: Path) -> None:
    pixels = read_pixels(ImageRef(masked.parent / "1.png"))
    own = lungs_for(pixels, masked.parent / "masks" / "1.png", Finder())  # type: ignore[arg-type]
    assert own.source is LungSource.MASK
    assert sides(own.box) == pytest.approx((12, 20, 84, 80), abs=0.2)
    found = lungs_for(pixels, None, Finder())  # type: ignore[arg-type]
    assert found.source is LungSource.FOUND
    assert sides(found.box) == pytest.approx((30, 30, 60, 70), abs=0.2)
    assert lungs_for(pixels, None, None).source is LungSource.MISSING


def test_a_mask_of_another_size_is_refused(masked: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), MASK[:50])
    with pytest.raises(DataError, match="its image 96×96"):
        lungs_for(read_pixels(ImageRef(masked.parent / "1.png")), tmp_path / "small.png", None)


def test_a_recipe_that_asks_for_lungs_gets_them_blanked_around_and_counts_where_they_came_from(
    masked: Path, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrview.training.pictures.open_lungs", lambda **_: None)
    spec = replace(small_recipe.input, lung_mask=True, lung_dilation=0.0)
    examples = read_collection(masked, small_recipe.data).examples
    said: list[str] = []
    loaded = load_pictures(examples, spec, report=said.append)
    assert "Lungs: 24 from masks that came with the images, 0 found by the lung network, 24 not known, whole picture taken." in said
    with_mask = loaded.pictures.stack[1, 0]
    assert not with_mask[:9].any()
    assert with_mask[12:38, 8:18].any()
    assert loaded.pictures.stack[0, 0][:9].any()
