"""Checkpoints of others give the same answers here, and nothing that could run is taken from them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from cxrview.core.errors import RecipeError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Architecture, Channels
from cxrview.engine.analyse import analyse
from cxrview.engine.nets import build
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import load_package, verify_package
from cxrview.engine.torchvision_ops import make_importable
from cxrview.io.read import read_pixels
from cxrview.training.foreign import to_own_layout, with_planes
from cxrview.training.import_weights import find_architecture, import_init, import_package, load_contract
from cxrview.training.initial import initial_network, read_weights, usable_init
from cxrview.training.recipe import Recipe

make_importable()

SIZE = 64


def densenet(outputs: int, channels: int = 3) -> Any:  # Any: torchvision's networks are untyped
    from torchvision.models import densenet121

    torch.manual_seed(4)
    network = densenet121(weights=None, num_classes=outputs)
    if channels != 3:
        network.features.conv0 = torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    return network.eval()


def old_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As torch wrote them when CheXNet was published: `norm.1`, `conv.2`; wrapped twice; the classifier in a Sequential."""
    renamed = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2.", key): value for key, value in state.items()}
    return {f"module.densenet121.{key.replace('classifier.', 'classifier.0.')}": value for key, value in renamed.items()}


@pytest.fixture(scope="module")
def chexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("foreign") / "model.pth.tar"
    torch.save({"epoch": 3, "state_dict": old_names(densenet(14).state_dict()), "best_loss": 0.1, "optimizer": {"state": {}}}, path)
    return path


def test_chexnets_answers_are_the_same_here(chexnet: Path) -> None:
    tensors = read_weights(chexnet)
    network = build(Architecture("densenet121"), labels=14, channels=3, height=SIZE, width=SIZE)
    network.load_state_dict(dict(tensors), strict=False)
    picture = torch.rand(2, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(picture)[0], densenet(14)(picture), atol=1e-4, rtol=1e-4)


def test_a_recipe_starts_from_chexnet_and_says_so(chexnet: Path, small_recipe: Recipe) -> None:
    spec = replace(small_recipe.input, channels=Channels.GRAY3, mean=(0.5,) * 3, std=(0.25,) * 3)
    recipe = replace(small_recipe, input=spec, architecture=Architecture("densenet121", head_hidden=(10,)), init=f"file:{chexnet}")
    said: list[str] = []
    network = initial_network(recipe, ("opacity",), said.append)
    torch.testing.assert_close(network.state_dict()["backbone.body.features.conv0.weight"], densenet(14).features.conv0.weight)
    assert "100% of the backbone's tensors" in said[0]
    assert "new: head.dense.0, head.dense.1" in said[0]


def test_the_first_init_that_is_there_is_taken(chexnet: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    assert usable_init(replace(small_recipe, init=f"file:{tmp_path / 'no.pth'}|file:{chexnet}|random")) == f"file:{chexnet}"
    assert usable_init(replace(small_recipe, init=f"bundled:no-such-model|file:{tmp_path / 'no.pth'}|random")) == "random"
    with pytest.raises(RecipeError, match="not there"):
        usable_init(replace(small_recipe, init=f"bundled:no-such-model|file:{tmp_path / 'no.pth'}"))


def test_weights_for_three_channels_fit_one_and_the_other_way_round() -> None:
    three = {"conv": torch.rand(4, 3, 3, 3)}
    one = with_planes(three, {"conv": torch.zeros(4, 1, 3, 3)})["conv"]
    torch.testing.assert_close(one[:, 0], three["conv"].sum(dim=1))
    gray = torch.rand(1, 1, 8, 8)
    back = with_planes({"conv": one}, {"conv": torch.zeros(4, 3, 3, 3)})["conv"]
    same = torch.nn.functional.conv2d(gray.expand(-1, 3, -1, -1), back)
    torch.testing.assert_close(same, torch.nn.functional.conv2d(gray, one))


def test_chexnet_becomes_a_package_with_its_fourteen_outputs(chexnet: Path, films: Path, tmp_path: Path) -> None:
    contract = load_contract("chexnet")
    contract = replace(contract, input=replace(contract.input, width=SIZE, height=SIZE))
    package = load_package(import_package(chexnet, tmp_path / "chexnet", contract, model_id="chexnet"))
    assert verify_package(package) < 1e-3
    assert [label.id for label in package.manifest.labels][-2:] == ["pleural_thickening", "hernia"]
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    try:
        found = analyse(read_pixels(ImageRef(films.parent / "0.png")), package, predictor)
    finally:
        predictor.close()
    assert len(found.heatmaps) == 14
    assert "Nothing was measured" in (package.folder / "CARD.md").read_text()


def test_torchxrayvision_becomes_a_package_with_its_scaling_and_operating_points(tmp_path: Path) -> None:
    original = densenet(18, channels=1)
    points = torch.linspace(0.05, 0.6, 18)
    points[3] = float("nan")
    path = tmp_path / "xrv.pt"
    torch.save({**original.state_dict(), "op_threshs": points}, path)
    contract = load_contract("torchxrayvision")
    contract = replace(contract, input=replace(contract.input, width=SIZE, height=SIZE))
    package = load_package(import_package(path, tmp_path / "xrv", contract, model_id="xrv"))
    thresholds = [threshold.probability for threshold in package.manifest.thresholds]
    assert thresholds[0] == pytest.approx(0.05)
    assert thresholds[3] == 0.5
    with torch.no_grad():
        wanted = original(torch.from_numpy(package.golden.inputs.copy()))
    assert abs(package.golden.inputs).max() > 500  # as its authors scale: -1024 to 1024
    torch.testing.assert_close(torch.from_numpy(package.golden.logits.copy()), wanted, atol=0.02, rtol=0.01)  # half precision


@pytest.mark.parametrize(("name", "form"), [("efficientnet_b0", "safetensors"), ("resnet18", "pth")])
def test_a_network_of_timm_becomes_a_package_with_the_same_answers(tmp_path: Path, name: str, form: str) -> None:
    import timm

    torch.manual_seed(5)
    original = timm.create_model(name, pretrained=False, num_classes=3).eval()
    path = tmp_path / f"trained.{form}"
    if form == "safetensors":
        save_file(original.state_dict(), path)
    else:
        torch.save({"arch": name, "epoch": 7, "state_dict": original.state_dict()}, path)
    contract = replace(load_contract("chexnet"), labels=("clear", "mild", "severe"), architecture=name)
    contract = replace(contract, input=replace(contract.input, width=SIZE, height=SIZE))
    package = load_package(import_package(path, tmp_path / "timm", contract, model_id="timm"))
    assert verify_package(package) < 1e-3
    with torch.no_grad():
        wanted = original(torch.from_numpy(package.golden.inputs.copy()))
    torch.testing.assert_close(torch.from_numpy(package.golden.logits.copy()), wanted, atol=0.02, rtol=0.01)  # half precision


def test_an_init_is_written_in_our_own_layout_with_the_architecture_found(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    state = resnet18(weights=None).state_dict()
    save_file({f"model.{key}": value for key, value in state.items()}, tmp_path / "foreign.safetensors")
    assert import_init(tmp_path / "foreign.safetensors", tmp_path / "own.safetensors") == "resnet18"
    own = load_file(tmp_path / "own.safetensors")
    torch.testing.assert_close(own["backbone.body.layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])


def test_a_package_of_our_own_keeps_its_names() -> None:
    own = {"backbone.body.conv1.weight": torch.zeros(1), "head.dense.0.bias": torch.zeros(1)}
    assert to_own_layout(own).keys() == own.keys()


def test_another_network_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match="No network of this program"):
        find_architecture({"backbone.body.stem.weight": torch.zeros(3, 3)})


def test_a_wrong_number_of_labels_is_told(chexnet: Path, tmp_path: Path) -> None:
    contract = replace(load_contract("chexnet"), labels=("a", "b"))
    with pytest.raises(RecipeError, match="14 outputs, the contract 2 labels"):
        import_package(chexnet, tmp_path / "out", contract, model_id="x")


class Bomb:
    """What a hostile file holds."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("/nonexistent/touched").write_text, ("boom",))


def test_a_pickled_model_is_refused_and_nothing_in_it_runs(tmp_path: Path) -> None:
    for content in (Bomb(), torch.nn.Linear(2, 2)):
        torch.save(content, tmp_path / "whole.pt")
        with pytest.raises(RecipeError, match="whole pickled model"):
            read_weights(tmp_path / "whole.pt")


def test_keras_files_and_files_without_tensors_are_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "chexnet.h5").write_bytes(b"\x89HDF")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(RecipeError, match="Keras"):
        read_weights(tmp_path / "chexnet.h5")
    with pytest.raises(RecipeError, match="no tensors"):
        read_weights(tmp_path / "empty.pth")
