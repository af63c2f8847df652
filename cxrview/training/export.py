"""From a trained network to the files of a model package."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.heatmap import Dense, Head
from cxrview.core.image import read_only
from cxrview.core.manifest import Architecture, InputSpec
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.core.results import FloatArray
from cxrview.engine.nets import head_activation, heatmap_kind

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 17
WORTH_HALVING = 1024  # values; smaller tensors stay as they are
GOLDEN_SEEDS = (11, 12)
GOLDEN_SIZE = (512, 512)


def onnx_graph(network: nn.Module, spec: InputSpec) -> bytes:
    """Export a network: input `image` (N, C, H, W), outputs `logits` (N, L) and `features` (N, K, h, w), N free.

    Large weights are stored in half precision and widened when the graph is loaded, which halves the file; a network
    that went through `rounded_to_half` loses nothing by it.
    """
    import torch

    network = network.eval().to("cpu").float()
    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")  # the exporter announces its successor; this one is faster and as exact here
        torch.onnx.export(
            network,
            (torch.zeros(2, spec.channels.planes, spec.height, spec.width),),
            str(path),
            input_names=["image"],
            output_names=["logits", "features"],
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}, "features": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps batch norm as it is; runtimes fold it into the convolutions themselves
        )
        return _with_half_weights(path)


def rounded_to_half(network: nn.Module) -> nn.Module:
    """Round every weight of a network, in place, to what half precision can hold; float32 all the same."""
    return network.eval().to("cpu").half().float()


def _with_half_weights(path: Path) -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.dtype != np.float32 or values.size < WORTH_HALVING or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"widen {name}", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def head_of(network: nn.Module, architecture: Architecture, grid: tuple[int, int]) -> Head:
    """Copy the dense layers of a network's head for heatmaps; `grid` is (h, w) of the features."""
    from torch import nn

    dense = [layer for layer in network.get_submodule("head.dense").children() if isinstance(layer, nn.Linear)]
    layers = tuple(Dense(read_only(_array(layer.weight)), read_only(_array(layer.bias))) for layer in dense)
    kind = heatmap_kind(architecture)
    return Head(kind, layers, (head_activation(architecture),) * (len(layers) - 1), grid=grid)


def half_weights(network: nn.Module) -> dict[str, npt.NDArray[np.generic]]:
    """Give all tensors of a network in half precision, to fine-tune from; integers as they are."""
    return {
        key: (value.detach().half() if value.is_floating_point() else value.detach()).cpu().numpy()
        for key, value in network.state_dict().items()
    }


def golden_inputs(spec: InputSpec, seeds: Sequence[int] = GOLDEN_SEEDS) -> FloatArray:
    """Prepare the phantoms of the self-test, (2, C, H, W) float32."""
    tensors = [prepare(as_pixels(phantom(seed, size=GOLDEN_SIZE)), spec).tensor for seed in seeds]
    return read_only(np.concatenate(tensors).astype(np.float32))


def _array(tensor: Tensor) -> FloatArray:
    values: FloatArray = tensor.detach().cpu().numpy().astype(np.float32)
    return values
