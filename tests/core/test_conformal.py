"""Sets of answers hold the truth as often as promised, for the rare class too, and say so when they cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.conformal import Answer, answer, fit_conformal


def cases(seed: int, count: int, *, strength: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.15
    return 1 / (1 + np.exp(-(rng.normal(size=count) + strength * truth - 1))), truth


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_both_classes_are_covered_as_promised(coverage: float) -> None:
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(40):
        rule = fit_conformal(*cases(seed, 300), coverage=coverage)
        for chance, truth in zip(*cases(1000 + seed, 200), strict=True):
            wanted = Answer.NEGATIVE if truth else Answer.POSITIVE
            is_held = (chance >= rule.positive_from) if truth else (chance <= rule.negative_to)
            hits[bool(truth)].append(bool(is_held))
            assert is_held or answer(rule, float(chance)) in (wanted, Answer.UNKNOWN)
    for found in hits.values():
        assert coverage - 0.02 <= np.mean(found) <= coverage + 0.04


def test_a_poor_network_does_not_know_more_often_than_a_good_one() -> None:
    def unknown(strength: float) -> float:
        rule = fit_conformal(*cases(1, 2000, strength=strength))
        return float(np.mean([answer(rule, float(chance)) is Answer.UNKNOWN for chance in cases(2, 1000, strength=strength)[0]]))

    assert unknown(0.2) > 0.6
    assert unknown(4.0) < 0.2


def test_too_few_cases_answer_with_everything() -> None:
    rule = fit_conformal([0.9, 0.1], [True, False], coverage=0.9)
    assert (rule.positive_from, rule.negative_to) == (0.0, 1.0)
    assert {answer(rule, chance) for chance in (0.0, 0.5, 1.0)} == {Answer.UNKNOWN}
