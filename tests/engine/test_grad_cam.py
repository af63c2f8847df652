"""Our heatmaps are Grad-CAM: equal to the `grad-cam` package for every head and every backbone, for both targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cxrview.core.heatmap import GRAD_CAM, HIRES_CAM, Dense, Head, head_logits, heatmaps
from cxrview.core.manifest import Architecture, HeatmapKind, Label
from cxrview.core.results import Forward, HeatmapTarget
from cxrview.engine.nets import BACKBONES
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package
from cxrview.engine.torch import TorchPredictor, target_of
from cxrview.engine.torchvision_ops import make_importable

torch = pytest.importorskip("torch")
make_importable()
pytest.importorskip("pytorch_grad_cam")

if TYPE_CHECKING:
    from torch import nn
else:
    nn = torch.nn

SIDE = 64
TOLERANCE = 1e-4

# Every backbone with the head it is meant for, and one of each other kind of head.
ARCHITECTURES = {
    **{name: Architecture(name) for name in BACKBONES},
    "mobilenetv3, its own hard-swish head": Architecture("mobilenetv3", head_hidden=(64,)),
    "densenet121, COVID-CXNet's head": Architecture("densenet121", head_hidden=(10,)),
    "vgg16, flattened": Architecture("vgg16", head="flatten", head_hidden=(32, 16)),
    "vgg19, flattened": Architecture("vgg19", head="flatten", head_hidden=(32, 16)),
    "the plain network of COVID-CXNet": Architecture("cnn-plain", head="flatten", head_hidden=(10, 10)),
    "the small network with pooling": Architecture("cnn-pooled"),
    "the small network, flattened": Architecture("cnn-pooled", head="flatten"),
}


class LogitsOnly(nn.Module):
    """What grad-cam expects: one output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)[0]
        return logits


def package_maps(network: nn.Module, layer: nn.Module, batch: np.ndarray, index: int, target: HeatmapTarget, method: str) -> np.ndarray:
    """Give grad-cam's maps (N, H, W), cut at zero, stretched to 0..1 and resized, as it returns them."""
    import pytorch_grad_cam

    kind = {GRAD_CAM: pytorch_grad_cam.GradCAM, HIRES_CAM: pytorch_grad_cam.HiResCAM}[method]
    targets: list[Callable[[Any], Any]] = [lambda logits: target_of(logits, index, target)] * len(batch)
    with kind(model=LogitsOnly(network), target_layers=[layer]) as cam:
        return np.asarray(cam(input_tensor=torch.tensor(batch), targets=targets))


def as_the_package_scales(values: np.ndarray, side: int) -> np.ndarray:
    from pytorch_grad_cam.utils.image import scale_cam_image

    once = scale_cam_image(np.maximum(values, 0)[None], (side, side))
    return np.asarray(scale_cam_image(np.maximum(once, 0), (side, side)))[0]


def check_equal(network: nn.Module, layer: nn.Module, forwards: tuple[Forward, ...], head: Head, batch: np.ndarray, method: str) -> None:
    labels = tuple(Label(f"l{index}", "") for index in range(head.label_count))
    seen = 0.0
    for target in HeatmapTarget:
        ours = [heatmaps(forward, head, labels, target=target, method=method) for forward in forwards]
        for index in range(len(labels)):
            theirs = package_maps(network, layer, batch, index, target, method)
            for image, wanted in enumerate(theirs):
                mine = as_the_package_scales(ours[image][index].values, batch.shape[-1])
                assert np.abs(mine - wanted).max() < TOLERANCE
                seen = max(seen, float(wanted.max()))
    assert seen > 0.9, "every map was empty, so nothing was compared"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_heatmaps_from_onnx_runtime_equal_grad_cam_in_torch(name: str, make_package: Callable[..., Package]) -> None:
    package = make_package(ARCHITECTURES[name], side=SIDE)
    assert package.head is not None
    predictor = TorchPredictor(package)
    reference = OnnxPredictor(package, threads=1, cache_dir=None)
    batch = package.golden.inputs
    check_equal(predictor.network, predictor.network.get_submodule("backbone"), reference.run(batch), package.head, batch, GRAD_CAM)


@pytest.mark.parametrize("name", ["vgg16, flattened", "the plain network of COVID-CXNet", "the small network, flattened", "densenet121"])
def test_hirescam_equals_the_package_too(name: str, make_package: Callable[..., Package]) -> None:
    package = make_package(ARCHITECTURES[name], side=SIDE)
    assert package.head is not None
    predictor = TorchPredictor(package)
    batch = package.golden.inputs
    check_equal(predictor.network, predictor.network.get_submodule("backbone"), predictor.run(batch), package.head, batch, HIRES_CAM)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_onnx_runtime_and_torch_agree_and_features_come_after_the_last_activation(name: str, make_package: Callable[..., Package]) -> None:
    package = make_package(ARCHITECTURES[name], side=SIDE)
    assert package.head is not None
    batch = np.concatenate([package.golden.inputs, package.golden.inputs[:1] * 0.5])
    for one, two in zip(OnnxPredictor(package, threads=1, cache_dir=None).run(batch), TorchPredictor(package).run(batch), strict=True):
        np.testing.assert_allclose(one.logits, two.logits, atol=1e-4)
        assert one.features is not None
        assert two.features is not None
        np.testing.assert_allclose(one.features, two.features, atol=1e-4)
        np.testing.assert_allclose(head_logits(package.head, one.features), one.logits, atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "hardswish", "silu", "gelu", "tanh"])
@pytest.mark.parametrize("kind", [HeatmapKind.POOLED_MLP, HeatmapKind.FLATTEN_MLP])
@pytest.mark.parametrize("method", [GRAD_CAM, HIRES_CAM])
def test_every_activation_of_a_head_has_the_right_gradient(activation: str, kind: HeatmapKind, method: str) -> None:
    torch.manual_seed(1)
    between = {"relu": nn.ReLU, "hardswish": nn.Hardswish, "silu": nn.SiLU, "gelu": nn.GELU, "tanh": nn.Tanh}[activation]
    reduce = nn.Flatten() if kind is HeatmapKind.FLATTEN_MLP else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    layers = nn.Sequential(nn.Linear(8 * (64 if kind is HeatmapKind.FLATTEN_MLP else 1), 12), between(), nn.Linear(12, 4))

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Sequential(nn.Conv2d(1, 8, 4, stride=4), nn.ReLU())
            self.head = nn.Sequential(reduce, layers)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = self.backbone(x)
            return self.head(features), features

    network = Small().eval()
    batch = np.random.default_rng(3).normal(0.5, 2, (2, 1, 32, 32)).astype(np.float32)
    with torch.inference_mode():
        logits, features = network(torch.tensor(batch))
    forwards = tuple(Forward(one, two) for one, two in zip(logits.numpy(), features.numpy(), strict=True))
    dense = tuple(Dense(layers[index].weight.detach().numpy(), layers[index].bias.detach().numpy()) for index in (0, 2))
    check_equal(network, network.backbone, forwards, Head(kind, dense, (activation,)), batch, method)
