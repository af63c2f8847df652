"""Turn a network that others trained into an init for recipes, or into a model package."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import Architecture, Calibration, InputSpec, Label, Manifest, Task, Threshold, TrainedOn
from cxrview.engine.nets import BACKBONES, build, head_activation, heatmap_kind
from cxrview.engine.packages import Golden, write_package
from cxrview.io.places import resource
from cxrview.training.export import golden_inputs, half_weights, head_of, onnx_graph, rounded_to_half
from cxrview.training.initial import read_weights
from cxrview.training.recipe import structured

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = "resources/imports"
LEAST_KNOWN = 0.95  # of a network's tensors; with fewer the file holds another one
OPERATING_POINTS = "op_threshs"  # torchxrayvision's probabilities at its operating point


@dataclass(frozen=True, slots=True)
class Contract:
    """What must be known of a network beside its weights.

    Attributes:
        architecture: empty to find it by the tensors.
        labels: names in the order of the outputs; ids are made from them.
        source: what it learned from, for the manifest.
    """

    input: InputSpec
    labels: tuple[str, ...] = ()
    architecture: str = ""
    title: str = ""
    licence: str = "not stated"
    source: str = "not stated"
    task: Task = Task.MULTILABEL


def contract_names() -> tuple[str, ...]:
    """Name the contracts that come with the program."""
    return tuple(sorted(path.stem for path in resource(FOLDER).glob("*.toml")))


def load_contract(name_or_path: str) -> Contract:
    """Read a contract by name or from a TOML file.

    Raises:
        RecipeError: there is none, or a field is wrong.
    """
    path = resource(FOLDER) / f"{name_or_path}.toml" if name_or_path in contract_names() else Path(name_or_path)
    if not path.is_file():
        raise RecipeError(f"There is no contract '{name_or_path}'.", hint=f"Take one of {', '.join(contract_names())}, or a .toml file.")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"This is not a TOML file: {error}.", subject=str(path)) from error
    return structured(document, Contract, what="contract", hint="See the guide to commands.", subject=str(path))


def import_init(weights: Path, output: Path, *, architecture: str = "") -> str:
    """Write the tensors of a checkpoint as safetensors that `init = file:PATH` takes; return the architecture they belong to.

    Raises:
        RecipeError: the file cannot be read safely, or holds no network of this program.
    """
    from safetensors.numpy import save_file

    tensors = read_weights(weights)
    name = architecture or find_architecture(tensors)
    kept = {key: value for key, value in tensors.items() if key.startswith(("backbone.", "head."))}
    output.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: np.ascontiguousarray(value.numpy()) for key, value in kept.items()}, output, metadata={"architecture": name})
    return name


def import_package(weights: Path, folder: Path, contract: Contract, *, model_id: str) -> Path:
    """Write a checkpoint as a model package with its own outputs, without calibration; return the folder.

    Raises:
        RecipeError: the file cannot be read safely, is another network, or has not as many outputs as the contract has labels.
        PackageError: the folder exists.
    """
    import torch

    tensors = read_weights(weights)
    architecture = Architecture(contract.architecture or find_architecture(tensors))
    network = rounded_to_half(_network(tensors, architecture, contract, weights))
    inputs = golden_inputs(contract.input)
    with torch.no_grad():
        logits, features = network(torch.from_numpy(inputs.copy()))
    thresholds = tuple(_threshold(value) for value in _operating_points(tensors, len(contract.labels)))
    manifest = Manifest(
        id=model_id,
        title=contract.title or model_id,
        version="1.0.0",
        licence=contract.licence,
        intended_use="Research and education. Not for diagnosis.",
        task=contract.task,
        labels=tuple(Label(_label_id(name), name) for name in contract.labels),
        input=contract.input,
        heatmap=heatmap_kind(architecture),
        activations=(head_activation(architecture),) * len(architecture.head_hidden),
        calibration=(Calibration(),) * len(contract.labels),
        thresholds=thresholds,
        trained_on=(TrainedOn(contract.source, 0, 0, contract.licence),),
        split_sha256="",
        files={},
        architecture=architecture,
    )
    graph = onnx_graph(network, contract.input)
    head = head_of(network, architecture, (int(features.shape[2]), int(features.shape[3])))
    golden = Golden(inputs, logits.numpy().astype(np.float32))
    written = write_package(folder, manifest, graph=graph, golden=golden, card=_card(manifest), head=head, weights=half_weights(network))
    return written.folder


def find_architecture(tensors: Mapping[str, Tensor]) -> str:
    """Find the network of this program whose tensors these are.

    Raises:
        RecipeError: none.
    """
    shares = {name: _share(tensors, name) for name in BACKBONES}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < LEAST_KNOWN:
        raise RecipeError(
            f"No network of this program has these tensors; {best} is nearest with {shares[best]:.0%}.",
            hint=f"Known are {', '.join(BACKBONES)}, in the layouts of timm, torchvision, CheXNet and torchxrayvision.",
        )
    return best


def _share(tensors: Mapping[str, Tensor], name: str) -> float:
    """Tell how much of a network's backbone the tensors fill, whatever the number of input channels."""
    import torch

    with torch.device("meta"):
        network = build(Architecture(name), labels=1, channels=3, height=64, width=64)
    own = {key: value for key, value in network.state_dict().items() if key.startswith("backbone.")}
    fitting = sum(key in tensors and _is_alike(tensors[key], value) for key, value in own.items())
    needed = sum(not key.endswith("num_batches_tracked") for key in own)
    return min(1.0, fitting / max(1, needed))


def _is_alike(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape or (
        first.ndim == second.ndim == 4 and first.shape[0] == second.shape[0] and first.shape[1] in (1, 3)
    )


def _network(tensors: Mapping[str, Tensor], architecture: Architecture, contract: Contract, path: Path) -> nn.Module:
    spec, outputs = contract.input, len(contract.labels)
    network = build(architecture, labels=outputs, channels=spec.channels.planes, height=spec.height, width=spec.width)
    own = network.state_dict()
    last = tensors.get("head.dense.0.weight")
    if last is None or last.shape[0] != outputs:
        raise RecipeError(
            f"The network has {0 if last is None else last.shape[0]} outputs, the contract {outputs} labels.",
            hint="Name as many labels as it has outputs, in their order.",
            subject=str(path),
        )
    missing = [
        key for key in own if not key.endswith("num_batches_tracked") and (key not in tensors or tensors[key].shape != own[key].shape)
    ]
    if missing:
        raise RecipeError(
            f"{len(missing)} tensors of {architecture.name} are not in the file or have another shape, such as {missing[0]}.",
            hint="Choose the architecture and the channels that it was trained with.",
            subject=str(path),
        )
    network.load_state_dict({key: tensors[key].to(own[key].dtype) if key in tensors else own[key] for key in own})
    return network


def _operating_points(tensors: Mapping[str, Tensor], outputs: int) -> Sequence[float]:
    found: Any = next((value for key, value in tensors.items() if key.endswith(OPERATING_POINTS)), None)  # Any: a tensor or None
    return found.flatten().tolist() if found is not None and found.numel() == outputs else [math.nan] * outputs


def _threshold(value: float) -> Threshold:
    if not 0 < value < 1:
        return Threshold()
    return Threshold(probability=round(value, 6), operating_point="torchxrayvision's own operating point")


def _label_id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def with_labels(contract: Contract, labels: Sequence[str]) -> Contract:
    """Give the contract with other labels."""
    return replace(contract, labels=tuple(labels)) if labels else contract


def _card(manifest: Manifest) -> str:
    lines = [
        f"# {manifest.title} ({manifest.id} {manifest.version})",
        "",
        "**For research and education. Not a medical device, not for diagnosis.**",
        "",
        "Made from a checkpoint of others by `cxrview import-weights`. Nothing was measured: its probabilities are not calibrated,",
        "its thresholds are 0.5 unless the checkpoint brought its own, and there is no check whether an image is like its training",
        "images. Measure it on your own images with `cxrview evaluate` before you believe a number.",
        "",
        f"Labels: {', '.join(label.name for label in manifest.labels)}. Learned from: {manifest.trained_on[0].source}.",
        f"Licence of the weights: {manifest.licence}.",
        "",
    ]
    return "\n".join(lines)
