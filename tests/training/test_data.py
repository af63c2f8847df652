from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise
from cxrview.training.data import training_batches, validation_batches
from cxrview.training.recipe import AugmentRecipe
from cxrview.training.targets import Targets

SPEC = InputSpec(width=32, height=32)
STACK = np.random.default_rng(0).integers(0, 256, (20, 1, 32, 32), dtype=np.uint8)
TARGETS = Targets(np.arange(20, dtype=np.float32)[:, None], np.ones((20, 1), np.float32))
NONE = AugmentRecipe(rotate_deg=0, translate=0, scale_low=1, scale_high=1, brightness=0, contrast=0)


def _drawn(seed: int, epoch: int, chances: np.ndarray, augment: AugmentRecipe = NONE) -> list[tuple[np.ndarray, list[int]]]:
    loader = training_batches(STACK, TARGETS, chances, SPEC, augment, batch=5, epoch_images=20, seed=seed)
    loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
    return [(x.numpy(), wanted[:, 0].int().tolist()) for x, wanted, _weight in loader]


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    even = np.full(20, 1 / 20)
    strong = AugmentRecipe(stretch=0.2, gamma=0.3, noise=5, blur_px=1, erase=0.5, flip=0.5)
    once, again, next_epoch = _drawn(1, 3, even, strong), _drawn(1, 3, even, strong), _drawn(1, 4, even, strong)
    for (x, chosen), (same_x, same_chosen) in zip(once, again, strict=True):
        np.testing.assert_array_equal(x, same_x)
        assert chosen == same_chosen
    assert [chosen for _, chosen in once] != [chosen for _, chosen in next_epoch]


def test_even_chances_draw_each_image_once_and_double_chance_twice_as_often() -> None:
    assert Counter(i for _, chosen in _drawn(1, 0, np.full(20, 1 / 20)) for i in chosen) == Counter(range(20))
    chances = np.ones(20)
    chances[:5] = 4.0
    total = Counter(i for epoch in range(40) for _, chosen in _drawn(1, epoch, chances / chances.sum()) for i in chosen)
    often, rarely = sum(total[i] for i in range(5)) / 5, sum(total[i] for i in range(5, 20)) / 15
    assert 3.5 < often / rarely < 4.5


def test_without_augmentation_training_sees_what_the_viewer_sees() -> None:
    for x, chosen in _drawn(1, 0, np.full(20, 1 / 20)):
        for picture, number in zip(x, chosen, strict=True):
            np.testing.assert_array_equal(picture, normalise(STACK[number], SPEC)[0])


def test_validation_keeps_the_order() -> None:
    batches = list(validation_batches(STACK, TARGETS, SPEC, batch=8))
    assert [number for _, wanted, _ in batches for number in wanted[:, 0].int().tolist()] == list(range(20))
    np.testing.assert_array_equal(batches[0][0].numpy()[3], normalise(STACK[3], SPEC)[0])


def test_lungs_move_with_the_picture_and_keep_their_gray_levels() -> None:
    stack = np.zeros((4, 1, 32, 32), np.uint8)
    lungs = np.zeros((4, 32, 32), np.uint8)
    stack[:, 0, 8:20, 4:14], lungs[:, 8:20, 4:14] = 255, 1
    moving = AugmentRecipe(rotate_deg=20, translate=0.1, scale_low=0.8, scale_high=1.2, brightness=0, contrast=0, flip=0.5)
    targets = Targets(np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32))
    spec = InputSpec(width=32, height=32, mean=(0.0,), std=(1.0,))
    loader = training_batches(stack, targets, np.full(4, 0.25), spec, moving, batch=4, epoch_images=8, seed=3, lungs=lungs)
    loader.batch_sampler.set_epoch(0)  # type: ignore[union-attr]
    for x, _wanted, _weight, where in loader:
        np.testing.assert_allclose(x.numpy()[:, 0], where.numpy(), atol=1.5 / 255)
        assert float((where - torch.from_numpy(lungs)).abs().mean() * 10) > 0.1
