from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cxrview.core.errors import DataError, PackageError
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.packages import Package
from cxrview.training import judge as judge_module
from cxrview.training.examples import read_collection
from cxrview.training.judge import audit_run, judge, write_judgement
from cxrview.training.recipe import DataRecipe


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "package")


def _recipe(package: Package) -> DataRecipe:
    return DataRecipe(label_map={"opacity": (package.manifest.labels[1].id,), "clear": ()})


def test_every_source_is_measured_by_itself_and_called_external(films: Path, package: Package, tmp_path: Path) -> None:
    judged = judge(package, FakePredictor(package), films, _recipe(package), is_external=True)
    label = package.manifest.labels[1].id
    found = {(str(result.contrast.split), result.contrast.source, result.contrast.label) for result in judged.report.contrasts}
    assert found == {("external", "north", label), ("external", "south", label)}
    assert judged.problems == ()
    write_judgement(tmp_path / "report", judged)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.pdf", "report.md", "report.json"}
    assert len(json.loads((tmp_path / "report" / "report.json").read_text())["contrasts"]) == 2


def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_measured(films: Path, package: Package, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in films.parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    judged = judge(package, FakePredictor(package), folder / films.name, _recipe(package), is_external=False)
    assert len(judged.problems) == 1
    assert "3.png" in judged.problems[0]
    assert sum(count.images for count in judged.report.counts) == 47
    write_judgement(tmp_path / "report", judged)
    assert "3.png" in (tmp_path / "report" / "problems.csv").read_text()


def test_baselines_learn_from_the_training_images_that_the_split_names(films: Path, package: Package) -> None:
    names = sorted((path.name for path in films.parent.glob("*.png")), key=lambda name: int(Path(name).stem))
    split_of = {name: "train" if place % 2 < 1 or place % 4 == 1 else "test" for place, name in enumerate(names)}
    judged = judge(package, FakePredictor(package), films, _recipe(package), is_external=False, split_of=split_of)
    learned = sum(split == "train" for split in split_of.values())
    assert sum(count.images for count in judged.report.counts if str(count.split) == "train") == learned
    assert sum(count.images for count in judged.report.counts if str(count.split) == "test") == 48 - learned


def test_data_without_a_label_of_the_model_is_refused(films: Path, package: Package) -> None:
    with pytest.raises(DataError, match="No labelled image"):
        judge(package, FakePredictor(package), films, DataRecipe(), is_external=True)


def test_a_training_is_audited_on_its_test_images_and_outlives_a_broken_audit(
    films: Path, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(_recipe(package), labels=tuple(label.id for label in package.manifest.labels))
    examples = [replace(each, split="test") for each in read_collection(films, recipe, needs_every_label=False).examples]
    measured = judge(package, FakePredictor(package), films, _recipe(package), is_external=False).report
    audited = audit_run(measured, examples, package, FakePredictor(package))
    assert audited.audits is not None
    assert {str(each.contrast) for each in audited.audits.shortcuts.changes} <= {str(each.contrast) for each in measured.contrasts}
    said: list[str] = []

    def broken(**_: object) -> None:
        raise PackageError("the lung network is damaged.")

    monkeypatch.setattr(judge_module, "open_lungs", broken)
    assert audit_run(measured, examples, package, FakePredictor(package), report=said.append) is measured
    assert any("the lung network is damaged" in line for line in said)
