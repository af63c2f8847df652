"""A disease's logit loses the logit of normal, through the weights alone."""

from __future__ import annotations

import torch

from cxrview.core.manifest import Architecture
from cxrview.engine.nets import build
from cxrview.training.exclusive import logits_less_normal, take_normal_away

LABELS = ("normal", "a", "b")


def test_the_logits_of_other_labels_lose_that_of_normal() -> None:
    torch.manual_seed(0)
    network = build(Architecture("cnn-pooled"), labels=3, channels=1, height=32, width=32).eval()
    x = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        before = network(x)[0].clone()
        after = take_normal_away(network, LABELS, 0.5)(x)[0]
    torch.testing.assert_close(after[:, 0], before[:, 0])
    torch.testing.assert_close(torch.from_numpy(logits_less_normal(before.numpy(), LABELS, 0.5)), after, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after[:, 1:], before[:, 1:] - 0.5 * before[:, :1], rtol=1e-4, atol=1e-5)


def test_nothing_happens_without_a_share_or_a_normal() -> None:
    network = build(Architecture("cnn-pooled"), labels=3, channels=1, height=32, width=32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    take_normal_away(network, LABELS, 0.0)
    take_normal_away(network, ("x", "y", "z"), 1.0)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
