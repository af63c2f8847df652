"""A report holds every number, says how it was measured, and needs nothing but itself to be read."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cxrview.core.errors import DataError
from cxrview.evaluation.cases import Split
from cxrview.evaluation.evaluate import count_sources, evaluate_cases
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.page import to_html
from cxrview.evaluation.report import NOTICE, tables_of, to_json, to_markdown
from cxrview.evaluation.table import number, signed
from cxrview.evaluation.within_source import Contrast, Settings

QUICK = Settings(resamples=100)


@pytest.fixture(scope="module")
def report(synthetic):
    cases = synthetic.cases()
    return evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), grays=iter(synthetic.grays(cases)), settings=QUICK)


@pytest.fixture(scope="module")
def page(report):
    return to_html(report)


def intervals(report):
    for result in report.contrasts:
        yield from (result.auroc, result.average_precision, result.brier, result.log_loss, result.sensitivity, result.specificity)
        yield from (baseline.auroc for baseline in result.baselines)
        yield from (subgroup.auroc for subgroup in result.subgroups)
    for result in report.sensitivities:
        yield from (result.sensitivity, *(baseline.sensitivity for baseline in result.baselines))
    for result in report.operating:
        yield from (rate for rate in (result.sensitivity, result.specificity) if rate.n)


def test_everything_that_can_be_measured_is(report):
    assert [str(result.contrast) for result in report.contrasts] == [
        "north (test): tuberculosis against normal",
        "south (test): covid19 against normal",
    ]
    assert [len(result.baselines) for result in report.contrasts] == [2, 2]
    assert len(report.sensitivities) == 2
    assert {(r.source, r.label) for r in report.operating} == {
        *((source, label) for source in ("north", "south", "abroad") for label in ("normal", "covid19", "tuberculosis")),
    }
    assert [table.title for table in tables_of(report)] == [
        "Inside one source",
        "Sources without negatives: sensitivity at 0.90 specificity",
        "At the package's thresholds",
        "Probabilities inside one source",
        "Subgroups",
        "Images",
    ]


def test_every_number_stands_in_the_card(report):
    text = to_markdown(report)
    assert all(str(interval) in text for interval in intervals(report))
    assert all(signed(baseline.gain) in text for result in report.contrasts for baseline in result.baselines)
    assert all(number(result.threshold) in text and number(result.specificity) in text for result in report.sensitivities)
    assert all(number(result.calibration_error) in text for result in report.contrasts)
    assert all(f"| {c.split.value} | {c.source} | {c.truth} | {c.images} | {c.patients} |" in text for c in report.counts)
    assert "0" * 64 in text


def test_every_number_stands_in_the_page(report, page):
    plain = re.sub(r"<[^>]+>", "", page)
    assert all(str(interval) in plain for interval in intervals(report))
    assert NOTICE in plain


def test_every_markdown_row_has_a_cell_for_each_column(report):
    for table in tables_of(report):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_json_gives_back_the_numbers_and_no_nan(report):
    document = json.loads(to_json(report), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    first = document["contrasts"][0]
    assert first["auroc"]["value"] == report.contrasts[0].auroc.value
    assert first["contrast"] == {"split": "test", "source": "north", "label": "tuberculosis", "against": "normal"}
    few = next(row for row in document["operating"] if row["source"] == "abroad" and row["label"] == "covid19")
    assert few["specificity"]["value"] is None


class Page(HTMLParser):
    """Collects what a browser would fetch or run, and whether tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.fetches, self.images = [], [], []

    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        self.fetches += [
            (tag, name) for name in names if name in {"src", "href", "srcset", "action", "data", "poster"} or name.startswith("on")
        ]
        if tag in {"script", "link", "iframe", "object", "embed", "base"}:
            self.fetches.append((tag, ""))
        if names.get("role") == "img":
            self.images.append(names.get("aria-label"))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_fetches_nothing_and_runs_nothing(page):
    reader = Page()
    reader.feed(page)
    assert reader.open == []
    assert reader.fetches == []
    assert not re.search(r"https?:|//|url\(|@import|@font-face", page.replace("<!DOCTYPE html>", ""))


def test_every_plot_is_named_for_those_who_cannot_see_it(report, page):
    reader = Page()
    reader.feed(page)
    assert len(reader.images) == 1 + 4 * len(report.contrasts)
    assert f"ROC curve, AUROC {report.contrasts[0].auroc}" in reader.images


def test_names_are_escaped(page):
    assert "A model &lt;made up&gt; &amp; measured" in page
    assert "<made up>" not in page


def test_a_column_bar_in_a_name_does_not_break_the_card(report):
    result = replace(report.counts[0], source="a|b")
    text = to_markdown(replace(report, counts=(result,)))
    assert "a\\|b" in text


def test_cases_without_images_are_measured_without_baselines(synthetic):
    cases = synthetic.cases()
    report = evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), settings=QUICK)
    assert all(result.baselines == () for result in report.contrasts)
    assert "border only" not in to_markdown(report).split("## How")[0]
    assert "Baselines: none were measured." in to_markdown(report)
    assert "<svg" in to_html(report)


def test_a_source_that_answers_no_question_gives_a_page_that_says_so(synthetic):
    cases = [case for case in synthetic.cases() if case.source == "abroad"]
    report = evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), settings=QUICK)
    assert report.contrasts == ()
    assert "No source here has enough" in to_html(report)
    assert [table.title for table in tables_of(report)] == ["At the package's thresholds", "Images"]


def test_the_card_says_what_the_baselines_saw(report):
    method = to_markdown(report).split("## How it was measured")[1]
    assert "border only: the outermost 4 px of each side, in images whose longer side has 48 px" in method
    assert "three numbers: mean, standard deviation and aspect ratio" in method


def test_wanted_contrasts_replace_those_found(synthetic):
    cases = synthetic.cases()
    wanted = (Contrast(Split.TEST, "north", "normal", "tuberculosis"),)
    report = evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), contrasts=wanted, settings=QUICK)
    assert [result.contrast for result in report.contrasts] == list(wanted)


def test_the_same_cases_give_the_same_report(synthetic, report):
    cases = synthetic.cases()
    again = evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), grays=synthetic.grays(cases), settings=QUICK)
    assert to_json(again) == to_json(report)


def test_a_missing_picture_is_told(synthetic):
    cases = synthetic.cases()
    with pytest.raises(DataError, match="cases came with 3 images"):
        evaluate_cases(cases, synthetic.logits(cases), synthetic.manifest(), grays=synthetic.grays(cases)[:3])


def test_counts_are_of_images_and_patients(synthetic):
    counts = {(c.split, c.source, c.truth): (c.images, c.patients) for c in count_sources(synthetic.cases())}
    assert counts[Split.EXTERNAL, "abroad", "covid19"] == (25, 5)
    assert counts[Split.TEST, "south", "tuberculosis"] == (4, 2)


def test_what_is_not_defined_is_a_dash_or_words():
    assert number(math.nan) == "–"
    assert signed(Interval(0.1, math.nan, math.nan, 3, 1, 1)) == "0.100 (no interval)"
    assert signed(Interval(0.1, -0.05, 0.2, 3, 1, 1)) == "+0.100 (-0.050 to +0.200)"
