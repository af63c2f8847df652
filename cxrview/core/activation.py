"""The activations that a model's head may have between its dense layers, each with its derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrview.core.results import FloatArray


@dataclass(frozen=True, slots=True)
class Activation:
    """A function on any array of float32 and its derivative, both element by element."""

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]


def _relu(x: FloatArray) -> FloatArray:
    return np.maximum(x, np.float32(0.0))


def _relu_slope(x: FloatArray) -> FloatArray:
    return np.where(x > 0.0, np.float32(1.0), np.float32(0.0))


def _hardswish(x: FloatArray) -> FloatArray:
    gate: FloatArray = np.clip(x / 6.0 + 0.5, 0.0, 1.0).astype(np.float32)
    return x * gate


def _hardswish_slope(x: FloatArray) -> FloatArray:
    # As torch has it: the cubic's derivative inside (-3, 3), 0 below, 1 above.
    slope: FloatArray = np.where(x <= -3.0, 0.0, np.where(x >= 3.0, 1.0, x / 3.0 + 0.5)).astype(np.float32)
    return slope


def _logistic(x: FloatArray) -> FloatArray:
    gate: FloatArray = (0.5 * (1.0 + np.tanh(0.5 * x))).astype(np.float32)
    return gate


def _silu(x: FloatArray) -> FloatArray:
    return x * _logistic(x)


def _silu_slope(x: FloatArray) -> FloatArray:
    gate = _logistic(x)
    slope: FloatArray = (gate * (1.0 + x * (1.0 - gate))).astype(np.float32)
    return slope


def _normal_cdf(x: FloatArray) -> FloatArray:
    """Give the standard normal distribution function (erf after Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7)."""
    z = np.abs(x.astype(np.float64)) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = 1.0 - series * np.exp(-z * z)
    cdf: FloatArray = (0.5 * (1.0 + np.sign(x) * erf)).astype(np.float32)
    return cdf


def _gelu(x: FloatArray) -> FloatArray:
    return x * _normal_cdf(x)


def _gelu_slope(x: FloatArray) -> FloatArray:
    density = np.exp(-0.5 * np.square(x)) / np.sqrt(2.0 * np.pi)
    slope: FloatArray = (_normal_cdf(x) + x * density).astype(np.float32)
    return slope


def _tanh_slope(x: FloatArray) -> FloatArray:
    slope: FloatArray = (1.0 - np.square(np.tanh(x))).astype(np.float32)
    return slope


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(_relu, _relu_slope),
    "hardswish": Activation(_hardswish, _hardswish_slope),
    "gelu": Activation(_gelu, _gelu_slope),
    "silu": Activation(_silu, _silu_slope),
    "tanh": Activation(np.tanh, _tanh_slope),
}
