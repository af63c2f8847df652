"""Weights that others trained: read without running anything in the file, and renamed to this program's layout.

Known are the state dictionaries of timm and torchvision (DenseNet, ResNet, VGG, Xception), of CheXNet's reimplementations in
torch (`module.densenet121.…`, also with the old names `norm.1`, `conv.2`), of torchxrayvision, and of EfficientNet-PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrview.core.errors import RecipeError
from cxrview.training.efficientnet_names import has_these_names, to_timm

if TYPE_CHECKING:
    from torch import Tensor

CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "weights")  # of checkpoints, around the tensors
WRAPPERS = (
    "module.",
    "model.",
    "net.",
    "network.",
    "densenet121.",
    "resnet50.",
    "backbone.",
    "encoder.",
)  # around a network in a larger one
CLASSIFIERS = re.compile(r"^(?:classifier|fc|head|last_linear|head\.fc)\.(?:\d+\.)?(weight|bias)$")
OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.(\d)\.")
OWN_PARTS = ("backbone.body.", "head.dense.")
KERAS = (".h5", ".hdf5", ".keras")


def read_checkpoint(path: Path) -> Mapping[str, Tensor]:
    """Read the tensors of a torch file; nothing else in it is run or kept.

    Raises:
        RecipeError: it holds a pickled model or something else than tensors, or is no torch file.
    """
    import torch

    if path.suffix.lower() in KERAS:
        raise RecipeError(
            "This is a Keras file.", hint="Convert its weights to a state dictionary of torch or to safetensors.", subject=str(path)
        )
    unpickler: Any = torch._weights_only_unpickler  # Any: torch does not export it
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, OSError, unpickler.UnpicklingError) as error:
        raise RecipeError(
            "This file cannot be read as tensors alone: it holds a whole pickled model, which could run any code, or is damaged.",
            hint="Where you trust it, load it in Python, and save `model.state_dict()` with torch.save or safetensors.",
            subject=str(path),
        ) from error
    tensors = {key: value for key, value in _unpacked(stored).items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise RecipeError("There are no tensors in this file.", hint="Save the state dictionary of a network.", subject=str(path))
    return tensors


def to_own_layout(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a network's tensors: `backbone.body.…`, and `head.dense.0.…` for the last layer; own names stay as they are."""
    if any(key.startswith(OWN_PARTS) for key in weights):
        return dict(weights)
    if has_these_names(weights):
        weights = to_timm(weights)
    names = {key: key for key in weights}
    while wrapper := _shared_wrapper(names.values()):
        names = {key: name.removeprefix(wrapper) for key, name in names.items()}
    return {_own_name(name): weights[key] for key, name in names.items()}


def with_planes(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fit first convolutions to another number of input channels: their sum for one, equal shares for three."""
    fitted = dict(weights)
    for key, value in weights.items():
        wanted = own.get(key)
        if wanted is None or value.ndim != 4 or value.shape == wanted.shape or value.shape[0] != wanted.shape[0]:
            continue
        if value.shape[2:] == wanted.shape[2:] and (value.shape[1], wanted.shape[1]) in ((1, 3), (3, 1)):
            fitted[key] = value.sum(dim=1, keepdim=True).expand(-1, wanted.shape[1], -1, -1) / wanted.shape[1]
    return fitted


def _unpacked(stored: Any) -> Mapping[str, Any]:  # Any: what a file holds
    while isinstance(stored, Mapping):
        inner = next((stored[name] for name in CONTAINERS if isinstance(stored.get(name), Mapping)), None)
        if inner is None:
            return stored
        stored = inner
    return {}


def _shared_wrapper(names: Any) -> str:  # Any: a view of names
    """Find the wrapper that most names begin with; a few others (counters, thresholds) may stand beside the network."""
    listed = list(names)
    return next((each for each in WRAPPERS if sum(name.startswith(each) for name in listed) > 0.8 * len(listed)), "")


def _own_name(name: str) -> str:
    last = CLASSIFIERS.match(name)
    return f"head.dense.0.{last[1]}" if last else "backbone.body." + OLD_DENSENET.sub(r"\1\2.", name)
