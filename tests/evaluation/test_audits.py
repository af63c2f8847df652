"""The whole audit on phantoms: an honest network and a cheat, from readings to the verdict, the page, the PDF and the numbers."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from cxrview.core.manifest import Calibration, CalibrationMethod
from cxrview.engine.onnx import OnnxPredictor
from cxrview.evaluation.audit_tables import audit_tables
from cxrview.evaluation.audits import (
    audit_cases,
    audit_explanations,
    calibration_changes,
    confusion_tables,
    external_drops,
    level_of_explanation,
)
from cxrview.evaluation.cascade import PARTS
from cxrview.evaluation.cases import Split, score_cases
from cxrview.evaluation.evaluate import evaluate_cases
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.page import to_html
from cxrview.evaluation.pdf import to_pdf
from cxrview.evaluation.readings import read_case
from cxrview.evaluation.report import tables_of, to_json, to_markdown
from cxrview.evaluation.shortcut_audit import Level
from cxrview.evaluation.verdict import verdict_of
from cxrview.evaluation.within_source import Settings, find_contrasts
from tests.evaluation import films

SETTINGS = Settings(resamples=200, reference="no label")


@pytest.fixture(scope="module")
def pictures():
    return [films.film(seed, is_sick=seed % 2 == 1, is_marked=seed % 2 == 1) for seed in range(48)]


@pytest.fixture(scope="module")
def reports(networks, pictures):
    return {name: audited(getattr(networks, name), pictures) for name in ("honest", "cheat")}


def audited(package, pictures):
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    cases = films.cases_of(pictures)
    readings = [read_case(each.pixels, package, predictor, each.lungs) for each in pictures]
    grays = [np.ascontiguousarray(each.pixels.values[:-16]) for each in pictures]
    report = evaluate_cases(cases, [each.logits for each in readings], package.manifest, grays=iter(grays), settings=SETTINGS)
    boxes = {case.path: [(films.LABEL, box) for box in film.drawn.boxes] for case, film in zip(cases, pictures, strict=True)}
    tested = audit_explanations(
        cases, lambda place: (pictures[place].pixels, pictures[place].lungs), package, predictor, SETTINGS, boxes=boxes
    )
    predictor.close()
    contrasts = [result.contrast for result in report.contrasts]
    return replace(report, audits=audit_cases(cases, readings, package.manifest, contrasts, SETTINGS, explanations=tested))


def test_the_verdict_catches_the_cheat_and_names_its_shortcut(reports):
    verdict = verdict_of(reports["cheat"])
    assert verdict.can == ()
    assert "Do not trust this network" in verdict.headline
    (first, *others) = verdict.cannot
    assert "it reads letters and markers (AUROC falls from 1.00" in first
    assert "it knows the answer with the lungs blanked" in first
    assert any("Showing where opacity lies" in sentence for sentence in others)


def test_the_verdict_lets_the_honest_network_pass_and_says_what_is_unknown(reports):
    verdict = verdict_of(reports["honest"])
    (sentence,) = verdict.can
    assert sentence.startswith("Telling opacity from no label at north (test images): AUROC ")
    # A linear network that starts from black has maps that a blur does not bear out: its answers hold up, its reasons need not.
    assert all(sentence.startswith("Believing the heatmaps") for sentence in verdict.cannot)
    assert "every comparison" in verdict.headline or "earns what it scores" in verdict.headline
    assert any("No hospital that training never saw" in each for each in verdict.careful)


def test_a_network_that_guesses_or_was_not_audited_is_called_that(synthetic):
    cases = synthetic.cases()
    guessing = evaluate_cases(cases, synthetic.logits(cases, strength=0.0), synthetic.manifest(), settings=SETTINGS)
    verdict = verdict_of(guessing)
    assert "Do not trust" in verdict.headline
    assert all("not shown to do better than guessing" in sentence for sentence in verdict.cannot)
    assert "The shortcut audit was not run." in verdict.careful
    nothing = evaluate_cases(
        [case for case in cases if case.source == "abroad"], np.zeros((25, 3)), synthetic.manifest(), settings=SETTINGS
    )
    assert "Nothing can be said" in verdict_of(nothing).headline


def test_answers_that_differ_between_hospitals_are_told_once_for_each_label(networks):
    healthy = [films.film(seed, is_sick=False, is_marked=place % 2 == 1) for place, seed in enumerate(range(0, 96, 2))]
    sources = ["south" if film.is_marked else "north" for film in healthy]
    package = networks.cheat
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    readings = [read_case(each.pixels, package, predictor, each.lungs) for each in healthy]
    predictor.close()
    cases = films.cases_of(healthy, sources)
    report = evaluate_cases(cases, [each.logits for each in readings], package.manifest, settings=SETTINGS)
    careful = verdict_of(replace(report, audits=audit_cases(cases, readings, package.manifest, (), SETTINGS))).careful
    (said,) = (each for each in careful if "differs between hospitals" in each)
    assert "Its answer for opacity differs" in said
    assert "in 1 of 1 pairs (most between north and south, all 'no label': AUROC 1.00" in said


def test_maps_are_tested_on_the_drawn_boxes(reports):
    (honest,) = reports["honest"].audits.explanations
    (cheat,) = reports["cheat"].audits.explanations
    assert honest.images == cheat.images == 12
    assert honest.pointing.value > 0.5 > cheat.pointing.value
    assert len(honest.cascade) == len(PARTS)
    assert math.isfinite(honest.road.low)
    assert honest.energy.value > honest.even
    assert cheat.energy.value < cheat.even


def test_every_finding_of_the_audit_stands_in_page_card_and_json(reports):
    report = reports["cheat"]
    plain = re.sub(r"<[^>]+>", "", to_html(report))
    card = to_markdown(report)
    document = json.loads(to_json(report))
    assert {each["level"] for each in document["audits"]["shortcuts"]["changes"]} >= {"failed"}
    assert document["verdict"]["headline"] == verdict_of(report).headline
    assert len(document["audits"]["templates"][0]["mean"]) == 24
    for change in report.audits.shortcuts.changes:
        assert str(change.changed) in plain
        assert str(change.changed) in card
    assert verdict_of(report).headline in plain
    assert to_html(report).count('src="data:image/png;base64,') == 1 + 3 + 6
    assert '<td class="failed">failed</td>' in to_html(report)
    for table in audit_tables(report.audits):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert tables_of(report)[1].title.startswith("Shortcuts")


def test_a_label_that_no_place_speaks_for_is_told(reports):
    report = reports["honest"]
    template = report.audits.templates[0]
    dark = replace(template, mean=-np.abs(template.mean))
    careful = verdict_of(replace(report, audits=replace(report.audits, templates=(dark,)))).careful
    assert any("no place speaks for it" in sentence for sentence in careful)
    bright = replace(template, mean=np.abs(template.mean))
    careful = verdict_of(replace(report, audits=replace(report.audits, templates=(bright,)))).careful
    assert not any("no place speaks for it" in sentence for sentence in careful)


def test_the_pdf_holds_the_verdict_and_is_the_same_every_time(reports):
    content = to_pdf(reports["cheat"])
    assert content.startswith(b"%PDF-")
    assert content == to_pdf(reports["cheat"])
    assert len(re.findall(rb"/Type /Page\b", content)) >= 3
    assert content.count(b"/Subtype /Image") >= 4


def test_calibration_is_told_before_and_after(synthetic):
    cases = synthetic.cases()
    logits = synthetic.logits(cases) * 6
    rule = Calibration(CalibrationMethod.TEMPERATURE, slope=0.25)
    manifest = replace(synthetic.manifest(), calibration=(rule,) * 3)
    contrasts = find_contrasts(cases, ["covid19", "tuberculosis"])
    changes = calibration_changes(cases, logits, manifest, contrasts)
    assert len(changes) == len(contrasts)
    assert all(each.error_after < each.error_before and each.brier_after < each.brier_before for each in changes)
    assert calibration_changes(cases, logits, synthetic.manifest(), contrasts) == ()


def test_confusion_counts_every_image_of_a_source(synthetic):
    cases = synthetic.cases()
    tables = confusion_tables(score_cases(cases, synthetic.logits(cases, strength=5.0), synthetic.manifest()))
    north = next(each for each in tables if each.source == "north")
    assert sum(map(sum, north.counts)) == 60
    assert north.truths == ("normal", "tuberculosis")
    assert north.counts[1][north.answers.index("tuberculosis")] >= 28
    assert {each.source for each in tables} == {"north", "south", "abroad"}


def test_the_drop_to_another_hospital_is_told_with_its_interval(synthetic):
    cases = synthetic.cases()
    abroad = [
        replace(case, source="elsewhere", split=Split.EXTERNAL, group_id=f"e-{case.group_id}")
        for case in cases
        if case.split is Split.TEST and case.source == "north"
    ]
    every = [*cases, *abroad]
    logits = np.concatenate([synthetic.logits(cases, strength=4.0), synthetic.logits(abroad, strength=0.5, seed=3)])
    scored = score_cases(every, logits, synthetic.manifest())
    (drop,) = external_drops(scored, find_contrasts(every, ["tuberculosis"]), SETTINGS)
    assert (drop.internal.source, drop.external.source) == ("north", "elsewhere")
    assert drop.drop.value == pytest.approx(drop.internal_auroc.value - drop.external_auroc.value)
    assert drop.drop.low > 0.05


def test_maps_are_judged_by_places_taken_away_and_by_the_head_in_disorder():
    def interval(low, high):
        return Interval((low + high) / 2, low, high, 12, 0, 12)

    def level(deletion, randomised):
        return level_of_explanation(deletion, interval(0.1, 0.3), randomised, 0.2)

    assert level(interval(0.1, 0.3), 0.2) is Level.PASSED
    assert level(interval(-0.1, 0.3), 0.2) is Level.DOUBTFUL
    assert level(interval(-0.3, -0.1), 0.2) is Level.FAILED
    assert level(interval(0.1, 0.3), 0.6) is Level.DOUBTFUL
    assert level(interval(0.1, 0.3), 0.8) is Level.FAILED
    assert level(interval(math.nan, math.nan), math.nan) is Level.DOUBTFUL
