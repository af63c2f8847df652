from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrview.core.manifest import Task
from cxrview.training.examples import Example
from cxrview.training.recipe import Balance, FitRecipe
from cxrview.training.targets import draw_chances, make_targets

LABELS = ("x", "y")


def _example(label: str, source: str, known: str = "xy") -> Example:
    return Example(Path("a.png"), label, frozenset({label} & set(LABELS)), frozenset(known), "g", source)


def test_unknown_labels_weigh_nothing() -> None:
    targets = make_targets([_example("x", "a", known="x"), _example("y", "a")], LABELS, FitRecipe(balance=Balance.NONE), Task.MULTILABEL)
    assert targets.wanted.tolist() == [[1, 0], [0, 1]]
    assert targets.weight[0, 1] == 0
    assert targets.weight[1, 1] > 0


def test_weights_average_to_one_over_what_is_drawn() -> None:
    examples = [_example("x", "a")] * 7 + [_example("y", "a")] * 2 + [_example("y", "b")] * 5
    fit = FitRecipe(balance=Balance.LABEL_AND_SOURCE, cross_source_weight=0.2, class_weights=True)
    targets = make_targets(examples, LABELS, fit, Task.MULTILABEL)
    np.testing.assert_allclose(draw_chances(examples, fit.balance) @ targets.weight, 1.0, rtol=1e-5)


def test_a_source_with_one_class_counts_less() -> None:
    examples = [_example("x", "both"), _example("y", "both"), _example("x", "only")]
    targets = make_targets(examples, LABELS, FitRecipe(balance=Balance.NONE, cross_source_weight=0.1), Task.MULTILABEL)
    np.testing.assert_allclose(targets.weight[2] / targets.weight[0], 0.1, rtol=1e-5)


def test_class_weights_make_both_classes_count_the_same() -> None:
    examples = [_example("x", "a")] * 9 + [_example("y", "a")] * 3
    targets = make_targets(examples, LABELS, FitRecipe(balance=Balance.NONE, class_weights=True), Task.MULTILABEL)
    positive = targets.wanted > 0
    for column in range(2):
        a, b = targets.weight[positive[:, column], column].sum(), targets.weight[~positive[:, column], column].sum()
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_balanced_draws_give_each_label_the_same_chance() -> None:
    examples = [_example("x", "a")] * 90 + [_example("y", "a")] * 4 + [_example("y", "b")] * 1
    chances = draw_chances(examples, Balance.LABEL_AND_SOURCE)
    np.testing.assert_allclose([chances[:90].sum(), chances[90:].sum()], 0.5)
    np.testing.assert_allclose(chances[90:94].sum() / chances[94], 2.0)
    np.testing.assert_allclose(draw_chances(examples, Balance.NONE), 1 / 95)
