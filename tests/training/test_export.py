from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cxrview.core.manifest import Architecture, InputSpec
from cxrview.engine.nets import NETWORKS, build
from cxrview.training.export import golden_inputs, half_weights, onnx_graph, rounded_to_half

SIDE = 64


def _architecture(name: str) -> Architecture:
    if name == "cnn-plain":
        return Architecture(name, head="flatten", head_hidden=(10, 10))
    return Architecture(name, head_hidden=(32,) if name == "mobilenetv3" else ())


def _session(graph: bytes) -> Any:  # Any: onnxruntime has no types
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_the_same_logits_and_features_after_export(name: str) -> None:
    import torch

    torch.manual_seed(0)
    network = rounded_to_half(build(_architecture(name), labels=3, channels=1, height=SIDE, width=SIDE))
    graph = onnx_graph(network, InputSpec(width=SIDE, height=SIDE))
    x = torch.rand(3, 1, SIDE, SIDE)
    with torch.no_grad():
        logits, features = network(x)
    found_logits, found_features = _session(graph).run(["logits", "features"], {"image": x.numpy()})
    np.testing.assert_allclose(found_logits, logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(found_features, features.numpy(), atol=1e-4 * max(1.0, float(features.abs().max())))


def test_half_precision_halves_the_graph_and_loses_nothing() -> None:
    network = rounded_to_half(build(Architecture("resnet18"), labels=2, channels=1, height=SIDE, width=SIDE))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert len(onnx_graph(network, InputSpec(width=SIDE, height=SIDE))) < 2.2 * parameters
    stored = half_weights(network)
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(stored[name].astype(np.float32), value.numpy().astype(np.float32), err_msg=name)


def test_golden_inputs_are_two_different_phantoms_of_the_contracts_shape() -> None:
    inputs = golden_inputs(InputSpec(width=40, height=32))
    assert inputs.shape == (2, 1, 32, 40)
    assert inputs.dtype == np.float32
    assert not np.allclose(inputs[0], inputs[1])
    np.testing.assert_array_equal(inputs, golden_inputs(InputSpec(width=40, height=32)))
