"""EfficientNets under the names of EfficientNet-PyTorch become the same network."""

from __future__ import annotations

import torch

from cxrview.core.manifest import Architecture
from cxrview.engine.nets import build
from cxrview.training.efficientnet_names import EXPANDED, PLAIN, WHOLE
from cxrview.training.foreign import to_own_layout, with_planes


def under_their_names(own: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename a network of this program the other way round, counting its blocks through."""
    blocks = sorted({tuple(int(part) for part in key.split(".")[3:5]) for key in own if key.startswith("backbone.body.blocks.")})
    renamed = {}
    for key, value in own.items():
        if not key.startswith("backbone.body."):
            continue
        parts = key.removeprefix("backbone.body.").split(".")
        if parts[0] != "blocks":
            back = {new: old for old, new in WHOLE.items()}
            renamed[f"{back[parts[0]]}.{parts[1]}"] = value
            continue
        stage, place = int(parts[1]), int(parts[2])
        table = EXPANDED if f"backbone.body.blocks.{stage}.{place}.conv_pwl.weight" in own else PLAIN
        back = {new: old for old, new in table.items()}
        renamed[f"_blocks.{blocks.index((stage, place))}.{back[parts[3]]}.{parts[4]}"] = value
    return renamed


def test_the_renamed_network_gives_the_same_features() -> None:
    torch.manual_seed(0)
    architecture = Architecture("efficientnet_lite0")
    source = build(architecture, labels=2, channels=3, height=64, width=64).eval()
    theirs = under_their_names(source.state_dict()) | {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    target = build(architecture, labels=2, channels=3, height=64, width=64).eval()
    renamed = to_own_layout(theirs)
    backbone = {key: value for key, value in renamed.items() if key.startswith("backbone.")}
    assert set(backbone) == {key for key in target.state_dict() if key.startswith("backbone.")}
    target.load_state_dict(backbone, strict=False)
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(target(x)[1], source(x)[1])


def test_a_gray_network_takes_the_sum_over_colours() -> None:
    architecture = Architecture("efficientnet_lite0")
    source = build(architecture, labels=2, channels=3, height=64, width=64).eval()
    gray = build(architecture, labels=2, channels=1, height=64, width=64).eval()
    weights = with_planes(to_own_layout(under_their_names(source.state_dict())), gray.state_dict())
    gray.load_state_dict(weights, strict=False)
    x = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(gray(x)[1], source(x.expand(-1, 3, -1, -1))[1], rtol=1e-4, atol=1e-4)
