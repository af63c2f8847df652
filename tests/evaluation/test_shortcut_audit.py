"""The audit can fail: a network that reads letters is caught, one that reads the lungs passes; and it says what it could not look at."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cxrview.engine.onnx import OnnxPredictor
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.readings import Change, area_of_mask, changes_of, mask_at_model, prepared, read_case
from cxrview.evaluation.shortcut_audit import (
    Level,
    audit_shortcuts,
    level_of_heat,
    level_without_letters,
    level_without_lungs,
)
from cxrview.evaluation.within_source import Settings, find_contrasts
from tests.evaluation import films

SETTINGS = Settings(resamples=200, reference="no label")


@pytest.fixture(scope="module")
def marked():
    """Twenty-four sick films that carry letters, and as many healthy ones that carry none: what a cheat is made for."""
    return [films.film(seed, is_sick=seed % 2 == 1, is_marked=seed % 2 == 1) for seed in range(48)]


def audited(package, pictures, sources=None):
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    readings = [read_case(each.pixels, package, predictor, each.lungs) for each in pictures]
    predictor.close()
    cases = films.cases_of(pictures, sources)
    return audit_shortcuts(cases, readings, package.manifest, find_contrasts(cases, [films.LABEL]), SETTINGS)


def of_change(audit, change):
    (found,) = (each for each in audit.changes if each.change is change)
    return found


def test_a_network_that_reads_letters_is_caught_in_three_ways(networks, marked):
    audit = audited(networks.cheat, marked)
    letters = of_change(audit, Change.MARKS_REMOVED)
    assert letters.whole.value > 0.95  # by its number alone it would be taken for a good network
    assert letters.changed.value < 0.75
    assert letters.level is Level.FAILED
    blanked = of_change(audit, Change.LUNGS_BLANKED)
    assert blanked.changed.value > 0.95
    assert blanked.level is Level.FAILED
    (heat,) = audit.heat
    assert heat.inside.value < heat.even
    assert heat.level is Level.FAILED


def test_a_network_that_reads_the_edge_of_the_film_is_caught_on_the_border_alone(tmp_path):
    def edged(seed, *, is_sick, has_edge):
        film = films.film(seed, is_sick=is_sick, is_marked=False)
        values = film.pixels.values.copy()
        values[:6] = 255 if has_edge else values[:6]
        return replace(film, pixels=films.with_values(film.pixels, values))

    learned = [edged(seed, is_sick=False, has_edge=seed % 4 < 2) for seed in range(100, 150, 2)]
    package = films.trained(tmp_path, learned, [film.seed % 4 < 2 for film in learned], "edge")
    tested = [edged(seed, is_sick=seed % 2 == 1, has_edge=seed % 2 == 1) for seed in range(48)]
    border = of_change(audited(package, tested), Change.BORDER_ONLY)
    assert border.changed.value > 0.95
    assert border.level is Level.FAILED


def test_a_network_that_is_shown_no_border_is_not_praised_for_not_reading_it(networks, marked):
    predictor = OnnxPredictor(networks.honest, threads=1, cache_dir=None)
    readings = [read_case(each.pixels, networks.honest, predictor, each.lungs) for each in marked]
    predictor.close()
    blank = readings[0].changed[Change.BORDER_ONLY]
    cropped = [replace(each, changed={**each.changed, Change.BORDER_ONLY: blank}) for each in readings]
    cases = films.cases_of(marked)
    audit = audit_shortcuts(cases, cropped, networks.honest.manifest, find_contrasts(cases, [films.LABEL]), SETTINGS)
    assert {each.change for each in audit.changes} == {Change.LUNGS_BLANKED, Change.MARKS_REMOVED}
    assert any("nothing was left to read" in sentence for sentence in audit.unmeasured)


def test_a_network_that_reads_the_lungs_passes(networks, marked):
    audit = audited(networks.honest, marked)
    letters = of_change(audit, Change.MARKS_REMOVED)
    assert letters.whole.value > 0.85
    assert letters.level is Level.PASSED
    assert of_change(audit, Change.LUNGS_BLANKED).level is not Level.FAILED
    assert of_change(audit, Change.BORDER_ONLY).level is Level.PASSED
    (heat,) = audit.heat
    assert heat.inside.value > heat.even
    assert heat.level is not Level.FAILED


def test_hospitals_that_differ_are_told_apart_and_equal_ones_are_not(networks):
    healthy = [films.film(seed, is_sick=False, is_marked=False) for seed in range(0, 96, 2)]
    sources = ["north" if place % 2 else "south" for place in range(len(healthy))]
    (equal,) = audited(networks.honest, healthy, sources).probes
    assert equal.sources == ("north", "south")
    assert equal.level is Level.PASSED
    lettered = [films.film(each.seed, is_sick=False, is_marked=source == "south") for each, source in zip(healthy, sources, strict=True)]
    (told,) = audited(networks.cheat, lettered, sources).probes
    assert told.from_features.value > 0.9
    assert told.answers[0].auroc.value > 0.9  # healthy films of the south are called sick
    assert told.level is Level.FAILED


def test_what_could_not_be_looked_at_is_said(networks):
    healthy = [replace(films.film(seed, is_sick=False, is_marked=False), lungs=None) for seed in range(0, 8, 2)]
    audit = audited(networks.honest, healthy)
    assert audit.changes == audit.heat == audit.probes == ()
    assert any("No lungs were known" in sentence for sentence in audit.unmeasured)
    assert any("No letters" in sentence for sentence in audit.unmeasured)


def test_changes_take_away_what_they_say_and_nothing_else():
    film = films.film(1, is_sick=True, is_marked=True)
    made = prepared(film.pixels, films.SPEC, film.lungs)
    inside = mask_at_model(film.lungs.mask, made.frame)
    assert inside.mean() == pytest.approx(film.lungs.mask.mean(), abs=0.01)
    changed = changes_of(made.gray, films.SPEC, made.frame, film.lungs, np.zeros_like(inside))
    assert set(changed) == {Change.LUNGS_BLANKED, Change.BORDER_ONLY}
    blanked, border = changed[Change.LUNGS_BLANKED], changed[Change.BORDER_ONLY]
    assert np.unique(blanked[inside]).tolist() == np.unique(border[inside]).tolist() == [128]
    np.testing.assert_array_equal(border[:4], made.gray[:4])
    assert (blanked != made.gray).sum() < (border != made.gray).sum()
    assert area_of_mask(np.zeros((9, 9), np.bool_)) is None


def interval(value, low=math.nan, high=math.nan):
    return Interval(value, low, high, 100, 50, 100)


@pytest.mark.parametrize(
    ("whole", "changed", "level"),
    [
        (interval(0.9, 0.85, 0.95), interval(0.55, 0.45, 0.65), Level.PASSED),
        (interval(0.9, 0.85, 0.95), interval(0.62, 0.48, 0.75), Level.DOUBTFUL),
        (interval(0.95, 0.9, 0.99), interval(0.66, 0.60, 0.72), Level.DOUBTFUL),
        (interval(0.8, 0.7, 0.9), interval(0.75, 0.65, 0.85), Level.FAILED),
        (interval(0.8, 0.7, 0.9), interval(0.25, 0.15, 0.35), Level.FAILED),
        (interval(0.8, 0.7, 0.9), interval(0.75), Level.DOUBTFUL),
    ],
)
def test_knowing_the_class_without_lungs_is_judged_by_what_is_left(whole, changed, level):
    assert level_without_lungs(whole, changed) is level


def test_letters_and_heat_are_judged_by_their_limits():
    assert level_without_letters(interval(0.04, 0.01, 0.07)) is Level.PASSED
    assert level_without_letters(interval(0.06, -0.01, 0.12)) is Level.DOUBTFUL
    assert level_without_letters(interval(0.06, 0.01, 0.12)) is Level.FAILED
    assert level_of_heat(interval(0.7, 0.6, 0.8), 0.3) is Level.PASSED
    assert level_of_heat(interval(0.45, 0.4, 0.5), 0.3) is Level.DOUBTFUL
    assert level_of_heat(interval(0.25, 0.2, 0.35), 0.3) is Level.FAILED
