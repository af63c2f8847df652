from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrview.core.errors import DataError, RecipeError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Architecture, Channels, Task
from cxrview.engine import present
from cxrview.engine.analyse import analyse
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import load_package, verify_package
from cxrview.io.read import read_pixels
from cxrview.training.events import read_events
from cxrview.training.recipe import Recipe
from cxrview.training.run import make_plan, train
from cxrview.training.split import read_split


class Interrupted(Exception):
    """Stands for a power cut."""


def _weights(run: Path) -> dict[str, torch.Tensor]:
    stored = torch.load(run / "checkpoints" / "last.ckpt", map_location="cpu", weights_only=True)
    weights: dict[str, torch.Tensor] = stored["state_dict"]
    return weights


@pytest.fixture(scope="module")
def finished(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRVIEW_BASEDIR", str(run.parent / "basedir"))
        train(films, run, _recipe())
    return run


def _recipe() -> Recipe:
    from cxrview.training.recipe import load_recipe

    return load_recipe(str(Path(__file__).parent / "small.toml"))


def test_a_run_leaves_everything_that_is_promised(finished: Path) -> None:
    for name in (
        "plan.json",
        "recipe.toml",
        "split.csv",
        "events.jsonl",
        "checkpoints/last.ckpt",
        "report/report.html",
        "package/model.toml",
    ):
        assert (finished / name).is_file(), name
    plan = json.loads((finished / "plan.json").read_text())
    assert plan["labels"] == ["opacity"]
    assert sum(row["images"] for row in plan["counts"]) == 48
    events = list(read_events(finished / "events.jsonl"))
    assert [event["event"] for event in events] == ["plan", *["epoch"] * 4, "fitted", "done"]
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1, 2, 3, 4]


def test_the_package_is_whole_and_passes_its_self_test(finished: Path) -> None:
    package = load_package(finished / "package")
    assert verify_package(package) < 1e-4
    assert package.guard is not None
    assert package.head is not None
    for curve, threshold in zip(package.manifest.operating_curve, package.manifest.thresholds, strict=True):
        assert threshold.probability in curve.probability
        assert "val split" in curve.cases
    assert all(0.0 < rule.prevalence < 1.0 for rule in package.manifest.calibration)
    has_bfloat16 = not present.against_openvino_bfloat16()
    assert [check.precision for check in package.manifest.precisions] == ["bf16"] * has_bfloat16
    card = (finished / "package" / "CARD.md").read_text()
    assert ("bf16" in card) == has_bfloat16
    assert package.manifest.split_sha256 in card
    assert "not for diagnosis" in card
    assert {source.source for source in package.manifest.trained_on} == {"north", "south"}


def test_the_package_scores_a_training_film_as_the_run_did(finished: Path, films: Path) -> None:
    package = load_package(finished / "package")
    rows = [line.split(",") for line in (finished / "report" / "scores.csv").read_text().splitlines()[1:]]
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    try:
        for row in rows[:3]:
            found = analyse(read_pixels(ImageRef(films.parent / row[0])), package, predictor)
            assert found.findings[0].logit == pytest.approx(float(row[5]), abs=1e-3)
            assert found.in_distribution is not None
    finally:
        predictor.close()


def test_no_patient_stands_in_two_splits(finished: Path) -> None:
    splits = read_split(finished / "split.csv")
    assert set(splits.values()) == {"train", "val", "test"}
    assert len(splits) == 48


def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    def cut_after_two(sentence: str) -> None:
        if sentence.startswith("epoch 3/"):
            raise Interrupted

    train(films, tmp_path / "whole", small_recipe)
    with pytest.raises(Interrupted):
        train(films, tmp_path / "cut", small_recipe, report=cut_after_two)
    train(films, tmp_path / "cut", small_recipe, resume=True)
    whole, cut = _weights(tmp_path / "whole"), _weights(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    for name, value in whole.items():
        torch.testing.assert_close(cut[name], value, msg=name)


def test_a_folder_with_a_run_is_not_written_over(finished: Path, films: Path) -> None:
    with pytest.raises(DataError, match="already holds a run"):
        train(films, finished, _recipe())


def test_resuming_nothing_says_so(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no checkpoint"):
        train(films, tmp_path / "new", small_recipe, resume=True)


def test_multiclass_with_three_channels_and_a_hidden_layer_trains_and_exports(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(
        small_recipe,
        task=Task.MULTICLASS,
        input=replace(small_recipe.input, channels=Channels.GRAY_CLAHE_BEASF, mean=(0.5,) * 3, std=(0.25,) * 3),
        architecture=Architecture("cnn-pooled", head_hidden=(10,), dropout=0.2),
        data=replace(small_recipe.data, labels=(), label_map={}),
        fit=replace(small_recipe.fit, epochs=1, average=0.0, class_weights=True),
    )
    package = load_package(train(films, tmp_path / "run", recipe))
    assert [label.id for label in package.manifest.labels] == ["clear", "opacity"]
    assert package.manifest.heatmap == "pooled-mlp"


def test_zeros_for_mean_and_std_are_filled_in_from_the_training_images(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(small_recipe, input=replace(small_recipe.input, mean=(0.0,), std=(0.0,)))
    plan = make_plan(films, tmp_path, recipe)
    values = plan.pictures.stack[plan.members("train")] / 255
    assert plan.recipe.input.mean[0] == pytest.approx(values.mean(), abs=1e-4)
    assert plan.recipe.input.std[0] == pytest.approx(values.std(), abs=1e-4)


def test_fine_tuning_starts_from_another_packages_weights(finished: Path, films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    from cxrview.training.initial import initial_network

    weights = finished / "package" / "weights.safetensors"
    network = initial_network(replace(small_recipe, init=f"file:{weights}"), ("opacity",))
    fresh = initial_network(small_recipe, ("opacity",))
    name, tuned = next(iter(network.state_dict().items()))
    assert not np.allclose(tuned.numpy(), fresh.state_dict()[name].numpy())
    with pytest.raises(RecipeError, match="belong to another network"):
        initial_network(replace(small_recipe, init=f"file:{weights}", architecture=Architecture("resnet18")), ("opacity",))
    with pytest.raises(RecipeError, match="not there"):
        initial_network(replace(small_recipe, init=f"file:{tmp_path / 'no.safetensors'}"), ("opacity",))


def test_the_default_recipe_takes_plain_folders_and_starts_from_the_bundled_network(tmp_path: Path) -> None:
    from cxrview.core.phantom import phantom
    from cxrview.io.phantom_files import write_png
    from cxrview.training.recipe import load_recipe

    for number in range(24):
        folder = tmp_path / "films" / ("clear", "COVID-19 (opacity)")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_png(folder / f"{number}.png", phantom(number, size=(96, 96), bits=8, opacities=number % 2 * 3))
    recipe = load_recipe("fine-tune", ["fit.epochs=1", "fit.batch=4", "data.val_fraction=0.25"])
    package = load_package(train(tmp_path / "films", tmp_path / "run", recipe))
    assert [(label.id, label.name) for label in package.manifest.labels] == [("covid-19-opacity", "COVID-19 (opacity)"), ("clear", "clear")]
    assert "first weights: bundled:cxr-reader" in (package.folder / "CARD.md").read_text()
