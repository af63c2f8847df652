"""Maps that follow the weights change when these are in disorder; maps that follow the picture alone do not, and are caught."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cxrview.core.heatmap import Dense, Head
from cxrview.core.manifest import Combination, HeatmapKind
from cxrview.engine.analyse import heatmaps_of
from cxrview.engine.composite import open_with, write_composite
from cxrview.engine.disorder import disordered, shuffled_graph
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.onnx_wire import model_bytes, node_bytes, weights_in_order
from cxrview.engine.packages import read_graph, write_package
from cxrview.evaluation.audits import level_of_explanation
from cxrview.evaluation.cascade import PARTS, cascading_likeness, open_cascade
from cxrview.evaluation.explanations import SAME_MAP, SIMILAR_MAP
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.readings import prepared
from cxrview.evaluation.shortcut_audit import Level
from tests.evaluation import films

FAITHFUL = Interval(0.2, 0.1, 0.3, 12, 0, 12)


def pictures():
    for seed in range(1, 9, 2):
        film = films.film(seed, is_sick=True, is_marked=False)
        yield prepared(film.pixels, films.SPEC, film.lungs)


def likeness(package):
    predictor = open_with(package, lambda each: OnnxPredictor(each, threads=1, cache_dir=None))
    found = []
    with open_cascade(package) as cascade:
        for made in pictures():
            (forward,) = predictor.run(made.tensor)
            (own,) = heatmaps_of(package, forward)
            found.append(cascading_likeness(cascade, made.tensor, own, 0))
    predictor.close()
    return np.mean(found, axis=0)


def bright(folder, learned):
    """A network of positive weights throughout: whatever their order, its maps are the picture's brightness."""
    rng = np.random.default_rng(3)
    kernel = rng.uniform(0.5, 1.0, (4, 1, films.CELL, films.CELL)).astype(np.float32) / films.CELL**2
    dense = Dense(rng.uniform(0.5, 1.0, (1, 4)).astype(np.float32), np.zeros(1, np.float32))
    graph = model_bytes(
        nodes=(
            node_bytes("Conv", ["image", "kernel", "bias"], ["patches"], kernel_shape=[films.CELL] * 2, strides=[films.CELL] * 2),
            node_bytes("Relu", ["patches"], ["features"]),
            node_bytes("GlobalAveragePool", ["features"], ["pooled"]),
            node_bytes("Flatten", ["pooled"], ["flat"], axis=1),
            node_bytes("Gemm", ["flat", "head_weight", "head_bias"], ["logits"], transB=1),
        ),
        tensors={"kernel": kernel, "bias": np.full(4, 2.0, np.float32), "head_weight": dense.weight, "head_bias": dense.bias},
        inputs={"image": ("N", 1, films.SIDE, films.SIDE)},
        outputs={"logits": ("N", 1), "features": ("N", 4, 8, 8)},
    )
    manifest = replace(learned.manifest, id="bright", files={})
    head = Head(HeatmapKind.POOLED_LINEAR, (dense,))
    return write_package(folder / "bright", manifest, graph=graph, golden=learned.golden, card="", head=head)


def test_maps_of_a_network_that_learned_change_with_its_weights(networks):
    stages = likeness(networks.honest)
    assert len(stages) == len(PARTS)
    assert stages[-1] < SIMILAR_MAP
    assert level_of_explanation(FAITHFUL, FAITHFUL, 0.1, stages[-1]) is Level.PASSED


def test_maps_that_show_the_picture_whatever_the_weights_are_caught(networks, tmp_path):
    stages = likeness(bright(tmp_path, networks.honest))
    assert stages[-1] > SAME_MAP
    assert level_of_explanation(FAITHFUL, FAITHFUL, 0.1, stages[-1]) is Level.FAILED


def test_the_last_layers_are_shuffled_first_and_every_layer_keeps_its_values(networks):
    graph = read_graph(networks.honest)
    rng = np.random.default_rng(0)
    whole = weights_in_order(memoryview(bytearray(graph)))
    last = weights_in_order(memoryview(bytearray(shuffled_graph(graph, 0.34, rng))))
    assert [np.array_equal(one, two) for one, two in zip(whole, last, strict=True)] == [True, True, False]
    every = weights_in_order(memoryview(bytearray(shuffled_graph(graph, 1.0, rng))))
    assert not np.array_equal(whole[1], every[1])
    for one, two in zip(whole, every, strict=True):
        np.testing.assert_array_equal(np.sort(one), np.sort(two))
    assert len(shuffled_graph(graph, 1.0, rng)) == len(graph)
    assert graph == read_graph(networks.honest)


def test_every_network_of_an_ensemble_is_put_in_disorder(networks, tmp_path):
    about = {"card": "", "model_id": "pair", "title": "Pair", "version": "1", "intended_use": "Tests."}
    members = {"a": networks.honest, "b": networks.cheat}
    pair = write_composite(tmp_path / "pair", members, combine=Combination.MEAN_LOGIT, **about)
    copy = disordered(pair, 1.0, tmp_path / "copy")
    assert len(copy.members) == 2
    for own, other in zip(pair.members, copy.members, strict=True):
        assert not np.array_equal(own.head.layers[0].weight, other.head.layers[0].weight)
    stages = likeness(pair)
    assert all(0.0 <= each < SAME_MAP for each in stages)


@pytest.mark.parametrize(
    ("road", "forgotten", "level"),
    [
        ((0.1, 0.3), 0.2, Level.PASSED),
        ((-0.1, 0.3), 0.2, Level.DOUBTFUL),
        ((-0.3, -0.1), 0.2, Level.FAILED),
        ((0.1, 0.3), 0.6, Level.DOUBTFUL),
        ((0.1, 0.3), 0.8, Level.FAILED),
        ((0.1, 0.3), math.nan, Level.PASSED),
    ],
)
def test_road_and_the_whole_network_decide_too(road, forgotten, level):
    interval = Interval(sum(road) / 2, *road, 12, 0, 12)
    assert level_of_explanation(FAITHFUL, interval, 0.2, forgotten) is level
