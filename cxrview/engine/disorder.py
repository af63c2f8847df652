"""Packages whose weights were put in disorder, from the answer down: what a heatmap must not look the same for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrview.core.heatmap import Dense, Head
from cxrview.core.results import FloatArray
from cxrview.engine.onnx_wire import weights_in_order
from cxrview.engine.packages import Package, read_graph, write_package


def disordered(package: Package, part: float, folder: Path, *, seed: int = 0) -> Package:
    """Write a copy of a package in which the head and the last `part` of the layers, 0 to 1, have their weights in another order.

    Each layer keeps its values, so that it stays as strong as it was; biases and batch norms stay. Golden answers are not
    changed with it: such a package passes no self-test. Of a package of several networks each is treated so.
    """
    if package.members:
        members = tuple(disordered(each, part, folder / str(place), seed=seed + place) for place, each in enumerate(package.members))
        return replace(package, members=members)
    rng = np.random.default_rng(seed)
    head = None if package.head is None else shuffled_head(package.head, rng)
    graph = shuffled_graph(read_graph(package), part, rng)
    return write_package(folder, replace(package.manifest, files={}), graph=graph, golden=package.golden, card="Disordered.\n", head=head)


def shuffled_graph(graph: bytes, part: float, rng: np.random.Generator) -> bytes:
    """Shuffle the weights of the last `part` of a network's layers, 0 to 1, counted from its answer."""
    content = bytearray(graph)
    layers = weights_in_order(memoryview(content))
    first = len(layers) - round(part * len(layers))
    for values in layers[first:]:
        rng.shuffle(values)  # in place: the layers are views of the content
    return bytes(content)


def shuffled_head(head: Head, rng: np.random.Generator) -> Head:
    """Put the weights of every layer of a head in another order."""
    return replace(head, layers=tuple(Dense(_shuffled(layer.weight, rng), layer.bias) for layer in head.layers))


def _shuffled(weight: FloatArray, rng: np.random.Generator) -> FloatArray:
    flat = weight.reshape(-1).copy()
    rng.shuffle(flat)
    mixed: FloatArray = flat.reshape(weight.shape)
    mixed.setflags(write=False)
    return mixed
