"""EfficientNets saved under the names of EfficientNet-PyTorch (`_blocks.3._expand_conv.weight`), renamed to timm's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STEM = "_conv_stem.weight"
WHOLE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def has_these_names(weights: Mapping[str, Tensor]) -> bool:
    """Tell whether a state dictionary is named in this way."""
    return STEM in weights and "_blocks.0._depthwise_conv.weight" in weights


def to_timm(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename all tensors; blocks that change the number of channels begin a stage."""
    places = _places(weights)
    renamed = {}
    for key, value in weights.items():
        found = BLOCK.fullmatch(key)
        if found is None:
            part, _, rest = key.partition(".")
            renamed[f"{WHOLE.get(part, part)}.{rest}"] = value
            continue
        number = int(found[1])
        names = (EXPANDED if f"_blocks.{number}._expand_conv.weight" in weights else PLAIN) | SQUEEZE
        renamed[f"blocks.{places[number]}.{names.get(found[2], found[2])}.{found[3]}"] = value
    return renamed


def _places(weights: Mapping[str, Tensor]) -> dict[int, str]:
    """Give stage and place in it for each block."""
    places: dict[int, str] = {}
    stage, place, number = -1, 0, 0
    while (last := weights.get(f"_blocks.{number}._project_conv.weight")) is not None:
        first = weights.get(f"_blocks.{number}._expand_conv.weight")
        entering = len(weights[f"_blocks.{number}._depthwise_conv.weight"]) if first is None else first.shape[1]
        is_new = entering != last.shape[0] or number == 0
        stage, place = (stage + 1, 0) if is_new else (stage, place + 1)
        places[number] = f"{stage}.{place}"
        number += 1
    return places
