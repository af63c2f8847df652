"""The networks in torch, all with one face: `forward(x)` gives logits and the features that heatmaps need."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrview.core.errors import ManifestError
from cxrview.core.manifest import Architecture, HeatmapKind
from cxrview.engine.torchvision_ops import make_importable

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network of timm whose `forward_features` ends after the last activation.

    Attributes:
        timm_name: its name in timm.
        unused: modules behind the features, removed because the head here is our own.
        head_activation: between the dense layers of the head.
    """

    timm_name: str
    unused: tuple[str, ...] = ()
    head_activation: str = "relu"


BACKBONES: Mapping[str, Backbone] = {
    "densenet121": Backbone("densenet121"),
    "efficientnet_b0": Backbone("efficientnet_b0"),
    "efficientnet_lite0": Backbone("tf_efficientnet_lite0"),
    "mobilenetv3": Backbone("mobilenetv3_large_100", ("conv_head", "norm_head", "act2"), "hardswish"),
    "resnet18": Backbone("resnet18"),
    "resnet34": Backbone("resnet34"),
    "resnet50": Backbone("resnet50"),
    "resnetv2_50": Backbone("resnetv2_50"),
    "vgg16": Backbone("vgg16", ("pre_logits",)),
    "vgg19": Backbone("vgg19", ("pre_logits",)),
    "xception": Backbone("legacy_xception"),
}
PLAIN = ("cnn-plain", "cnn-pooled")
NETWORKS = (*BACKBONES, *PLAIN)


def head_activation(architecture: Architecture) -> str:
    """Name the activation between the dense layers of this network's head."""
    return BACKBONES[architecture.name].head_activation if architecture.name in BACKBONES else "relu"


def heatmap_kind(architecture: Architecture) -> HeatmapKind:
    """Tell how this network's heatmaps follow from its features and head."""
    if architecture.head == "flatten":
        return HeatmapKind.FLATTEN_MLP
    return HeatmapKind.POOLED_MLP if architecture.head_hidden else HeatmapKind.POOLED_LINEAR


def build(architecture: Architecture, *, labels: int, channels: int, height: int, width: int) -> nn.Module:
    """Build a network with random weights.

    Its `forward` takes (N, channels, height, width) and gives logits (N, labels) and features (N, K, h, w).
    `backbone` and `head` are its two parts; `head` holds the dense layers as `head.dense.0`, `head.dense.1`, ...

    Raises:
        ManifestError: no network of this name, or no head of this kind.
    """
    make_importable()
    import torch
    from torch import nn

    if architecture.head not in ("pool", "flatten"):
        raise ManifestError(f"There is no head called '{architecture.head}'.", hint="Use pool or flatten.")
    backbone = _backbone(architecture.name, channels)
    training = backbone.training
    with torch.no_grad():
        backbone.eval()
        shape = tuple(backbone(torch.zeros(1, channels, height, width)).shape)
        backbone.train(training)
    inputs = shape[1] * (shape[2] * shape[3] if architecture.head == "flatten" else 1)
    sizes = (inputs, *architecture.head_hidden, labels)

    class Head(nn.Module):
        """Pool or flatten, then dense layers."""

        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.ModuleList([nn.Linear(a, b) for a, b in itertools.pairwise(sizes)])
            self.activation = _activation(head_activation(architecture))
            self.dropout = nn.Dropout(architecture.dropout)

        def forward(self, features: Tensor) -> Tensor:
            x = features.flatten(1) if architecture.head == "flatten" else features.mean(dim=(2, 3))
            for layer in list(self.dense)[:-1]:
                x = self.activation(layer(x))
            logits: Tensor = self.dense[-1](self.dropout(x))
            return logits

    class Network(nn.Module):
        """Backbone and head."""

        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbone
            self.head = Head()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            features = self.backbone(x)
            return self.head(features), features

    return Network()


def _activation(name: str) -> nn.Module:
    from torch import nn

    kinds: Mapping[str, type[nn.Module]] = {"relu": nn.ReLU, "hardswish": nn.Hardswish}
    return kinds[name]()


def _backbone(name: str, channels: int) -> nn.Module:
    from torch import nn

    if name == "cnn-plain":  # COVID-CXNet's base model: five convolutions of 32, neither pooling nor batch norm
        return nn.Sequential(*_convolutions([channels, 32, 32, 32, 32, 32]))
    if name == "cnn-pooled":
        blocks: list[nn.Module] = []
        for a, b in ((channels, 16), (16, 32), (32, 64), (64, 128)):
            blocks += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*blocks)
    if name not in BACKBONES:
        raise ManifestError(f"There is no network called '{name}'.", hint=f"Use one of {', '.join(NETWORKS)}.")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when timm's hub client is first imported; nothing is downloaded here
    import timm

    entry = BACKBONES[name]
    whole = timm.create_model(entry.timm_name, pretrained=False, num_classes=0, global_pool="", in_chans=channels)
    for unused in entry.unused:
        if hasattr(whole, unused):
            setattr(whole, unused, nn.Identity())

    class Features(nn.Module):
        """The part of a timm network that makes the features."""

        def __init__(self) -> None:
            super().__init__()
            self.body = whole

        def forward(self, x: Tensor) -> Tensor:
            body: Any = self.body  # Any: timm's networks have this method, torch's Module does not say so
            features: Tensor = body.forward_features(x)
            return features

    return Features()


def _convolutions(widths: list[int]) -> list[nn.Module]:
    from torch import nn

    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
    return layers
