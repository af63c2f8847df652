"""What a positive or a negative answer is worth among a person's own patients: predictive values from a prevalence."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_SENSITIVITY = re.compile(
    r"(?:at least (?P<before>[01]?\.\d+|[01]) sensitivity|sensitivity (?:of )?(?P<after>[01]?\.\d+|[01])\b)", re.IGNORECASE
)
_SPECIFICITY = re.compile(
    r"(?:at least (?P<before>[01]?\.\d+|[01]) specificity|specificity (?:of )?(?P<after>[01]?\.\d+|[01])\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PredictiveValues:
    """`positive` is the share of positive answers that are right, `negative` that of negative ones; NaN where no such answer is given."""

    positive: float
    negative: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What an operating point's text says in numbers, 0 to 1; None where it says nothing."""

    sensitivity: float | None = None
    specificity: float | None = None


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> PredictiveValues:
    """Work out PPV and NPV by Bayes' rule; all three are 0 to 1.

    Raises:
        ValueError: a number is not between 0 and 1.
    """
    if not all(0.0 <= value <= 1.0 for value in (sensitivity, specificity, prevalence)):
        raise ValueError("sensitivity, specificity and prevalence must lie between 0 and 1")
    right_positive, wrong_positive = sensitivity * prevalence, (1.0 - specificity) * (1.0 - prevalence)
    right_negative, wrong_negative = specificity * (1.0 - prevalence), (1.0 - sensitivity) * prevalence
    return PredictiveValues(_share(right_positive, wrong_positive), _share(right_negative, wrong_negative))


def operating_point(text: str) -> OperatingPoint:
    """Read sensitivity and specificity from the text of an operating point, such as `at least 0.95 specificity on ...`."""
    return OperatingPoint(_number(_SENSITIVITY, text), _number(_SPECIFICITY, text))


def _number(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    if found is None:
        return None
    value = float(found["before"] or found["after"])
    return value if value <= 1.0 else None


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest > 0.0 else math.nan
