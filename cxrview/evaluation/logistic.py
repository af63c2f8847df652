"""Logistic regression by Newton's method, for baselines and for calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxrview.core.scores import sigmoid

FloatArray = npt.NDArray[np.float64]

STEPS = 100
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """A fitted model: logit = features @ weights + bias."""

    weights: FloatArray
    bias: float

    def logits(self, features: FloatArray) -> FloatArray:
        """Give the logit of each row."""
        values: FloatArray = features @ self.weights + self.bias
        return values


def fit_logistic(features: FloatArray, targets: FloatArray, *, ridge: float) -> Logistic:
    """Minimise the summed log loss of targets (N,), 0 to 1, plus ridge / 2 times the squared weights; the bias goes free.

    Features are (N, D). A step that does not lower the loss is halved until it does.
    """
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-9  # keeps one-class data finite
    theta = np.zeros(design.shape[1])
    loss = _loss(design, targets, penalty, theta)
    for _ in range(STEPS):
        chance = sigmoid(design @ theta)
        gradient = design.T @ (chance - targets) + penalty * theta
        curvature = (design.T * (chance * (1 - chance))) @ design + np.diag(penalty)
        step = np.linalg.solve(curvature + 1e-12 * np.eye(theta.size), gradient)
        theta, improved = _descend(design, targets, penalty, theta, step)
        if loss - improved < TOLERANCE * max(1.0, abs(loss)):
            break
        loss = improved
    return Logistic(theta[:-1], float(theta[-1]))


def _descend(design: FloatArray, targets: FloatArray, penalty: FloatArray, theta: FloatArray, step: FloatArray) -> tuple[FloatArray, float]:
    before = _loss(design, targets, penalty, theta)
    length = 1.0
    while length > 1e-6:
        moved = theta - length * step
        after = _loss(design, targets, penalty, moved)
        if after <= before:
            return moved, after
        length /= 2
    return theta, before


def _loss(design: FloatArray, targets: FloatArray, penalty: FloatArray, theta: FloatArray) -> float:
    logits = design @ theta
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits) + 0.5 * np.sum(penalty * theta * theta))
