"""Phantoms with opacities and burned-in markers, and networks that really learn from them: an honest one, and one that reads markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from cxrview.core.heatmap import Dense, Head
from cxrview.core.image import Pixels
from cxrview.core.manifest import Calibration, HeatmapKind, InputSpec, Label, Manifest, Task, Threshold
from cxrview.core.phantom import Opacity, Phantom, as_pixels, phantom
from cxrview.core.prepare import prepare
from cxrview.engine.onnx_wire import model_bytes, node_bytes
from cxrview.engine.packages import Golden, Package, write_package
from cxrview.evaluation.cases import Case, Split
from cxrview.evaluation.logistic import fit_logistic
from cxrview.evaluation.readings import LungArea, area_of_mask

SIDE, CELL = 128, 16
DRAWN = (192, 192)
SPEC = InputSpec(SIDE, SIDE, mean=(0.5,), std=(0.25,))
LABEL = "opacity"
PLACES = ((0.3, 0.35), (0.7, 0.35), (0.28, 0.5), (0.72, 0.5), (0.3, 0.62), (0.74, 0.62))  # in the lungs
BIAS = 2.0  # black is 0 after it


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A phantom as a file would give it, with its lungs; `sick` ones have opacities."""

    pixels: Pixels
    lungs: LungArea
    drawn: Phantom
    is_sick: bool
    is_marked: bool
    seed: int


@cache
def _drawn(seed: int, is_sick: bool) -> Phantom:
    places = np.random.default_rng(seed).permutation(len(PLACES))[:3]
    large = tuple(Opacity(*PLACES[place], radius=0.08, density=1.0) for place in places)
    return phantom(seed, size=DRAWN, bits=8, opacities=large if is_sick else 0)


def film(seed: int, *, is_sick: bool, is_marked: bool) -> Film:
    """Draw one; the marker is two letters beside the shoulder."""
    drawn = _drawn(seed, is_sick)
    pixels = as_pixels(drawn)
    if is_marked:
        values = pixels.values.copy()
        cv2.putText(values, "PA", (6, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
        pixels = with_values(pixels, values)
    lungs = area_of_mask(np.asarray(drawn.lung_mask, np.bool_))
    assert lungs is not None
    return Film(pixels, lungs, drawn, is_sick, is_marked, seed)


def with_values(pixels: Pixels, values: np.ndarray) -> Pixels:
    from dataclasses import replace

    values.setflags(write=False)
    return replace(pixels, values=values)


def trained(folder: Path, films: Sequence[Film], wanted: Sequence[bool], model_id: str) -> Package:
    """Fit a network to tell the wanted films (16 px patches, a channel for each place, one dense layer) and write its package."""
    kernel = np.full((1, 1, CELL, CELL), 1.0 / CELL**2, np.float32)
    inputs = np.concatenate([prepare(each.pixels, SPEC).tensor for each in films])
    features = patches(inputs)
    fitted = fit_logistic(features.reshape(len(films), -1).astype(np.float64), np.asarray(wanted, np.float64), ridge=0.3)
    cells = SIDE // CELL
    dense = Dense((fitted.weights[None] * cells**2).astype(np.float32), np.float32([fitted.bias]))
    places = np.eye(cells**2, dtype=np.float32).reshape(1, cells**2, cells, cells)
    graph = model_bytes(
        nodes=(
            node_bytes("Conv", ["image", "kernel", "bias"], ["patches"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
            node_bytes("Relu", ["patches"], ["bright"]),
            node_bytes("Mul", ["bright", "places"], ["features"]),
            node_bytes("GlobalAveragePool", ["features"], ["pooled"]),
            node_bytes("Flatten", ["pooled"], ["flat"], axis=1),
            node_bytes("Gemm", ["flat", "head_weight", "head_bias"], ["logits"], transB=1),
        ),
        tensors={"kernel": kernel, "bias": np.float32([BIAS]), "places": places, "head_weight": dense.weight, "head_bias": dense.bias},
        inputs={"image": ("N", 1, SIDE, SIDE)},
        outputs={"logits": ("N", 1), "features": ("N", cells**2, cells, cells)},
    )
    golden = inputs[:2].copy()
    logits = (patches(golden).reshape(2, -1) @ (dense.weight.T / cells**2) + dense.bias).astype(np.float32)
    manifest = Manifest(
        id=model_id,
        title=model_id,
        version="1",
        licence="CC0-1.0",
        intended_use="Tests.",
        task=Task.BINARY,
        labels=(Label(LABEL, "Opacity"),),
        input=SPEC,
        heatmap=HeatmapKind.POOLED_LINEAR,
        activations=(),
        calibration=(Calibration(),),
        thresholds=(Threshold(),),
        trained_on=(),
        split_sha256="",
        files={},
    )
    head = Head(HeatmapKind.POOLED_LINEAR, (dense,))
    return write_package(folder / model_id, manifest, graph=graph, golden=Golden(golden, logits), card="", head=head)


def patches(batch: np.ndarray) -> np.ndarray:
    cells = SIDE // CELL
    mean = batch.reshape(len(batch), 1, cells, CELL, cells, CELL).mean(axis=(3, 5))
    return np.maximum(mean + BIAS, 0.0).astype(np.float32)


def cases_of(films: Sequence[Film], sources: Sequence[str] | None = None) -> list[Case]:
    return [
        Case(
            Path(f"{each.seed}.png"),
            sources[place] if sources else "north",
            str(each.seed),
            frozenset({LABEL}) if each.is_sick else frozenset(),
            frozenset({LABEL}),
            Split.TEST,
        )
        for place, each in enumerate(films)
    ]
