"""Bring a probability from the prevalence that it was calibrated on to another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Manifest
from cxrview.core.results import Finding

FloatArray = npt.NDArray[np.float64]


def at_prevalence(probability: npt.ArrayLike, calibrated_at: float, prevalence: float) -> FloatArray:
    """Shift probabilities of one label, 0 to 1, from one prevalence to another, each above 0 and below 1.

    The odds are multiplied by the ratio of the prior odds (Elkan, "The foundations of cost-sensitive learning", IJCAI 2001,
    theorem 2). It holds where disease looks the same in both places and only its share differs; it mends nothing else.

    Raises:
        ValueError: a prevalence is not between 0 and 1.
    """
    for share in (calibrated_at, prevalence):
        if not 0.0 < share < 1.0:
            raise ValueError("a prevalence lies above 0 and below 1")
    given = np.asarray(probability, np.float64)
    up = given * prevalence / calibrated_at
    down = (1.0 - given) * (1.0 - prevalence) / (1.0 - calibrated_at)
    shifted: FloatArray = up / np.maximum(up + down, np.finfo(np.float64).tiny)
    return shifted


def probabilities_at(findings: Sequence[Finding], manifest: Manifest, prevalences: Mapping[str, float]) -> dict[str, float]:
    """Shift the findings of the labels named in `prevalences` to the prevalence given there, each label for itself; by label id.

    Raises:
        ValueError: a prevalence is not between 0 and 1, or the package does not say at which one its probability holds.
    """
    shares = {label.id: rule.prevalence for label, rule in zip(manifest.labels, manifest.calibration, strict=True)}
    return {
        each.label.id: float(at_prevalence(each.probability, shares[each.label.id], prevalences[each.label.id]))
        for each in findings
        if each.label.id in prevalences
    }


def estimated_prevalence(probability: npt.ArrayLike, calibrated_at: float, *, steps: int = 1000, tolerance: float = 1e-7) -> float:
    """Estimate the prevalence among unlabelled cases from their probabilities, above 0 and below 1.

    Expectation-maximisation of Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities", Neural Computation 14 (2002) 21-41. It leans on good calibration.
    """
    given = np.asarray(probability, np.float64)
    share = calibrated_at
    for _ in range(steps):
        after = float(np.clip(at_prevalence(given, calibrated_at, share).mean(), 1e-6, 1.0 - 1e-6))
        if abs(after - share) < tolerance:
            return after
        share = after
    return share
