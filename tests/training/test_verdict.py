"""What a finished run is judged by, what becomes of it, and how it fares elsewhere; one small run serves all."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import DataError, PackageError
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import find_package, installed_packages, load_package, read_card
from cxrview.evaluation.cases import Split
from cxrview.evaluation.metrics import auroc
from cxrview.training.compose import Plan, Route, compose
from cxrview.training.dataset import Choices, build_data_set, write_table
from cxrview.training.elsewhere import judge_elsewhere
from cxrview.training.estimate import estimate, read_estimate, write_estimate
from cxrview.training.hand_on import Part, hand_on
from cxrview.training.looks import frozen_test_hash
from cxrview.training.publish import Imprint, id_of, imprint_of, problem_of, publish
from cxrview.training.rivals import figures_in_words, rivals_of
from cxrview.training.run import train
from cxrview.training.status import RunState, RunStatus, read_status
from cxrview.training.verdict import judge_run
from tests.training.intake import class_folders, folders, scanned

CHANGES = (
    *("init=random", "architecture.name=cnn-pooled", "input.width=48", "input.height=48", "input.lung_crop=false"),
    *("fit.epochs=2", "fit.freeze_epochs=0", "fit.batch=8", "fit.precision=float32"),
)
PLAN = Plan(Route.RECIPE, changes=CHANGES)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verdict")
    found = scanned(folders(class_folders(root / "Ward 7", 48)))
    data_set = build_data_set(found, Choices(distance=-1, val_fraction=0.25), is_multilabel=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRVIEW_BASEDIR", str(root / "basedir"))
        train(write_table(data_set, root / "run"), root / "run", compose(data_set, PLAN, title="Small one"))
    return root / "run"


def test_every_test_image_stands_in_one_cell_and_the_figures_are_those_of_the_scores(run: Path) -> None:
    verdict = judge_run(run, run / "images.csv")
    tested = [number for number, case in enumerate(verdict.scored.cases) if case.split is Split.TEST]
    assert sorted(number for cell in verdict.cells for number in cell.members) == tested
    for place, label in enumerate(verdict.labels):
        truth = np.array([label.label in verdict.scored.cases[number].positives for number in tested])
        assert label.auroc.value == pytest.approx(auroc(verdict.scored.probabilities[tested, place], truth))
        assert label.auroc.low <= label.auroc.value <= label.auroc.high
        assert label.roc[0].tolist() == [0, 0]
        assert label.roc[-1].tolist() == [1, 1]
        assert label.precision_recall[-1, 0] == 1
    assert verdict.truths == verdict.calls == ("clear", "opacity")
    assert 0 <= verdict.mean_auroc <= 1


def test_thresholds_keep_the_wanted_sensitivity_on_the_validation_split(run: Path) -> None:
    for wanted in (0.6, 1.0):
        verdict = judge_run(run, run / "images.csv", wanted=wanted)
        for each in verdict.thresholds:
            held = [number for number, case in enumerate(verdict.scored.cases) if case.split is Split.VAL]
            place = verdict.scored.labels.index(each.label)
            positive = [number for number in held if each.label in verdict.scored.cases[number].positives]
            assert (verdict.scored.probabilities[positive, place] >= each.threshold).mean() >= wanted


def test_a_run_without_scores_and_one_whose_images_are_gone_say_so(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "images.csv").write_text((run / "images.csv").read_text().replace("Ward 7", "Ward 8"))
    with pytest.raises(DataError, match="gone"):
        judge_run(copy, copy / "images.csv")
    (copy / "report" / "scores.csv").unlink()
    with pytest.raises(DataError, match="left no scores"):
        judge_run(copy, run / "images.csv")


def test_a_published_model_has_its_name_and_runs(run: Path) -> None:
    imprint = Imprint("ward-7", "Ward 7, März", "1.2", "CC BY 4.0", "Teaching. Not for diagnosis.")
    package = publish(run, imprint, notes=("Two labels were corrected.",))
    assert imprint_of(find_package("ward-7")) == imprint
    card = read_card(package)
    assert card.startswith("# Ward 7, März (ward-7 1.2)")
    assert "- Licence of the weights: CC BY 4.0." in card
    assert "Two labels were corrected." in card
    assert package.manifest.split_sha256 == load_package(run / "package").manifest.split_sha256
    assert package.guard is not None
    with pytest.raises(PackageError, match="installed already"):
        publish(run, imprint)


def test_what_is_missing_before_publishing_is_said_and_nothing_is_listed(run: Path) -> None:
    good = Imprint("a", "A", "1", "", "Research.")
    assert problem_of(good) == ""
    for wrong, words in (
        (Imprint("A B", "A", "1", "", "Research."), "lower case"),
        (Imprint("a", " ", "1", "", "Research."), "needs a name"),
        (Imprint("a", "A", "", "", "Research."), "needs a version"),
        (Imprint("a", "A", "1", "", ""), "what the model is for"),
    ):
        assert words in problem_of(wrong)
        with pytest.raises(PackageError, match=words):
            publish(run, wrong)
    assert "a" not in {package.manifest.id for package in installed_packages()}
    assert id_of("Wärd 7 / TB") == "w-rd-7-tb"


def test_a_damaged_package_is_not_published(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    graph = copy / "package" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(PackageError, match="differs"):
        publish(copy, Imprint("b", "B", "1", "", "Research."))
    assert "b" not in {package.manifest.id for package in installed_packages()}


def test_images_from_elsewhere_are_measured_by_the_names_of_their_classes(run: Path, tmp_path: Path) -> None:
    place = class_folders(tmp_path / "other", 20, first_seed=300)
    (place / "opacity").rename(place / "Opacity")
    package = load_package(run / "package")
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    try:
        report = judge_elsewhere(package, predictor, place, tmp_path / "out")
        assert {count.split for count in report.counts} == {Split.EXTERNAL}
        assert sum(count.images for count in report.counts) == 20
        assert (tmp_path / "out" / "report.html").is_file()
        (place / "Opacity").rename(place / "fracture")
        (place / "clear").rename(place / "pneumothorax")
        with pytest.raises(DataError, match="None of the classes here"):
            judge_elsewhere(package, predictor, place, tmp_path / "out")
    finally:
        predictor.close()


def test_the_frozen_test_split_is_known_by_its_contents(run: Path, tmp_path: Path) -> None:
    lines = (run / "split.csv").read_text().splitlines()
    moved = tmp_path / "split.csv"
    moved.write_text("\n".join([lines[0], *reversed([line.replace("Ward 7", "Elsewhere") for line in lines[1:]])]) + "\n")
    assert frozen_test_hash(moved) == frozen_test_hash(run / "split.csv")
    moved.write_text("\n".join(line for line in lines if ",test," not in line) + "\n")
    assert frozen_test_hash(moved) != frozen_test_hash(run / "split.csv")


def test_an_estimate_tells_time_memory_and_disk_and_comes_back(run: Path, tmp_path: Path) -> None:
    from cxrview.training.recipe import load_recipe

    recipe = load_recipe(str(run / "wizard.toml") if (run / "wizard.toml").is_file() else str(run / "recipe.toml"))
    found = estimate(run / "images.csv", recipe)
    assert found.images == 48
    assert found.batch == 8
    assert found.parameters > 1000
    assert min(found.read_s, found.train_s, found.judge_s, found.step_s) > 0
    assert found.total_s == pytest.approx(found.read_s + found.train_s + found.judge_s)
    assert found.disk_bytes > 48 * 48 * 48
    write_estimate(tmp_path, found)
    assert read_estimate(tmp_path) == found
    assert read_estimate(tmp_path / "nowhere") is None


def _finished(run: Path, title: str) -> RunStatus:
    return replace(read_status(run), title=title, data=run / "images.csv", state=RunState.DONE)


def test_a_run_on_the_same_test_split_stands_beside_image_by_image_and_one_on_another_does_not(run: Path, tmp_path: Path) -> None:
    import shutil

    verdict = judge_run(run, run / "images.csv")
    same, other = tmp_path / "same", tmp_path / "other"
    shutil.copytree(run, same)
    rows = list(csv.reader((run / "report" / "scores.csv").read_text().splitlines()))
    for row in rows[1:]:  # a network that knows nothing
        row[5:] = ["0.0"] * len(row[5:])
    (same / "report" / "scores.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
    shutil.copytree(run, other)
    (other / "split.csv").write_text((run / "split.csv").read_text().replace(",test,", ",val,", 1))
    blind, elsewhere = rivals_of(verdict, [_finished(same, "blind"), _finished(other, "elsewhere")])
    assert [duel.label for duel in blind.duels] == ["clear", "opacity"]
    for duel, label in zip(blind.duels, verdict.labels, strict=True):
        assert duel.auroc == 0.5
        assert duel.gain.value == pytest.approx(label.auroc.value - 0.5)
        assert duel.gain.low <= duel.gain.value <= duel.gain.high
    assert elsewhere.duels == ()
    assert blind.validation == pytest.approx(read_status(run).best.mean_auroc)  # type: ignore[union-attr]


def test_figures_are_told_as_publications_tell_them(run: Path, tmp_path: Path) -> None:
    words = figures_in_words(run)
    assert words.startswith("accuracy ")
    assert "mean AUROC" in words
    assert "F of opacity" in words
    assert figures_in_words(tmp_path) == ""


def test_parts_of_a_run_are_handed_on_without_its_checkpoints(run: Path, tmp_path: Path) -> None:
    import zipfile

    hand_on(run, Part.FOLDER, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        names = archive.namelist()
    assert {"run/split.csv", "run/report/report.html", "run/package/model.toml", "run/recipe.toml"} <= {*names}
    assert not any("checkpoints" in name for name in names)
    for part, name in ((Part.REPORT, "report/report.html"), (Part.SPLIT, "split.csv")):
        hand_on(run, part, tmp_path / "part")
        assert (tmp_path / "part").read_bytes() == (run / name).read_bytes()
    with pytest.raises(DataError, match="has no report"):
        hand_on(tmp_path, Part.REPORT, tmp_path / "report.html")
    with pytest.raises(DataError, match="cannot be written"):
        hand_on(run, Part.SPLIT, tmp_path / "part" / "below" / "a file.csv")
