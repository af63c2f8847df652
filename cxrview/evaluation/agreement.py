"""How far two readers agree beyond chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Give Cohen's kappa of two readers' words for the same cases: 1 is full agreement, 0 what chance gives.

    NaN without cases, or where both always say the same one word, since chance would agree as well.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} words cannot be compared")
    if not first:
        return math.nan
    count = len(first)
    observed = sum(one == two for one, two in zip(first, second, strict=True)) / count
    ones, twos = Counter(first), Counter(second)
    expected = sum(ones[word] * twos[word] for word in ones) / count**2
    return math.nan if expected >= 1.0 else (observed - expected) / (1.0 - expected)
