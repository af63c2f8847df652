"""Where a network's first weights come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.core.errors import PackageError, RecipeError
from cxrview.engine.nets import BACKBONES, build
from cxrview.engine.packages import find_package
from cxrview.engine.torchvision_ops import make_importable
from cxrview.training.foreign import read_checkpoint, to_own_layout, with_planes
from cxrview.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAST_SHARED = 0.5  # of the backbone's tensors; fewer means that the file holds another network


def usable_init(recipe: Recipe) -> str:
    """Choose the first of the inits that the recipe names, with `|` between them, whose weights are there.

    Raises:
        RecipeError: none of them is; the reason of the last.
    """
    *wishes, last = recipe.init.split("|")
    for wish in wishes:
        try:
            _weights(replace(recipe, init=wish))
        except (RecipeError, PackageError):
            continue
        return wish
    _weights(replace(recipe, init=last))
    return last


def initial_network(recipe: Recipe, labels: Sequence[str], report: Callable[[str], None] = lambda _: None) -> nn.Module:
    """Build the recipe's network and give it the weights that `init` names; the head of another label set starts anew.

    Raises:
        RecipeError: the weights are not there, or belong to another network.
    """
    import torch

    torch.manual_seed(recipe.fit.seed)
    outputs = len(labels)
    spec = recipe.input
    network = build(recipe.architecture, labels=outputs, channels=spec.channels.planes, height=spec.height, width=spec.width)
    weights = _weights(recipe)
    if not weights:
        is_idle = (recipe.phases and all(phase.frozen_layers == 1 for phase in recipe.phases)) or recipe.fit.frozen_layers == 1
        report(
            "First weights: random." + (" The backbone stays as it is, so only a head over random features is learned." if is_idle else "")
        )
        return network
    return _with_weights(network, weights, recipe.init, report)


def _weights(recipe: Recipe) -> Mapping[str, Tensor]:
    """Read what `init` names; nothing for random weights."""
    kind, _, rest = recipe.init.partition(":")
    if kind == "random":
        return {}
    if kind == "bundled":
        return _read(find_package(rest).folder / "weights.safetensors")
    if kind == "file":
        return read_weights(Path(rest))
    if kind == "imagenet":
        return _imagenet(recipe)
    raise RecipeError(f'init = "{recipe.init}" is not known.', hint="Use random, file:PATH, bundled:ID or imagenet.")


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read the tensors of a file in this program's layout, whoever trained them.

    Raises:
        RecipeError: it is not there, or cannot be read safely.
    """
    return to_own_layout(_read(path))


def _read(path: Path) -> Mapping[str, Tensor]:
    """Read tensors from safetensors, or from a .pth with weights_only; nothing else in the file is run."""
    if not path.is_file():
        raise RecipeError("The weights are not there.", hint="Check init in the recipe.", subject=str(path))
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return read_checkpoint(path)


def _imagenet(recipe: Recipe) -> Mapping[str, Tensor]:
    """Take timm's cached ImageNet weights; nothing is downloaded."""
    import os

    name = recipe.architecture.name
    if name not in BACKBONES:
        raise RecipeError(f"There are no ImageNet weights for '{name}'.", hint='Use init = "random".')
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    make_importable()
    import timm

    try:
        whole = timm.create_model(BACKBONES[name].timm_name, pretrained=True, num_classes=0, in_chans=recipe.input.channels.planes)
    except (OSError, RuntimeError, ValueError) as error:
        raise RecipeError(
            f"timm has no ImageNet weights for '{name}' in its cache, and nothing is downloaded.",
            hint='Put them there on a connected machine, name a file with init = "file:PATH", or use init = "random".',
        ) from error
    return {f"backbone.body.{key}": value for key, value in whole.state_dict().items()}


def _with_weights(network: nn.Module, weights: Mapping[str, Tensor], where: str, report: Callable[[str], None]) -> nn.Module:
    own = network.state_dict()
    weights = with_planes(weights, own)
    fitting = {key: value.to(own[key].dtype) for key, value in weights.items() if key in own and own[key].shape == value.shape}
    learned = [key for key in own if not key.endswith("num_batches_tracked")]  # a counter that packages do not keep
    backbone = [key for key in learned if key.startswith("backbone.")]
    shared = sum(key in fitting for key in backbone) / max(1, len(backbone))
    if shared < LEAST_SHARED:
        raise RecipeError(
            f"The weights of {where} belong to another network: {shared:.0%} of the backbone's tensors fit.",
            hint="Choose the architecture that the weights were trained with.",
        )
    network.load_state_dict(fitting, strict=False)
    fresh = sorted({key.rpartition(".")[0] for key in learned if key not in fitting})
    report(f"First weights: {where}, {shared:.0%} of the backbone's tensors; new: {', '.join(fresh[:4]) or 'nothing'}.")
    return network
