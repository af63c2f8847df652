"""Several networks in one package: the numbers are the members', averaged or multiplied, and everything says whose it is."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from cxrview.core.errors import ExplanationUnavailable, ManifestError, PackageError
from cxrview.core.manifest import Architecture, Combination, HeatmapKind, Label, Task
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.core.results import HeatmapTarget
from cxrview.core.scores import probabilities
from cxrview.engine import present
from cxrview.engine.analyse import analyse
from cxrview.engine.base import Predictor
from cxrview.engine.choose import open_predictor
from cxrview.engine.composite import write_composite
from cxrview.engine.explain import explain, methods_for
from cxrview.engine.fake import fake_package
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, add_package, find_package, load_package, verify_package

CHEST = (Label("normal", "Normal"), Label("pneumonia", "Pneumonia"))
KIND = (Label("covid19", "COVID-19"), Label("cap", "Community-acquired pneumonia"))
ABOUT: dict[str, Any] = {"card": "# Two\n", "model_id": "two", "title": "Two networks", "version": "1", "intended_use": "Tests."}


def member(folder: Path, name: str, labels: tuple[Label, ...], task: Task = Task.MULTICLASS, **options: Any) -> Package:
    return fake_package(folder / name, model_id=name, labels=labels, task=task, **options)


@pytest.fixture
def hierarchy(tmp_path: Path) -> Package:
    members = {"chest": member(tmp_path, "chest", CHEST, seed=1), "kind": member(tmp_path, "kind", KIND, seed=2)}
    return write_composite(tmp_path / "two", members, combine=Combination.PRODUCT, splits={"kind": "pneumonia"}, **ABOUT)


def ensemble(folder: Path, combine: Combination, task: Task = Task.MULTICLASS) -> Package:
    members = {name: member(folder, name, CHEST, task, seed=seed) for seed, name in enumerate(("a", "b", "c"))}
    return write_composite(folder / "three", members, combine=combine, **ABOUT)


def opened(package: Package, engine: str = "onnx") -> Predictor:
    return open_predictor(package, engine=engine, device="cpu", threads=1).predictor


def member_probabilities(package: Package, batch: Any) -> list[Any]:
    """The members' own probabilities of each image, measured one by one, without the code under test."""
    found = []
    for each in package.members:
        predictor = OnnxPredictor(each, threads=1, cache_dir=None)
        found.append(np.array([probabilities(forward.logits, each.manifest) for forward in predictor.run(batch)]))
        predictor.close()
    return found


def test_a_hierarchy_multiplies_the_probabilities_of_its_networks(hierarchy: Package) -> None:
    batch = hierarchy.golden.inputs
    chest, kind = member_probabilities(hierarchy, batch)
    predictor = opened(hierarchy)
    found = np.array([probabilities(forward.logits, hierarchy.manifest) for forward in predictor.run(batch)])
    predictor.close()
    assert [label.id for label in hierarchy.manifest.labels] == ["normal", "covid19", "cap"]
    assert hierarchy.manifest.task is Task.HIERARCHICAL
    np.testing.assert_allclose(found, np.column_stack([chest[:, 0], chest[:, 1:] * kind]), atol=1e-6)


def test_a_binary_network_can_divide_into_its_label_and_the_rest(tmp_path: Path) -> None:
    members = {"sick": member(tmp_path, "sick", CHEST[1:], Task.BINARY, seed=3), "kind": member(tmp_path, "kind", KIND, seed=2)}
    two = write_composite(
        tmp_path / "two",
        members,
        combine=Combination.PRODUCT,
        splits={"kind": "pneumonia"},
        otherwise={"sick": "normal"},
        labels=(CHEST[0], *KIND),
        **ABOUT,
    )
    sick, kind = member_probabilities(two, two.golden.inputs)
    predictor = opened(two)
    forwards = predictor.run(two.golden.inputs)
    found = np.array([probabilities(forward.logits, two.manifest) for forward in forwards])
    np.testing.assert_allclose(found, np.column_stack([1 - sick[:, 0], sick * kind]), atol=1e-6)
    analysis = analyse(as_pixels(phantom(1, size=(96, 96))), two, predictor)
    predictor.close()
    normal = next(each for each in analysis.heatmaps if each.label.id == "normal")
    own = OnnxPredictor(two.members[0], threads=1, cache_dir=None)
    (of_sick,) = explain(prepared(two), two.members[0], own, labels=["pneumonia"])
    own.close()
    np.testing.assert_allclose(normal.values, -of_sick.values, atol=1e-6)


def prepared(package: Package) -> Any:
    return prepare(as_pixels(phantom(1, size=(96, 96))), package.manifest.input)


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.MULTILABEL])
def test_an_ensemble_averages_probabilities(tmp_path: Path, task: Task) -> None:
    three = ensemble(tmp_path, Combination.MEAN_PROBABILITY, task)
    predictor = opened(three)
    found = np.array([probabilities(forward.logits, three.manifest) for forward in predictor.run(three.golden.inputs)])
    predictor.close()
    np.testing.assert_allclose(found, np.mean(member_probabilities(three, three.golden.inputs), axis=0), atol=1e-6)


def test_an_ensemble_averages_logits_and_its_map_is_the_mean_of_the_maps(tmp_path: Path) -> None:
    three = ensemble(tmp_path, Combination.MEAN_LOGIT, Task.MULTILABEL)
    predictor = opened(three)
    (forward, _) = predictor.run(three.golden.inputs)
    np.testing.assert_allclose(forward.logits, np.mean([part.logits for part in forward.parts], axis=0), atol=1e-6)
    analysis = analyse(as_pixels(phantom(1, size=(96, 96))), three, predictor)
    predictor.close()
    biases = np.mean([each.head.layers[0].bias for each in three.members if each.head is not None], axis=0)
    # Pooled-linear heads: the cells of a map add up to the logit less its bias, so the mean's do to the mean logit.
    for finding, heatmap, bias in zip(analysis.findings, analysis.heatmaps, biases, strict=True):
        assert heatmap.values.sum() == pytest.approx(finding.logit - bias, abs=1e-4)
        assert heatmap.network == finding.network == "mean of a, b, c"
        assert heatmap.method == "Grad-CAM, mean of a, b, c"


def test_findings_and_maps_of_a_hierarchy_say_which_network_they_come_from(hierarchy: Package) -> None:
    predictor = opened(hierarchy)
    analysis = analyse(as_pixels(phantom(1, size=(96, 96))), hierarchy, predictor)
    assert {each.label.id: each.network for each in analysis.findings} == {
        "normal": "chest",
        "covid19": "chest × kind",
        "cap": "chest × kind",
    }
    assert {each.label.id: each.network for each in analysis.heatmaps} == {"normal": "chest", "covid19": "kind", "cap": "kind"}
    assert analysis.heatmaps[1].method == "Grad-CAM of kind"
    (first,) = explain(prepared(hierarchy), hierarchy, predictor, labels=["covid19"], network="chest")
    own = OnnxPredictor(hierarchy.members[0], threads=1, cache_dir=None)
    (pneumonia,) = explain(prepared(hierarchy), hierarchy.members[0], own, labels=["pneumonia"])
    own.close()
    np.testing.assert_allclose(first.values, pneumonia.values, atol=1e-6)
    assert (first.label.id, first.network) == ("covid19", "chest")
    with pytest.raises(ExplanationUnavailable, match="'kind' has no part in 'normal'"):
        explain(prepared(hierarchy), hierarchy, predictor, labels=["normal"], network="kind")
    with pytest.raises(ExplanationUnavailable, match="no network 'third'"):
        explain(prepared(hierarchy), hierarchy, predictor, network="third")
    predictor.close()


def test_covering_the_picture_explains_the_whole_or_one_network(hierarchy: Package) -> None:
    assert "occlusion" in methods_for(hierarchy)
    predictor = opened(hierarchy)
    target = HeatmapTarget.ONE_AGAINST_REST
    (whole,) = explain(prepared(hierarchy), hierarchy, predictor, labels=["cap"], method="occlusion", target=target)
    (kind,) = explain(prepared(hierarchy), hierarchy, predictor, labels=["cap"], method="occlusion", target=target, network="kind")
    predictor.close()
    assert whole.network == ""
    assert kind.network == "kind"
    assert float(np.abs(whole.values - kind.values).max()) > 1e-4


@pytest.mark.parametrize("engine", ["onnx", "openvino", "fake"])
def test_every_engine_runs_the_members_and_passes_the_self_test(hierarchy: Package, engine: str) -> None:
    if engine == "openvino" and (reason := present.against_openvino_float32()):
        pytest.skip(reason)
    predictor = opened(hierarchy, engine)
    assert predictor.engine == engine
    reference = opened(hierarchy)
    for one, two in zip(predictor.run(hierarchy.golden.inputs), reference.run(hierarchy.golden.inputs), strict=True):
        np.testing.assert_allclose(probabilities(one.logits, hierarchy.manifest), probabilities(two.logits, hierarchy.manifest), atol=5e-3)
    predictor.close()
    reference.close()


def test_torch_runs_the_members_and_gives_their_true_gradients(tmp_path: Path, make_package: Callable[..., Package]) -> None:
    members = {"small": make_package(Architecture("resnet18")), "other": make_package(Architecture("resnet18", head_hidden=(8,)))}
    pair = write_composite(tmp_path / "pair", members, combine=Combination.MEAN_LOGIT, **ABOUT)
    predictor = opened(pair, "torch")
    np.testing.assert_allclose([each.logits for each in predictor.run(pair.golden.inputs)], pair.golden.logits, atol=1e-3)
    picture = prepare(as_pixels(phantom(1, size=(96, 96))), pair.manifest.input)
    (heatmap,) = explain(picture, pair, predictor, labels=["l1"], method="layercam", network="other")
    predictor.close()
    assert (heatmap.method, heatmap.network) == ("LayerCAM of other", "other")


def test_a_composite_package_is_verified_added_and_found(hierarchy: Package) -> None:
    assert verify_package(hierarchy) < 1e-5
    add_package(hierarchy.folder)
    again = find_package("two")
    assert again.manifest == hierarchy.manifest
    assert [each.manifest.id for each in again.members] == ["chest", "kind"]
    assert tomllib.loads((hierarchy.folder / "model.toml").read_text())["format"] == 2
    wrong = replace(hierarchy, golden=replace(hierarchy.golden, logits=hierarchy.golden.logits + np.float32(0.01)))
    with pytest.raises(PackageError, match="self-test failed"):
        verify_package(wrong)


def test_a_changed_file_of_a_member_is_refused(hierarchy: Package) -> None:
    path = hierarchy.folder / "kind" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(PackageError, match=r"'kind/model\.onnx' is not the file"):
        load_package(hierarchy.folder)


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no members": (lambda document: document.pop("composite"), "'composite' is missing"),
    "one member": (lambda document: document["composite"]["members"].pop(), "two networks at least"),
    "unknown field": (lambda document: document["composite"]["members"][0].update(weight=1.0), "weight"),
    "unknown rule": (lambda document: document["composite"].update(combine="vote"), "known are mean-logit"),
    "a mean that splits": (
        lambda document: (document["composite"].update(combine="mean-logit"), document.update(task="multiclass")),
        "has a name and nothing else",
    ),
    "a product that is multiclass": (lambda document: document.update(task="multiclass"), "'product' for the task 'hierarchical'"),
    "splits nothing": (lambda document: document["composite"]["members"][1].update(splits="normality"), "no earlier member leaves whole"),
    "a folder elsewhere": (lambda document: document["composite"]["members"][1].update(name="../kind"), "member '../kind'"),
    "labels that nobody gives": (lambda document: document["labels"][0].update(id="other"), "the package's labels are other"),
    "another input": (lambda document: document["input"].update(border_crop=0.1), "takes another input"),
    "a graph of its own": (lambda document: document["outputs"].update(graph="model.onnx"), r"outputs\.graph"),
    "maps by algebra": (lambda document: document["outputs"].update(heatmap="pooled-linear"), "'members', 'occlusion' or 'none'"),
    "format 1": (lambda document: document.update(format=1), "composite"),
    "format 3": (lambda document: document.update(format=3), "format 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_composite_manifest_that_does_not_add_up_is_refused_by_name(hierarchy: Package, case: str) -> None:
    change, sentence = BROKEN[case]
    document = tomllib.loads((hierarchy.folder / "model.toml").read_text())
    change(document)
    (hierarchy.folder / "model.toml").write_text(tomli_w.dumps(document))
    with pytest.raises(ManifestError, match=sentence):
        load_package(hierarchy.folder)


def test_members_that_do_not_fit_are_not_written(tmp_path: Path, hierarchy: Package) -> None:
    large = member(tmp_path, "large", CHEST, size=(128, 128))
    a = member(tmp_path, "a", CHEST)
    with pytest.raises(ManifestError, match="'large' takes another input"):
        write_composite(tmp_path / "x", {"a": a, "large": large}, combine=Combination.MEAN_LOGIT, **ABOUT)
    with pytest.raises(ManifestError, match="'kind' has the labels"):
        write_composite(tmp_path / "x", {"a": a, "kind": member(tmp_path, "k", KIND)}, combine=Combination.MEAN_LOGIT, **ABOUT)
    with pytest.raises(ManifestError, match="composite package itself"):
        write_composite(tmp_path / "x", {"two": hierarchy, "a": a}, combine=Combination.MEAN_LOGIT, labels=CHEST, **ABOUT)
    with pytest.raises(PackageError, match="two networks at least"):
        write_composite(tmp_path / "x", {"a": a}, combine=Combination.MEAN_LOGIT, **ABOUT)
    assert not (tmp_path / "x").exists()


def test_a_member_without_a_head_leaves_covering_the_picture(tmp_path: Path) -> None:
    members = {"a": member(tmp_path, "a", CHEST), "b": member(tmp_path, "b", CHEST, heatmap=HeatmapKind.NONE)}
    pair = write_composite(tmp_path / "pair", members, combine=Combination.MEAN_LOGIT, **ABOUT)
    assert pair.manifest.heatmap is HeatmapKind.OCCLUSION
    assert "gradcam" not in methods_for(pair)
    assert "occlusion" in methods_for(pair)
    predictor = opened(pair)
    assert analyse(as_pixels(phantom(1, size=(96, 96))), pair, predictor).heatmaps == ()
    predictor.close()
