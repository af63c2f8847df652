"""`cxrview models`: a package's way in, its facts, its health, and its way out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrview.io.places import places

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_a_model_is_added_listed_verified_and_removed(run: Run, fake_model: Path) -> None:
    assert run("models", "add", fake_model).code == 0
    listed = run("models", "list")
    assert listed.code == 0
    assert "fake" in listed.out
    assert "added" in listed.out
    verified = run("models", "verify", "fake")
    assert verified.code == 0
    assert "self-test passed" in verified.out
    assert run("models", "remove", "fake").code == 0
    assert run("models", "verify", "fake").code == 3


def test_a_model_is_handed_on_as_one_file(run: Run, fake_model: Path, tmp_path: Path) -> None:
    packed = run("models", "pack", fake_model, "-o", tmp_path / "fake.cxrmodel")
    assert packed.code == 0
    assert run("models", "add", tmp_path / "fake.cxrmodel").code == 0
    assert "self-test passed" in run("models", "verify", "fake").out


def test_a_hostile_model_file_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hostile.cxrmodel").write_bytes(b"PK\x03\x04" + bytes(100))
    outcome = run("models", "add", tmp_path / "hostile.cxrmodel")
    assert outcome.code == 3
    assert len(outcome.err.splitlines()) == 1
    assert "hostile.cxrmodel" in outcome.err


def test_show_tells_labels_licence_and_card(run: Run, fake_model: Path) -> None:
    outcome = run("models", "show", fake_model)
    assert outcome.code == 0
    for word in ("label covid19", "licence", "intended use", "sha256"):
        assert word in outcome.out
    assert (fake_model / "CARD.md").read_text().strip() in outcome.out


def test_a_broken_model_is_listed_as_broken(run: Run, fake_model: Path) -> None:
    run("models", "add", fake_model)
    (places().models_dir / "fake" / "CARD.md").unlink()
    outcome = run("models", "list")
    assert outcome.code == 1
    assert "CARD.md" in outcome.err


def test_a_changed_model_is_refused(run: Run, fake_model: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(fake_model, tmp_path / "changed")
    (changed / "CARD.md").write_text("I am much better than I was")
    for action in ("add", "verify"):
        outcome = run("models", action, changed)
        assert outcome.code == 3
        assert "SHA-256" in outcome.err
    assert not places().models_dir.exists()


def test_the_doctor_tests_the_models(run: Run, fake_model: Path) -> None:
    run("models", "add", fake_model)
    well = run("doctor")
    assert well.code == 0
    assert "fake 1.0.0: self-test passed" in well.out
    (places().models_dir / "fake" / "CARD.md").write_text("changed")
    ill = run("doctor")
    assert ill.code == 1
    assert "broken" in ill.out


def test_a_model_of_several_networks_names_them(run: Run, tmp_path: Path) -> None:
    from cxrview.core.manifest import Combination
    from cxrview.engine.composite import write_composite
    from cxrview.engine.fake import fake_package

    members = {name: fake_package(tmp_path / name, model_id=name, seed=seed) for seed, name in enumerate(("first", "second"))}
    about = {"card": "# Two", "model_id": "two", "title": "Two", "version": "1", "intended_use": "Tests."}
    write_composite(tmp_path / "two", members, combine=Combination.MEAN_LOGIT, **about)
    assert "mean-logit of first, second" in run("models", "show", tmp_path / "two").out
    assert "self-test passed" in run("models", "verify", tmp_path / "two").out
