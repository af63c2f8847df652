"""A map that points at the phantom's opacities is told from one that does not; a map that ignores the weights is caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrview.core.frame import Box, frame_of_box
from cxrview.core.heatmap import heatmaps
from cxrview.core.manifest import Label
from cxrview.core.results import Heatmap, HeatmapTarget
from cxrview.engine.analyse import heatmaps_of
from cxrview.engine.explain import explain
from cxrview.engine.onnx import OnnxPredictor
from cxrview.evaluation.cases import Split
from cxrview.evaluation.explanations import (
    SAME_MAP,
    deletion_insertion,
    logit_of,
    point,
    randomised_similarity,
)
from cxrview.evaluation.rank_correlation import rank_correlation
from cxrview.evaluation.readings import prepared, read_case
from cxrview.evaluation.templates import correlation, make_templates, shared_patterns, stability
from tests.evaluation import films


@pytest.fixture(scope="module")
def sick():
    return [films.film(seed, is_sick=True, is_marked=True) for seed in range(1, 33, 2)]


def runs(package, pictures):
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    for film in pictures:
        made = prepared(film.pixels, films.SPEC, film.lungs)
        (forward,) = predictor.run(made.tensor)
        (heatmap,) = heatmaps_of(package, forward)
        yield film, made, forward, heatmap, predictor
    predictor.close()


def test_the_honest_network_points_at_the_opacities_and_the_cheat_does_not(networks, sick):
    found = {}
    for name in ("honest", "cheat"):
        pointed = [point(heatmap, made.frame, film.drawn.boxes) for film, made, _, heatmap, _ in runs(getattr(networks, name), sick)]
        assert None not in pointed
        found[name] = np.mean([each.is_hit for each in pointed]), np.mean([each.energy - each.even for each in pointed])
    assert found["honest"][0] > 0.5
    assert found["cheat"][0] < 0.2
    assert found["honest"][1] > 0.03
    assert found["cheat"][1] < 0.0


def test_the_hottest_place_must_lie_in_a_box_or_just_beside_it():
    frame = frame_of_box(Box(0, 0, 80, 80), model_size=(80, 80), image_size=(80, 80))
    values = np.zeros((8, 8), np.float32)
    values[1, 6] = 1.0  # 65, 15 in image px
    heatmap = Heatmap(Label("a", "A"), values, HeatmapTarget.LOGIT, "Grad-CAM")
    hit = point(heatmap, frame, [Box(60, 10, 70, 20)])
    assert (hit.is_hit, hit.energy, hit.even) == (True, pytest.approx(1.0), pytest.approx(100 / 6400))
    assert point(heatmap, frame, [Box(62, 16.5, 70, 30)]).is_hit
    assert not point(heatmap, frame, [Box(0, 40, 40, 80)]).is_hit
    assert point(heatmap, frame, [Box(0, 40, 40, 80)]).energy == 0.0
    assert point(replace(heatmap, values=-values), frame, [Box(0, 0, 9, 9)]) is None


def test_deletion_and_insertion_tell_a_true_map_from_one_of_another_picture(networks, sick):
    true, wrong = [], []
    package = networks.honest
    every = list(runs(package, sick[:8]))
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    for _, made, *_ in every:
        answer = logit_of(predictor, 0)
        (heatmap,) = explain(made, package, predictor, method="occlusion")
        turned = replace(heatmap, values=np.ascontiguousarray(heatmap.values[::-1, ::-1]))
        true.append(deletion_insertion(made, heatmap, answer))
        wrong.append(deletion_insertion(made, turned, answer))
    predictor.close()
    pairs = [(one, two) for one, two in zip(true, wrong, strict=True) if one is not None and two is not None]
    assert len(pairs) >= 4
    assert np.mean([one.gain for one, _ in pairs]) > 0.1
    assert np.mean([one.gain for one, _ in pairs]) > np.mean([two.gain for _, two in pairs]) + 0.1


def test_a_picture_that_the_blur_does_not_change_has_nothing_to_explain(networks, sick):
    ((_, made, _, heatmap, _),) = list(runs(networks.honest, sick[:1]))
    assert deletion_insertion(made, heatmap, lambda batch: np.zeros(len(batch))) is None


def test_maps_change_when_the_weights_are_put_in_disorder_and_one_that_does_not_is_caught(networks, sick):
    found = [randomised_similarity(forward, networks.honest, 0) for _, _, forward, _, _ in runs(networks.honest, sick[:6])]
    assert np.mean(found) < SAME_MAP
    package = networks.honest
    level = replace(package, head=replace(package.head, layers=(replace(package.head.layers[0], weight=np.ones((1, 64), np.float32)),)))
    caught = [randomised_similarity(forward, level, 0) for _, _, forward, _, _ in runs(networks.honest, sick[:3])]
    assert np.mean(caught) > SAME_MAP


def test_ranks_correlate_as_they_should():
    values = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert rank_correlation(values, np.zeros_like(values)) == 0.0


def test_templates_agree_between_equal_sources_and_show_who_is_unlike(networks):
    pictures = [films.film(seed, is_sick=True, is_marked=False) for seed in range(1, 65, 2)]
    package = networks.honest
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    readings = [read_case(each.pixels, package, predictor, each.lungs) for each in pictures]
    predictor.close()
    turned = replace(readings[5], aligned=np.ascontiguousarray(-readings[5].aligned))
    readings[5] = turned
    cases = films.cases_of(pictures, ["north" if place < 16 else "south" for place in range(32)])
    north, south = make_templates(cases, readings, [films.LABEL])
    assert (north.split, north.source, north.images) == (Split.TEST, "north", 16)
    assert north.unlike[0].name == f"{pictures[5].seed}.png"
    assert north.unlike[0].correlation < 0
    assert north.unlike[0].thumb.shape == (96, 96)
    assert len(north.eigen) == 3
    assert 1.0 >= sum(north.explained) > north.explained[0] >= north.explained[1] >= north.explained[2]
    assert north.halves > 0.8
    (alike,) = stability([north, south])
    assert alike.correlation > 0.8
    assert correlation(north.mean, south.mean[::-1, ::-1]) < alike.correlation
    assert 0.0 <= alike.patterns <= 1.0
    assert north.positive_share + replace(north, mean=-north.mean).positive_share == pytest.approx(1.0)


def test_patterns_are_shared_whatever_their_order_and_sign_and_not_where_they_are_others():
    maps = np.eye(16).reshape(16, 4, 4)
    turned = (maps[0] + maps[1]) / np.sqrt(2), (maps[0] - maps[1]) / np.sqrt(2), -maps[2]
    assert shared_patterns(maps[:3], turned) == pytest.approx(1.0)
    assert shared_patterns(maps[:3], maps[3:6]) == 0.0
    assert shared_patterns(maps[:3], maps[2:5]) == pytest.approx(1 / 3)
    assert np.isnan(shared_patterns((), maps[:3]))


def test_a_map_of_the_algebra_is_what_the_check_disorders(networks, sick):
    ((_, _, forward, heatmap, _),) = list(runs(networks.honest, sick[:1]))
    (again,) = heatmaps(forward, networks.honest.head, networks.honest.manifest.labels, only=[0])
    np.testing.assert_array_equal(heatmap.values, again.values)
