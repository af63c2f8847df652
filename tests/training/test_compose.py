from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import Task
from cxrview.training.compose import (
    Plan,
    Route,
    base_recipe,
    compose,
    field_rows,
    offered_packages,
    offered_recipes,
    replaced_words,
    stage_words,
)
from cxrview.training.dataset import Choices, DataSet, build_data_set
from cxrview.training.estimate import rounds_of
from cxrview.training.hierarchy import leaves
from cxrview.training.recipe import load_recipe, recipe_document, recipe_from, recipe_names
from tests.training.intake import class_folders, draw, folders, scanned


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    found = scanned(folders(class_folders(tmp_path_factory.mktemp("compose") / "ward", 24)))
    return build_data_set(found, Choices(distance=-1, val_fraction=0.25, seed=7), is_multilabel=False)


@pytest.mark.parametrize("route", [Route.MINUTES, Route.HOUR, Route.THOROUGH])
def test_every_route_gives_a_complete_recipe_for_these_data(data_set: DataSet, route: Route, tmp_path: Path) -> None:
    recipe = compose(data_set, Plan(route), title="Ward model")
    path = tmp_path / "wizard.toml"
    path.write_text(recipe_document(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe
    assert recipe.data.labels == ("clear", "opacity")
    assert recipe.task is Task.MULTICLASS
    assert (recipe.package.id, recipe.package.title) == ("ward-model", "Ward model")
    assert recipe.fit.seed == 7


def test_minutes_leaves_the_backbone_alone_and_an_hour_is_an_hour(data_set: DataSet) -> None:
    minutes, hour = compose(data_set, Plan(Route.MINUTES)), compose(data_set, Plan(Route.HOUR))
    assert minutes.fit.freeze_epochs == minutes.fit.epochs
    assert minutes.fit.minutes == 10
    assert hour.fit.minutes == 60


def test_every_recipe_is_on_offer_and_fits_any_labels_or_says_why_not(data_set: DataSet) -> None:
    assert {name for name, _title in offered_recipes()} == set(recipe_names())
    for name, _title in offered_recipes():
        if load_recipe(name).stages:
            with pytest.raises(RecipeError, match="needs a class called normal"):
                compose(data_set, Plan(Route.RECIPE, name))
        else:
            assert set(compose(data_set, Plan(Route.RECIPE, name)).data.labels) <= {"clear", "opacity"}


def test_a_hierarchy_is_laid_out_over_the_classes_of_the_data(tmp_path: Path) -> None:
    for number in range(36):
        draw(tmp_path / ("Normal", "COVID-19", "pneumonia")[number % 3] / f"{number}.png", number)
    found = build_data_set(scanned(folders(tmp_path)), Choices(distance=-1), is_multilabel=False)
    recipe = compose(found, Plan(Route.RECIPE, "covid-cxnet-hierarchical"))
    assert recipe.task is Task.HIERARCHICAL
    assert leaves(recipe.stages) == recipe.data.labels == ("normal", "covid-19", "pneumonia")
    assert [stage.labels for stage in recipe.stages] == [("normal", "any-finding"), ("covid-19", "pneumonia")]
    assert recipe_from(tomllib.loads(recipe_document(recipe))) == recipe
    assert rounds_of(recipe) == 2
    assert stage_words(recipe) == "Here: first 'Normal' against everything else, then 'COVID-19', 'pneumonia' apart."


def test_what_a_recipe_would_choose_of_its_own_data_is_told() -> None:
    words = replaced_words(load_recipe("covid-binary-cnn"))
    assert "the classes Normal, COVID-19" in words
    assert "at most 1100 images of covid19" in words
    assert "role" not in words
    assert replaced_words(load_recipe("fine-tune")) == ""
    assert "only images whose view is PA" in replaced_words(load_recipe("covid-multilabel"))


def test_phases_tries_and_a_final_fit_are_reckoned_with() -> None:
    recipe = load_recipe("covid-binary-resnet50v2")  # 18 tries of 6 epochs, then 30 + 20 epochs, and all that once more
    assert rounds_of(recipe) * recipe.fit.epochs == pytest.approx(18 * 6 + 2 * 50)


def test_an_installed_model_brings_its_input_and_network(data_set: DataSet) -> None:
    package = offered_packages()[0]
    recipe = compose(data_set, Plan(Route.PACKAGE, package=package.manifest.id))
    assert recipe.init == f"bundled:{package.manifest.id}"
    assert recipe.input == package.manifest.input
    assert recipe.architecture == package.manifest.architecture
    with pytest.raises(RecipeError, match="no installed model 'gone'"):
        compose(data_set, Plan(Route.PACKAGE, package="gone"))


def test_changes_are_as_on_the_command_line_and_wrong_ones_are_named(data_set: DataSet) -> None:
    assert compose(data_set, Plan(changes=("fit.epochs=3",))).fit.epochs == 3
    for change, words in (("fit.epoch=3", "epoch"), ("fit.epochs=many", "epochs"), ("fit.learning_rate=40", "learning_rate")):
        with pytest.raises(RecipeError, match=words):
            compose(data_set, Plan(changes=(change,)))


def test_every_field_on_offer_is_explained_and_its_value_is_toml() -> None:
    recipe = base_recipe(Plan())
    rows = field_rows(recipe)
    assert [row.name for row in rows if not row.words] == []
    assert {"fit.learning_rate", "augment.flip", "input.width", "architecture.name", "init"} <= {row.name for row in rows}
    import tomllib

    from cxrview.training.recipe import with_changes

    document = tomllib.loads(recipe_document(recipe))
    assert recipe_from(with_changes(document, [f"{row.name}={row.value}" for row in rows])) == recipe


def test_a_binary_recipe_asks_for_the_finding_not_for_the_normal(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = compose(data_set, Plan(changes=()))
    assert recipe.task is Task.MULTICLASS
    from dataclasses import replace

    from cxrview.training import compose as module

    monkeypatch.setattr(module, "base_recipe", lambda _plan: replace(base_recipe(Plan()), task=Task.BINARY))
    binary = compose(data_set, Plan())
    assert (binary.task, binary.data.labels) == (Task.BINARY, ("opacity",))
    assert binary.data.label_map == {"opacity": ("opacity",), "clear": ()}
