"""Packages of randomly weighted networks, for tests and benchmarks of the engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.manifest import Architecture, Calibration, Channels, InputSpec, Label, Manifest, PrecisionCheck, Task, Threshold
from cxrview.engine.packages import Golden, Package, write_package

MakePackage = Callable[..., Package]


@pytest.fixture(scope="session")
def make_package(tmp_path_factory: pytest.TempPathFactory) -> MakePackage:
    """Make (once) the package of an architecture with random weights and 3 channels."""
    made: dict[object, Package] = {}

    def make(architecture: Architecture, *, side: int = 64, labels: int = 3) -> Package:
        key = (architecture, side, labels)
        if key not in made:
            made[key] = random_package(tmp_path_factory.mktemp("package") / "random", architecture, side=side, labels=labels)
        return made[key]

    return make


def random_package(
    folder: Path, architecture: Architecture, *, side: int, labels: int, precisions: tuple[PrecisionCheck, ...] = ()
) -> Package:
    """Write the package of a network with random weights, exported as training does it."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from cxrview.engine.nets import build, heatmap_kind
    from cxrview.training.export import head_of, onnx_graph

    torch.manual_seed(0)
    network = build(architecture, labels=labels, channels=3, height=side, width=side).eval()
    inputs = np.random.default_rng(0).normal(0, 1, (2, 3, side, side)).astype(np.float32)
    with torch.inference_mode():
        logits, features = network(torch.tensor(inputs))
    head = head_of(network, architecture, (features.shape[2], features.shape[3]))
    spec = InputSpec(side, side, Channels.GRAY3, mean=(0.5,) * 3, std=(0.25,) * 3)
    manifest = Manifest(
        id="random",
        title="Random weights",
        version="1",
        licence="CC0-1.0",
        intended_use="Tests.",
        task=Task.MULTILABEL,
        labels=tuple(Label(f"l{index}", f"Label {index}") for index in range(labels)),
        input=spec,
        heatmap=heatmap_kind(architecture),
        activations=head.activations,
        calibration=(Calibration(),) * labels,
        thresholds=(Threshold(),) * labels,
        trained_on=(),
        split_sha256="",
        files={},
        architecture=architecture,
        precisions=precisions,
    )
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    golden = Golden(inputs=inputs, logits=logits.numpy())
    return write_package(folder, manifest, graph=onnx_graph(network, spec), golden=golden, card="", head=head, weights=weights)
