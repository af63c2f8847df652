"""A probability moves with the prevalence as Bayes says, and a prevalence can be read off calibrated probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.prior import at_prevalence, estimated_prevalence

SHARES = st.floats(0.01, 0.99)


@given(st.floats(0.0, 1.0), SHARES, SHARES)
def test_there_and_back_is_where_it_was(probability: float, first: float, second: float) -> None:
    there = at_prevalence(probability, first, second)
    assert 0.0 <= float(there) <= 1.0
    assert float(at_prevalence(there, second, first)) == pytest.approx(probability, abs=1e-9)
    assert float(there) >= probability - 1e-9 if second >= first else float(there) <= probability + 1e-9


def test_it_gives_the_posterior_of_two_known_distributions() -> None:
    x = np.linspace(-4, 4, 50)
    sick, well = np.exp(-((x - 1) ** 2) / 2), np.exp(-((x + 1) ** 2) / 2)
    posterior = {share: sick * share / (sick * share + well * (1 - share)) for share in (0.5, 0.05)}
    np.testing.assert_allclose(at_prevalence(posterior[0.5], 0.5, 0.05), posterior[0.05], atol=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_the_prevalence_of_unlabelled_cases_is_found(share: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(20_000) < share
    x = rng.normal(np.where(truth, 1.0, -1.0))
    calibrated_at_half = 1 / (1 + np.exp(-2 * x))
    assert estimated_prevalence(calibrated_at_half, 0.5) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_an_impossible_prevalence_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        at_prevalence(0.5, 0.5, share)
