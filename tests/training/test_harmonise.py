"""Histograms are matched to training images alone, and a finished package prepares pictures as training did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.enhance import histogram_of
from cxrview.core.errors import RecipeError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Enhancement
from cxrview.core.prepare import prepare, to_gray
from cxrview.io.read import read_pixels
from cxrview.training.recipe import Recipe
from cxrview.training.run import make_plan


@pytest.fixture
def matching(small_recipe: Recipe) -> Recipe:
    steps = (Enhancement.REMOVE_MARKS, Enhancement.HISTOGRAM_MATCH, Enhancement.CLAHE)
    return replace(small_recipe, input=replace(small_recipe.input, enhancement=steps))


def test_the_reference_is_the_mean_of_the_training_images_and_of_no_others(films: Path, matching: Recipe, tmp_path: Path) -> None:
    plan = make_plan(films, tmp_path, matching)
    before = replace(matching.input, enhancement=(Enhancement.REMOVE_MARKS,))
    grays = [to_gray(read_pixels(ImageRef(plan.examples[i].path)), before).gray for i in plan.members("train")]
    np.testing.assert_allclose(plan.recipe.input.reference_histogram, histogram_of(grays), atol=1e-6)


def test_every_picture_is_what_the_finished_contract_prepares(films: Path, matching: Recipe, tmp_path: Path) -> None:
    plan = make_plan(films, tmp_path, matching)
    for number in (0, 17, 40):
        made = prepare(read_pixels(ImageRef(plan.examples[number].path)), plan.recipe.input)
        np.testing.assert_array_equal(plan.pictures.stack[number, 0], made.gray)


def test_a_base_image_gives_the_histogram(films: Path, matching: Recipe, tmp_path: Path) -> None:
    plan = make_plan(films, tmp_path, replace(matching, data=replace(matching.data, base_image="5.png")))
    before = replace(matching.input, enhancement=(Enhancement.REMOVE_MARKS,))
    base = to_gray(read_pixels(ImageRef(films.parent / "5.png")), before).gray
    np.testing.assert_allclose(plan.recipe.input.reference_histogram, histogram_of([base]), atol=1e-6)


def test_a_base_image_that_is_not_there_is_told(films: Path, matching: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="base image"):
        make_plan(films, tmp_path, replace(matching, data=replace(matching.data, base_image="no.png")))
