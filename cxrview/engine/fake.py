"""A model that is none: cheap arithmetic that depends on the picture, for tests and demonstrations of the program, never for patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrview.core.errors import EngineUnavailable
from cxrview.core.heatmap import ALGEBRA_KINDS, Dense, Head
from cxrview.core.manifest import (
    Architecture,
    Calibration,
    Channels,
    HeatmapKind,
    InputSpec,
    Label,
    Manifest,
    Task,
    Threshold,
)
from cxrview.core.results import FloatArray, Forward
from cxrview.engine.base import EngineName, forwards
from cxrview.engine.onnx_wire import model_bytes, node_bytes
from cxrview.engine.packages import Golden, Package, read_weights, write_package

FAKE_ARCHITECTURE = "fake"
CELL_PX = 8
FEATURES = 12
LABELS = (
    Label("normal", "Normal"),
    Label("covid19", "COVID-19"),
    Label("pneumonia", "Pneumonia"),
    Label("tuberculosis", "Tuberculosis"),
)
_CARD = """# Not a model

Fixed random numbers that answer every picture alike in form and mean nothing. For tests of the program only.
"""


class FakePredictor:
    """Runs a package of `fake_package` in NumPy: patches of the picture, a rectifier, the mean, a linear head."""

    def __init__(self, package: Package) -> None:
        self._kernel, self._bias, self._head = _weights_of(package)

    @property
    def engine(self) -> str:
        """Always `fake`."""
        return str(EngineName.FAKE)

    @property
    def device(self) -> str:
        """Always `cpu`."""
        return "cpu"

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32."""
        features = _features(batch, self._kernel, self._bias)
        logits = features.mean(axis=(2, 3)) @ self._head.weight.T + self._head.bias
        return forwards(logits, features)

    def close(self) -> None:
        """Do nothing."""


def fake_package(
    folder: Path,
    *,
    model_id: str = "fake",
    labels: Sequence[Label] = LABELS,
    task: Task = Task.MULTICLASS,
    size: tuple[int, int] = (64, 64),
    channels: Channels = Channels.GRAY,
    heatmap: HeatmapKind = HeatmapKind.POOLED_LINEAR,
    seed: int = 0,
) -> Package:
    """Write a complete, valid package that every engine for ONNX files, and FakePredictor, can run.

    `size` is (width, height) in model px, multiples of 8; the same arguments give the same numbers.
    """
    random = np.random.default_rng(seed)
    planes = channels.planes
    kernel = random.normal(0.0, 1.0 / CELL_PX, (FEATURES, planes, CELL_PX, CELL_PX)).astype(np.float32)
    bias = random.normal(0.0, 0.3, FEATURES).astype(np.float32)
    dense = Dense(
        weight=random.normal(0.0, 2.0, (len(labels), FEATURES)).astype(np.float32),
        bias=random.normal(0.0, 0.2, len(labels)).astype(np.float32),
    )
    inputs = random.normal(0.0, 1.0, (2, planes, size[1], size[0])).astype(np.float32)
    logits = _features(inputs, kernel, bias).mean(axis=(2, 3)) @ dense.weight.T + dense.bias
    return write_package(
        folder,
        _fake_manifest(model_id, labels, task, InputSpec(size[0], size[1], channels, mean=(0.5,) * planes, std=(0.25,) * planes), heatmap),
        graph=_graph(kernel, bias, dense, size),
        golden=Golden(inputs=inputs, logits=logits.astype(np.float32)),
        card=_CARD,
        head=Head(kind=HeatmapKind.POOLED_LINEAR, layers=(dense,)) if heatmap in ALGEBRA_KINDS else None,
        weights={"kernel": kernel, "bias": bias, "head.weight": dense.weight, "head.bias": dense.bias},
    )


def _fake_manifest(model_id: str, labels: Sequence[Label], task: Task, spec: InputSpec, heatmap: HeatmapKind) -> Manifest:
    return Manifest(
        id=model_id,
        title="Fake (random numbers, for tests of the program)",
        version="1.0.0",
        licence="CC0-1.0",
        intended_use="Tests of the program. It knows nothing about radiographs.",
        task=task,
        labels=tuple(labels),
        input=spec,
        heatmap=heatmap,
        activations=(),
        calibration=(Calibration(),) * len(labels),
        thresholds=(Threshold(),) * len(labels),
        trained_on=(),
        split_sha256="",
        files={},
        architecture=Architecture(FAKE_ARCHITECTURE),
    )


def _graph(kernel: FloatArray, bias: FloatArray, dense: Dense, size: tuple[int, int]) -> bytes:
    rows, columns = size[1] // CELL_PX, size[0] // CELL_PX
    return model_bytes(
        nodes=(
            node_bytes("Conv", ["image", "kernel", "bias"], ["patches"], kernel_shape=[CELL_PX, CELL_PX], strides=[CELL_PX, CELL_PX]),
            node_bytes("Relu", ["patches"], ["features"]),
            node_bytes("GlobalAveragePool", ["features"], ["pooled"]),
            node_bytes("Flatten", ["pooled"], ["flat"], axis=1),
            node_bytes("Gemm", ["flat", "head_weight", "head_bias"], ["logits"], transB=1),
        ),
        tensors={"kernel": kernel, "bias": bias, "head_weight": dense.weight, "head_bias": dense.bias},
        inputs={"image": ("N", kernel.shape[1], size[1], size[0])},
        outputs={"logits": ("N", len(dense.bias)), "features": ("N", len(kernel), rows, columns)},
    )


def _features(batch: FloatArray, kernel: FloatArray, bias: FloatArray) -> FloatArray:
    count, planes, height, width = batch.shape
    patches = batch.reshape(count, planes, height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX)
    values: FloatArray = np.einsum("nchiwj,kcij->nkhw", patches, kernel, optimize=True) + bias[:, None, None]
    return np.maximum(values, np.float32(0.0))


def _weights_of(package: Package) -> tuple[FloatArray, FloatArray, Dense]:
    from safetensors.numpy import load

    content = read_weights(package)
    architecture = package.manifest.architecture
    if content is None or architecture is None or architecture.name != FAKE_ARCHITECTURE:
        raise EngineUnavailable("the fake engine runs the fake model only.", hint="Choose --engine auto.", subject=package.manifest.id)
    weights = load(content)
    return weights["kernel"], weights["bias"], Dense(weight=weights["head.weight"], bias=weights["head.bias"])
