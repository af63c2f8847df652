from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import Architecture
from cxrview.training.recipe import (
    AugmentRecipe,
    Balance,
    Columns,
    DataRecipe,
    FitRecipe,
    PackageRecipe,
    Recipe,
    load_recipe,
    recipe_document,
    recipe_from,
    recipe_names,
    recipe_text,
)

GUIDE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_and_survives_being_written(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    copy = tmp_path / "copy.toml"
    copy.write_text(recipe_document(recipe), encoding="utf-8")
    assert load_recipe(str(copy)) == recipe


def test_text_of_a_recipe_is_its_file() -> None:
    assert 'name = "cxr-reader"' in recipe_text("cxr-reader")


def test_overrides_change_single_fields() -> None:
    recipe = load_recipe("cxr-reader", ["fit.epochs=3", "fit.balance=label", 'data.labels=["normal","covid19"]', "input.width=64"])
    assert (recipe.fit.epochs, recipe.fit.balance, recipe.data.labels, recipe.input.width) == (3, Balance.LABEL, ("normal", "covid19"), 64)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("fit.epoch=3", "epoch"),
        ("fit.balance=sometimes", "balance"),
        ("fit.epochs=0", "epochs must be at least 1"),
        ("epochs", "key=value"),
        ("name.first=1", "names no field"),
        ("input.mean=[0.5,0.5]", "mean needs one number for each channel"),
        ("data.test_fraction=0.9", "test_fraction"),
    ],
)
def test_a_wrong_override_is_refused_by_name(override: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe("cxr-reader", [override])


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="cxr-reader"):
        load_recipe("no-such-recipe")


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("a = = b", encoding="utf-8")
    with pytest.raises(RecipeError, match="not a TOML file"):
        load_recipe(str(path))


def test_a_missing_section_is_named() -> None:
    with pytest.raises(RecipeError, match="architecture"):
        recipe_from({"name": "x", "title": "x", "description": "x", "input": {"width": 8, "height": 8}})


@pytest.mark.parametrize("section", [Recipe, DataRecipe, Columns, Architecture, AugmentRecipe, FitRecipe, PackageRecipe])
def test_every_field_of_a_recipe_stands_in_the_guide(section: type) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [each.name for each in fields(section) if f"`{each.name}`" not in text] == []
