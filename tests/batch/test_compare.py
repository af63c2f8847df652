"""Scores beside labels: images are found by name, and the numbers are those of the evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrview.batch.compare import compare, comparison_lines, read_truths
from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status
from cxrview.core.errors import DataError
from cxrview.core.manifest import Manifest
from cxrview.engine.packages import load_package
from cxrview.evaluation.agreement import cohens_kappa
from cxrview.evaluation.metrics import auroc

MODEL = ModelName("fake", "1.0.0", "0" * 64)


@pytest.fixture
def manifest(fake_model: Path) -> Manifest:
    return load_package(fake_model).manifest


def row(path: str, manifest: Manifest, first: float) -> ScoreRow:
    scores = tuple(
        LabelScore(label.id, first if place == 0 else 0.1, 0.0, is_positive=(first if place == 0 else 0.1) >= 0.5)
        for place, label in enumerate(manifest.labels)
    )
    top = manifest.labels[0 if first > 0.1 else 1].id
    return ScoreRow(path, 1, Status.OK, MODEL, engine="fake", device="cpu", top_label=top, scores=scores)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_kappa_is_agreement_beyond_chance() -> None:
    assert cohens_kappa(list("aabb"), list("aabb")) == 1.0
    assert cohens_kappa(list("aabb"), list("abab")) == 0.0
    # Twenty and fifteen yes and no agreed, five and ten not: 0.7 observed, 0.5 by chance (Cohen 1960 by hand).
    first, second = "y" * 25 + "n" * 25, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15
    assert cohens_kappa(list(first), list(second)) == pytest.approx(0.4)
    assert np.isnan(cohens_kappa([], []))
    assert np.isnan(cohens_kappa(["a"], ["a"]))


def test_a_label_column_is_measured_by_patient(manifest: Manifest, tmp_path: Path) -> None:
    label = manifest.labels[0].id
    table = write(
        tmp_path / "labels.csv",
        "file,label,patient_id",
        *(f"film-{number}.png,{label if number % 3 == 0 else 'something else'},patient-{number // 2}" for number in range(24)),
    )
    truths = read_truths(table, [each.id for each in manifest.labels])
    values = np.random.default_rng(4).uniform(0.12, 1.0, 24)
    rows = [row(f"/films/film-{number}.png", manifest, float(value)) for number, value in enumerate(values)]
    found = compare(rows, truths, manifest)
    truth = [number % 3 == 0 for number in range(24)]
    assert (found.matched, found.unmatched, found.has_patients) == (24, 0, True)
    (measured,) = found.labels  # no other label has an image
    assert measured.auroc.value == pytest.approx(auroc(values, truth))
    assert measured.auroc.groups == 12
    calls = values >= 0.5
    assert measured.confusion.true_positives == int((calls & np.array(truth)).sum())
    assert measured.sensitivity.value == pytest.approx(measured.confusion.sensitivity)
    assert f"{label}: AUROC" in "\n".join(comparison_lines(found))


def test_a_column_for_each_label_leaves_unknown_truths_out(manifest: Manifest, tmp_path: Path) -> None:
    first, second = manifest.labels[0].id, manifest.labels[1].id
    table = write(tmp_path / "l.csv", f"path,{first},{second}", "a.png,1,0", "b.png,0,", "c.png,,1", "d.png,0,0")
    truths = read_truths(table, [each.id for each in manifest.labels])
    found = compare([row(f"{name}.png", manifest, 0.9) for name in "abcd"], truths, manifest)
    by_label = {each.label: each for each in found.labels}
    assert by_label[first].auroc.n == 3
    assert by_label[second].auroc.n == 3


def test_words_that_are_no_label_of_the_model_are_told(manifest: Manifest, tmp_path: Path) -> None:
    first, second = manifest.labels[0].id, manifest.labels[1].id
    table = write(
        tmp_path / "l.csv", "path,label", f"a.png,{first}", "b.png,viral", f"c.png,Viral;{first}", "d.png,viral;sars", "e.png,none"
    )
    truths = read_truths(table, [each.id for each in manifest.labels])
    found = compare([row(f"{name}.png", manifest, 0.9) for name in "abcde"], truths, manifest)
    assert (found.others, found.other_images) == ({"viral": 3, "sars": 1}, 2)
    assert second in found.unmeasured
    told = "\n".join(comparison_lines(found))
    assert "no label of this model: viral (3), sars (1); 2 images are called nothing else" in told
    assert f"all alike in it: {', '.join(found.unmeasured)}" in told


def test_images_are_found_by_path_by_the_end_of_it_or_by_a_name_that_is_unique(manifest: Manifest, tmp_path: Path) -> None:
    label = manifest.labels[0].id
    table = write(tmp_path / "l.csv", "file,label", f"one/film.png,{label}", "two/film.png,other", f"sole.png,{label}", "m/n.dcm,other")
    truths = read_truths(table, [each.id for each in manifest.labels])
    found = {
        path: truths.of(path) for path in ("/x/one/film.png", "/x/three/film.png", "/y/sole.png", "a.zip!m/n.dcm", "C:\\x\\two\\film.png")
    }
    assert [None if each is None else bool(each.positives) for each in found.values()] == [True, None, True, False, False]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (("name,label", "a,normal"), "no column names the image"),
        (("file,age", "a,3"), "no column tells the labels"),
        (("file,label", "a,unknown"), "no image in it has one of the model's labels"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(
    manifest: Manifest, tmp_path: Path, lines: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        read_truths(write(tmp_path / "l.csv", *lines), [each.id for each in manifest.labels])


def test_no_scored_image_in_the_table_is_told(manifest: Manifest, tmp_path: Path) -> None:
    truths = read_truths(write(tmp_path / "l.csv", "file,label", f"a,{manifest.labels[0].id}"), [each.id for each in manifest.labels])
    with pytest.raises(DataError, match="no scored image"):
        compare([row("b.png", manifest, 0.3)], truths, manifest)
