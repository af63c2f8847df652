"""A measured value with the interval it comes in, and Wilson's interval for plain proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value and its interval.

    Attributes:
        value: the metric on the cases as they are; NaN where it is not defined.
        low, high: ends of the interval; NaN where it cannot be told (see `bootstrap_by_group`).
        n, positives, groups: cases, positive cases, and patients (groups) it was measured on.
        resamples: bootstrap resamples behind it; 0 for an interval by formula.
        level: share of such intervals that would hold the true value.
    """

    value: float
    low: float
    high: float
    n: int
    positives: int
    groups: int
    resamples: int = 0
    level: float = LEVEL

    def __str__(self) -> str:
        """Give `0.912 (0.871 to 0.945)`, or what can be said of it."""
        if math.isnan(self.value):
            return "not defined"
        if math.isnan(self.low) or math.isnan(self.high):
            return f"{self.value:.3f} (no interval)"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson(successes: int, n: int, *, level: float = LEVEL) -> Interval:
    """Give a plain proportion with Wilson's interval, for independent cases; NaN without cases."""
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, n=0, positives=0, groups=0, level=level)
    value = successes / n
    low, high = _wilson_ends(value, n, level)
    return Interval(value, low, high, n=n, positives=successes, groups=n, level=level)


def wilson_at_ends(proportion: Interval, groups: int) -> Interval:
    """Give a proportion of exactly 0 or 1, which every bootstrap draw repeats, the ends of Wilson's interval for `groups` cases."""
    if proportion.value not in (0.0, 1.0):
        return proportion
    low, high = _wilson_ends(proportion.value, groups, proportion.level)
    return replace(proportion, low=low, high=high, resamples=0)


def _wilson_ends(value: float, n: int, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
