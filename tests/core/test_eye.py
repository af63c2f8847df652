"""Helps for the eye change grays locally, and nothing else."""

from __future__ import annotations

import numpy as np

from cxrview.core.eye import PLAIN, Eye, for_the_eye


def faint_edge() -> np.ndarray:
    """Give a faint step between two grays."""
    gray = np.full((200, 280), 100, np.uint8)
    gray[:, 140:] = 110
    gray.setflags(write=False)
    return gray


def test_plain_grays_are_shown_as_they_are() -> None:
    gray = faint_edge()
    assert PLAIN.is_plain
    assert for_the_eye(gray, PLAIN) is gray


def test_sharpening_raises_an_edge_and_leaves_flat_parts() -> None:
    sharp = for_the_eye(faint_edge(), Eye(has_unsharp=True)).astype(int)
    assert sharp[100, 140] > 110
    assert sharp[100, 139] < 100
    assert sharp[100, 20] == 100
    assert sharp[100, 260] == 110


def test_clahe_raises_a_faint_contrast_and_both_helps_add_up() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (200, 280))
    gray = np.clip(faint_edge() + noise, 0, 255).astype(np.uint8)
    evened = for_the_eye(gray, Eye(has_clahe=True))
    for part in (gray[:, :130], gray[:, 150:]):
        assert evened[:, : part.shape[1]].std() > 1.5 * part.std()
    both = for_the_eye(gray, Eye(has_clahe=True, has_unsharp=True))
    assert both.std() > evened.std()
    assert both.shape == gray.shape
