"""Let every disease's logit lose what speaks for a normal film, in the head's own weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cxrview.core.results import FloatArray

if TYPE_CHECKING:
    from torch import nn

NORMAL = "normal"


def take_normal_away(network: nn.Module, labels: Sequence[str], share: float) -> nn.Module:
    """Subtract `share` times the row of `normal` from the row of every other label of a linear head, in place.

    The odds of a disease then fall as those of a normal film rise, about as if probabilities were multiplied down a tree
    (normal or not, then which disease), while scores and heatmaps remain those of one linear head. What tells normal from
    ill is learned inside hospitals that have both; what tells one disease from another often only between hospitals.
    """
    import torch

    if share == 0.0 or NORMAL not in labels:
        return network
    normal = list(labels).index(NORMAL)
    dense = network.get_submodule("head.dense.0")
    state = dense.state_dict()
    with torch.no_grad():
        for part in ("weight", "bias"):
            taken = share * state[part][normal]
            for number in range(len(labels)):
                if number != normal:
                    state[part][number] -= taken
    dense.load_state_dict(state)
    return network


def logits_less_normal(logits: FloatArray, labels: Sequence[str], share: float) -> FloatArray:
    """Give the logits (N, L) that the changed network gives, from those of the network before."""
    if share == 0.0 or NORMAL not in labels:
        return logits
    normal = list(labels).index(NORMAL)
    changed = logits - np.float32(share) * logits[:, [normal]]
    changed[:, normal] = logits[:, normal]
    return changed.astype(np.float32)
