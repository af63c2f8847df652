"""From logits to probabilities and findings; no network runs here, so moving a threshold costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import ManifestError
from cxrview.core.manifest import Calibration, CalibrationMethod, Manifest, Task
from cxrview.core.results import Finding

Logits = npt.NDArray[np.floating]
Float64Array = npt.NDArray[np.float64]


def probabilities(logits: Logits, manifest: Manifest) -> Float64Array:
    """Give each label's calibrated probability, (L,) in 0 to 1, from logits (L,).

    Binary and multilabel: sigmoid, each label for itself. Multiclass: softmax over the labels, so they add up to 1
    unless a label is calibrated by isotonic knots, which apply to its margin over the rest (`margins`). Hierarchical: the
    same, since its logits are the logarithms of multiplied probabilities (`core.composite`).
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.shape != (len(manifest.labels),):
        raise ManifestError(f"the model gives {values.size} logits for {len(manifest.labels)} labels.")
    if manifest.task in (Task.MULTICLASS, Task.HIERARCHICAL):
        return _softmax_probabilities(values, manifest.calibration)
    return np.array([_sigmoid_probability(value, rule) for value, rule in zip(values, manifest.calibration, strict=True)])


def findings(logits: Logits, manifest: Manifest) -> tuple[Finding, ...]:
    """Give one finding for each label, in the order of the manifest, from logits (L,)."""
    values = probabilities(logits, manifest)
    return tuple(
        Finding(
            label=label,
            logit=float(logit),
            probability=float(value),
            threshold=threshold.probability,
            network="" if manifest.composite is None else manifest.composite.network_of(label.id),
        )
        for label, logit, value, threshold in zip(manifest.labels, logits, values, manifest.thresholds, strict=True)
    )


def with_thresholds(findings: Sequence[Finding], thresholds: Mapping[str, float]) -> tuple[Finding, ...]:
    """Give the findings with other thresholds, by label id; a label that is not named keeps its own."""
    return tuple(replace(each, threshold=thresholds.get(each.label.id, each.threshold)) for each in findings)


def top_finding(findings: Sequence[Finding]) -> Finding:
    """Give the finding with the highest probability; the first of equals."""
    return max(findings, key=lambda finding: finding.probability)


def leading_finding(findings: Sequence[Finding]) -> Finding:
    """Give what an answer should be shown by: the positive finding with the highest probability, without one the highest of all."""
    return top_finding([each for each in findings if each.is_positive] or findings)


def margins(logits: Logits) -> Float64Array:
    """Give each class against the rest, z_c - logsumexp of the others, (L,); the logit itself when there is but one.

    The sigmoid of a margin is the softmax probability of its class.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.size == 1:
        return values.copy()
    others = np.where(np.eye(values.size, dtype=bool), -np.inf, values[None, :])
    highest = others.max(axis=1)
    rest: Float64Array = highest + np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return values - rest


def sigmoid(values: Float64Array) -> Float64Array:
    """Give 1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(values))
    result: Float64Array = np.where(values >= 0.0, 1.0, small) / (1.0 + small)
    return result


def _sigmoid_probability(logit: float, rule: Calibration) -> float:
    if rule.method is CalibrationMethod.ISOTONIC:
        return _isotonic(logit, rule)
    return float(sigmoid(np.asarray(_scaled(logit, rule))))


def _softmax_probabilities(logits: Float64Array, rules: Sequence[Calibration]) -> Float64Array:
    scaled = np.array([_scaled(float(logit), rule) for logit, rule in zip(logits, rules, strict=True)])
    weights = np.exp(scaled - scaled.max())
    softmax: Float64Array = weights / weights.sum()
    if all(rule.method is not CalibrationMethod.ISOTONIC for rule in rules):
        return softmax
    against_rest = margins(logits)
    pairs = zip(softmax, against_rest, rules, strict=True)
    return np.array([_isotonic(margin, rule) if rule.method is CalibrationMethod.ISOTONIC else value for value, margin, rule in pairs])


def _scaled(logit: float, rule: Calibration) -> float:
    if rule.method is CalibrationMethod.TEMPERATURE:
        return rule.slope * logit
    if rule.method is CalibrationMethod.PLATT:
        return rule.slope * logit + rule.bias
    return logit


def _isotonic(logit: float, rule: Calibration) -> float:
    return float(np.interp(logit, rule.knots_logit, rule.knots_probability))
