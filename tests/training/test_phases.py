"""Trainings of several phases, tried values, repeats and stages end in packages, and go on where they were cut off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrview.core.errors import DataError, RecipeError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Task
from cxrview.core.prepare import prepare
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package
from cxrview.io.read import read_pixels
from cxrview.training.control import Wish, write_wish
from cxrview.training.events import read_events
from cxrview.training.figures import read_figures
from cxrview.training.phases import fit_phases
from cxrview.training.procedure import Phase, RangeTest, Repeat, Search, Stage
from cxrview.training.range_test import run_range_test, suggest
from cxrview.training.recipe import Recipe, load_recipe
from cxrview.training.run import make_plan, train
from cxrview.training.search import grid_points, search_grid

TWO_PHASES = (Phase("head", frozen_layers=1.0, epochs=2), Phase("all", epochs=2, learning_rate=1e-3))


class Interrupted(Exception):
    """Stands for a power cut."""


def stop_at(beginning: str, nth: int = 1):  # type: ignore[no-untyped-def]
    seen = []

    def listen(sentence: str) -> None:
        if sentence.startswith(beginning):
            seen.append(sentence)
            if len(seen) == nth:
                raise Interrupted

    return listen


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    stored: dict[str, torch.Tensor] = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return stored


@pytest.fixture
def quick(small_recipe: Recipe) -> Recipe:
    package = replace(small_recipe.package, is_audited=False)
    return replace(small_recipe, fit=replace(small_recipe.fit, epochs=2, average=0.0), package=package)


def test_a_frozen_phase_leaves_the_backbone_as_it_was_and_the_next_goes_on_from_its_head(
    films: Path, quick: Recipe, tmp_path: Path
) -> None:
    from cxrview.training.initial import initial_network

    recipe = replace(quick, phases=TWO_PHASES)
    plan = make_plan(films, tmp_path, recipe)
    fit_phases(plan, tmp_path, device="cpu", resume=False, report=lambda _: None)
    first = initial_network(plan.recipe, plan.labels).state_dict()
    head = weights(tmp_path / "checkpoints" / "1-head" / "last.ckpt")
    whole = weights(tmp_path / "checkpoints" / "2-all" / "last.ckpt")
    for name, value in first.items():
        if name.startswith("backbone.") and value.is_floating_point():
            torch.testing.assert_close(head[f"network.{name}"], value)
    assert not torch.equal(head["network.head.dense.0.weight"], first["head.dense.0.weight"])
    assert any(not torch.equal(whole[f"network.{name}"], value) for name, value in first.items() if name.startswith("backbone."))
    assert [event.get("phase") for event in read_events(tmp_path / "events.jsonl") if event["event"] == "epoch"] == [
        "1-head",
        "1-head",
        "2-all",
        "2-all",
    ]


@pytest.mark.parametrize("cut", ["epoch 1/2", "Phase 2-all"])
def test_phases_that_were_cut_off_go_on_to_the_same_weights(films: Path, quick: Recipe, tmp_path: Path, cut: str) -> None:
    recipe = replace(quick, phases=TWO_PHASES)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    plan = make_plan(films, tmp_path / "whole", recipe)
    fit_phases(plan, tmp_path / "whole", device="cpu", resume=False, report=lambda _: None)
    with pytest.raises(Interrupted):
        fit_phases(plan, tmp_path / "cut", device="cpu", resume=False, report=stop_at(cut))
    fit_phases(plan, tmp_path / "cut", device="cpu", resume=True, report=lambda _: None)
    a, b = (weights(tmp_path / name / "checkpoints" / "2-all" / "last.ckpt") for name in ("whole", "cut"))
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, msg=name)


def test_the_final_fit_learns_from_validation_images_and_keeps_the_calibration_of_the_network_that_did_not(
    films: Path, quick: Recipe, tmp_path: Path
) -> None:
    plan = make_plan(films, tmp_path, replace(quick, final_fit=True))
    trained = fit_phases(plan, tmp_path, device="cpu", resume=False, report=lambda _: None)
    assert trained.held_out is not None
    assert trained.held_out.shape == (len(plan.members("val")), 1)
    chosen, final = tmp_path / "checkpoints" / "best.ckpt", tmp_path / "checkpoints" / "final-1-all" / "last.ckpt"
    assert any(not torch.equal(weights(final)[name], value) for name, value in weights(chosen).items())


def test_every_combination_of_a_grid_is_tried_and_the_best_is_kept(films: Path, quick: Recipe, tmp_path: Path) -> None:
    recipe = replace(quick, search=Search({"fit.learning_rate": (1e-6, 3e-3), "architecture.dropout": (0.0, 0.3)}, epochs=1))
    assert len(grid_points(recipe.search)) == 4
    plan = make_plan(films, tmp_path, recipe)
    with pytest.raises(Interrupted):
        search_grid(plan, tmp_path, device="cpu", resume=False, report=stop_at("Try 2"))
    said: list[str] = []
    found = search_grid(plan, tmp_path, device="cpu", resume=True, report=said.append)
    assert sum(sentence.startswith("Try") for sentence in said) == 2
    rows = [line.split(",") for line in (tmp_path / "search.csv").read_text().splitlines()]
    assert rows[0] == ["fit.learning_rate", "architecture.dropout", "monitor", "epoch"]
    assert len(rows) == 5
    best = max(rows[1:], key=lambda row: float(row[2]))
    assert (str(found.fit.learning_rate), str(found.architecture.dropout)) == (best[0], best[1])
    assert not any((tmp_path / "search").rglob("*.ckpt"))
    other = replace(plan, recipe=replace(recipe, search=Search({"fit.batch": (4, 8)})))
    with pytest.raises(DataError, match="another grid"):
        search_grid(other, tmp_path, device="cpu", resume=True, report=lambda _: None)


def test_a_run_that_was_cut_off_in_its_search_goes_on(films: Path, quick: Recipe, tmp_path: Path) -> None:
    recipe = replace(quick, fit=replace(quick.fit, epochs=1), search=Search({"fit.learning_rate": (1e-6, 3e-3)}))
    with pytest.raises(Interrupted):
        train(films, tmp_path / "run", recipe, report=stop_at("Try 1"))
    assert load_package(train(films, tmp_path / "run", recipe, resume=True)).manifest.id == "small-test"


def test_a_hierarchy_that_was_cut_off_in_its_second_stage_keeps_the_first(films: Path, quick: Recipe, tmp_path: Path) -> None:
    recipe = replace(
        quick,
        task=Task.HIERARCHICAL,
        fit=replace(quick.fit, epochs=1),
        data=replace(quick.data, labels=(), label_map={}),
        stages=(Stage("first", ("clear", "opacity")), Stage("second", ("opacity-a", "opacity-b"), splits="opacity")),
    )
    rows = films.read_text().splitlines()
    lines = [row.replace(",opacity,", f",opacity-{'ab'[number // 4 % 2]},") for number, row in enumerate(rows[1:])]
    table = films.parent / "cut.csv"
    table.write_text("\n".join([rows[0], *lines]) + "\n", encoding="utf-8")
    label_map = {"opacity-a": ("opacity",), "opacity-b": ("opacity",)}
    recipe = replace(recipe, stages=(replace(recipe.stages[0], label_map=label_map), recipe.stages[1]))
    with pytest.raises(Interrupted):
        train(table, tmp_path / "run", recipe, report=stop_at("epoch 1/1", 2))
    before = (tmp_path / "run" / "first" / "package" / "model.toml").read_bytes()
    said: list[str] = []
    package = load_package(train(table, tmp_path / "run", recipe, resume=True, report=said.append))
    assert "Stage first is finished." in said
    assert (tmp_path / "run" / "first" / "package" / "model.toml").read_bytes() == before
    assert len(package.members) == 2


def test_a_grid_cannot_change_the_pictures() -> None:
    with pytest.raises(RecipeError, match=r"search\.grid can vary"):
        load_recipe("fine-tune", ['search.grid={"input.width"=[32,64]}'])


def test_the_range_test_finds_where_the_loss_falls_and_stops_when_it_bursts(films: Path, quick: Recipe, tmp_path: Path) -> None:
    plan = make_plan(films, tmp_path, replace(quick, range_test=RangeTest(steps=60, low=1e-6, high=100.0)))
    result = run_range_test(plan, tmp_path)
    assert result.rates[0] == pytest.approx(1e-6)
    assert np.allclose(np.diff(np.log(result.rates)), np.log(100.0 / 1e-6) / 59)
    assert len(result.rates) < 60
    assert 1e-6 < result.suggestion < 1.0
    assert "<svg" in (tmp_path / "report" / "range-test.svg").read_text()
    assert len((tmp_path / "report" / "range-test.csv").read_text().splitlines()) == len(result.rates) + 1


def test_the_suggested_rate_is_where_a_known_curve_is_steepest() -> None:
    rates = np.geomspace(1e-6, 1.0, 121)
    losses = 1.0 / (1.0 + np.exp(3 * (np.log10(rates) + 3.5))) + np.maximum(0, np.log10(rates) + 1.5) ** 2
    assert suggest(rates.tolist(), losses.tolist()) == pytest.approx(10**-3.5, rel=0.4)


def test_seeds_give_intervals_and_an_ensemble_whose_answer_is_the_mean_of_its_members(films: Path, quick: Recipe, tmp_path: Path) -> None:
    recipe = replace(quick, repeat=Repeat(seeds=2), fit=replace(quick.fit, epochs=1))
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        train(films, run, recipe, report=stop_at("Training seed-2"))
    said: list[str] = []
    ensemble = load_package(train(films, run, recipe, resume=True, report=said.append))
    assert "seed-1 is finished." in said
    assert (run / "seed-1" / "split.csv").read_bytes() == (run / "seed-2" / "split.csv").read_bytes()
    assert weights(run / "seed-1" / "checkpoints" / "last.ckpt").keys() == weights(run / "seed-2" / "checkpoints" / "last.ckpt").keys()
    logits = [_first_logit(load_package(run / name / "package"), films) for name in ("seed-1", "seed-2")]
    assert len(ensemble.members) == 2
    assert (run / "package" / "CARD.md").is_file()
    assert logits[0] != logits[1]
    summary = json.loads((run / "summary.json").read_text())
    values = [read_figures(run / name / "report")["accuracy"] for name in ("seed-1", "seed-2")]
    assert summary["accuracy"]["mean"] == pytest.approx(sum(values) / 2, abs=1e-4)
    assert summary["accuracy"]["n"] == 2


def _first_logit(package: Package, films: Path) -> float:
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    try:
        (forward,) = predictor.run(prepare(read_pixels(ImageRef(films.parent / "0.png")), package.manifest.input).tensor)
    finally:
        predictor.close()
    return float(forward.logits[0])


def test_folds_test_every_image_once(films: Path, quick: Recipe, tmp_path: Path) -> None:
    recipe = replace(quick, repeat=Repeat(folds=2), fit=replace(quick.fit, epochs=1))
    page = train(films, tmp_path / "run", recipe)
    assert page.name == "summary.md"
    assert "2 folds by patient" in page.read_text()
    tested = [
        line.split(",")[0]
        for fold in (1, 2)
        for line in (tmp_path / "run" / f"fold-{fold}" / "split.csv").read_text().splitlines()
        if ",test," in line
    ]
    assert sorted(tested) == sorted(f"{number}.png" for number in range(48))


def test_stages_become_one_package_whose_probabilities_are_products(films: Path, quick: Recipe, tmp_path: Path) -> None:
    table = films.parent / "stages.csv"
    rows = films.read_text().splitlines()
    words = ("opacity", "clear", "opacity-left", "opacity-right")
    lines = [row.replace(",opacity,", f",{words[2 + number // 4 % 2]},") for number, row in enumerate(rows[1:])]
    table.write_text("\n".join([rows[0], *lines]) + "\n", encoding="utf-8")
    recipe = replace(
        quick,
        task=Task.HIERARCHICAL,
        fit=replace(quick.fit, epochs=1),
        data=replace(quick.data, labels=(), label_map={}),
        stages=(
            Stage("first", ("clear", "opacity"), label_map={"opacity-left": ("opacity",), "opacity-right": ("opacity",)}),
            Stage("second", ("opacity-left", "opacity-right"), splits="opacity"),
        ),
    )
    package = load_package(train(table, tmp_path / "run", recipe))
    assert [label.id for label in package.manifest.labels] == ["clear", "opacity-left", "opacity-right"]
    assert [member.manifest.labels[0].id for member in package.members] == ["clear", "opacity-left"]
    rows = [line.split(",") for line in (tmp_path / "run" / "report" / "scores.csv").read_text().splitlines()]
    logits = np.array([[float(value) for value in row[5:]] for row in rows[1:]])
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1.0, atol=1e-3)
    assert {row[1] for row in rows[1:]} == {"train", "val", "test"}


def test_a_stop_ends_one_network_of_a_hierarchy_and_the_next_is_trained(films: Path, quick: Recipe, tmp_path: Path) -> None:
    table, run = films.parent / "stop.csv", tmp_path / "run"
    rows = films.read_text().splitlines()
    lines = [row.replace(",opacity,", f",opacity-{'ab'[number // 4 % 2]},") for number, row in enumerate(rows[1:])]
    table.write_text("\n".join([rows[0], *lines]) + "\n", encoding="utf-8")
    label_map = {"opacity-a": ("opacity",), "opacity-b": ("opacity",)}
    recipe = replace(
        quick,
        task=Task.HIERARCHICAL,
        fit=replace(quick.fit, epochs=3),
        data=replace(quick.data, labels=(), label_map={}),
        stages=(
            Stage("first", ("clear", "opacity"), label_map=label_map),
            Stage("second", ("opacity-a", "opacity-b"), splits="opacity"),
        ),
    )
    seen: list[str] = []

    def stop_once(sentence: str) -> None:
        if sentence.startswith("epoch 1/") and not seen:
            seen.append(sentence)
            write_wish(run, Wish.STOP)

    train(table, run, recipe, report=stop_once)
    epochs = [event["phase"] for event in read_events(run / "events.jsonl") if event["event"] == "epoch"]
    assert epochs == ["first", "first", "second", "second", "second"]


def test_stages_must_divide_what_an_earlier_one_gives(films: Path, quick: Recipe, tmp_path: Path) -> None:
    stages = (Stage("first", ("clear", "opacity")), Stage("second", ("left", "right"), splits="shadow"))
    with pytest.raises(RecipeError, match="'second' must divide"):
        train(films, tmp_path / "run", replace(quick, task=Task.HIERARCHICAL, stages=stages))
