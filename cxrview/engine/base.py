"""The one small interface that every engine has, and the answer of the self-test."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import numpy as np

from cxrview.core.image import read_only
from cxrview.core.results import FloatArray, Forward


class EngineName(StrEnum):
    """The engines a user can ask for; `auto` takes the fastest that agrees with the reference."""

    AUTO = "auto"
    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCH = "torch"
    FAKE = "fake"


class Device(StrEnum):
    """The devices a user can ask for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Predictor(Protocol):
    """Runs one model on one device; `run` may be called from several threads at once.

    Attributes:
        engine: as shown to people and written in result rows (`onnx`, `openvino`, ...).
        device: what really runs, with its precision where that is not float32 (`cpu`, `cpu bf16`, `cuda`).
    """

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def device(self) -> str:
        """The device really used."""

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32; one Forward for each image."""

    def close(self) -> None:
        """Let go of the runtime; the predictor is of no use afterwards."""


def forwards(logits: FloatArray, features: FloatArray | None) -> tuple[Forward, ...]:
    """Split the outputs of a batch, logits (N, L) and features (N, K, h, w) or None, into one record for each image."""
    plain = read_only(np.asarray(logits, dtype=np.float32))
    if features is None:
        return tuple(Forward(logits=each, features=None) for each in plain)
    maps = read_only(np.asarray(features, dtype=np.float32))
    return tuple(Forward(logits=one, features=two) for one, two in zip(plain, maps, strict=True))


def stacked_logits(answers: Sequence[Forward]) -> FloatArray:
    """Put the logits of several images together, (N, L)."""
    return np.stack([each.logits for each in answers])
