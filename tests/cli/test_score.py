"""`cxrview score`: rows, exit codes, tables and pictures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxrview.batch.row import columns
from cxrview.batch.run import Batch, Step

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import
LABELS = ("normal", "covid19", "pneumonia", "tuberculosis")


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def good_folder(phantom_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "good"
    folder.mkdir()
    for path in phantom_folder.glob("phantom*"):
        shutil.copy(path, folder)
    return folder


def test_a_good_folder_ends_well(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("score", good_folder, "--model", fake_model, "-o", tmp_path / "s.csv", "--engine", "onnx")
    assert outcome.code == 0
    rows = read_table(tmp_path / "s.csv")
    assert tuple(rows[0]) == columns(LABELS)
    assert {(row["status"], row["engine"], row["device"], row["model"]) for row in rows} == {("ok", "onnx", "cpu", "fake")}
    assert "4 images scored, 0 errors" in outcome.err


def test_a_broken_file_is_a_row_and_exit_code_1(run: Run, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("score", phantom_folder, "--model", fake_model, "-o", tmp_path / "s.csv")
    assert outcome.code == 1
    rows = read_table(tmp_path / "s.csv")
    assert [row["status"] for row in rows].count("error") == 1
    assert len(rows) == 5
    assert next(row for row in rows if row["status"] == "error")["path"].endswith("broken.dcm")
    assert "1 other file left alone" in outcome.err


def test_a_path_that_is_not_there_is_a_row_beside_good_ones(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("score", good_folder, tmp_path / "gone.dcm", "--model", fake_model, "-o", tmp_path / "s.csv")
    assert outcome.code == 1
    assert [row["status"] for row in read_table(tmp_path / "s.csv")] == ["ok"] * 4 + ["error"]


def test_standard_output_is_the_table_and_nothing_else(run: Run, good_folder: Path, fake_model: Path) -> None:
    outcome = run("score", good_folder, "--model", fake_model)
    rows = list(csv.DictReader(outcome.out.splitlines()))
    assert len(rows) == 4
    assert tuple(rows[0]) == columns(LABELS)


def test_quiet_says_nothing(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("score", good_folder, "--model", fake_model, "-o", tmp_path / "s.jsonl", "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert [json.loads(line)["status"] for line in (tmp_path / "s.jsonl").read_text().splitlines()] == ["ok"] * 4


def test_heatmaps_are_drawn_and_not_scored_again(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    words = ("score", good_folder, "--model", fake_model, "-o", tmp_path / "s.csv", "--heatmaps", good_folder / "heat")
    assert run(*words).code == 0
    assert len(list((good_folder / "heat").glob("*.png"))) >= 4
    assert run(*words).code == 0
    assert len(read_table(tmp_path / "s.csv")) == 4


def test_the_first_installed_model_is_used_unless_one_is_named(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    from cxrview.engine.packages import installed_packages

    run("models", "add", fake_model)
    assert run("score", good_folder, "-o", tmp_path / "s.csv").code == 0
    assert {row["model"] for row in read_table(tmp_path / "s.csv")} == {installed_packages()[0].manifest.id}


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("score",), 2, "PATH"),
        (("score", "{good}", "-o", "{tmp}/s.xlsx"), 2, ".csv"),
        (("score", "{good}", "--workers", "0"), 2, "--workers"),
        (("score", "{good}", "--engine", "tensorrt"), 2, "--engine"),
        (("score", "{tmp}/nowhere"), 3, "nowhere"),
        (("score", "{tmp}/empty", "--model", "{fake}"), 3, "no image was found"),
        (("score", "{good}", "--model", "no-such"), 3, "no-such"),
        (("score", "{good}", "--model", "{fake}", "--device", "cuda", "--engine", "openvino"), 3, "not available"),
        (("score", "{good}", "--model", "{broken}"), 3, "SHA-256"),
        (("score", "{good}", "--model", "{fake}", "--report", "{tmp}/empty"), 2, "is a folder"),
        (("score", "{good}", "--model", "{fake}", "--heatmaps", "{broken}/CARD.md"), 2, "is no folder"),
    ],
)
def test_exit_codes(
    run: Run, good_folder: Path, fake_model: Path, tmp_path: Path, words: tuple[str, ...], code: int, complaint: str
) -> None:
    (tmp_path / "empty").mkdir()
    broken = shutil.copytree(fake_model, tmp_path / "broken")
    (broken / "CARD.md").write_text("changed")
    outcome = run(*(word.format(good=good_folder, tmp=tmp_path, fake=fake_model, broken=broken) for word in words))
    assert outcome.code == code
    assert complaint in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_an_interruption_says_how_to_go_on(
    run: Run, good_folder: Path, fake_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("score", good_folder, "--model", fake_model, "-o", tmp_path / "s.csv", "--batch-size", "1")
    steps = Batch.steps

    def interrupted(batch: Batch) -> Iterator[Step]:
        yield from steps(batch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "steps", interrupted)
        outcome = run(*words)
    assert outcome.code == 130
    assert "the same command goes on" in outcome.err
    assert len(read_table(tmp_path / "s.partial.csv")) == 4
    assert not (tmp_path / "s.csv").exists()
    outcome = run(*words)
    assert outcome.code == 0
    assert "going on after 4 of 4 files" in outcome.err
    assert len(read_table(tmp_path / "s.csv")) == 4
    assert not (tmp_path / "s.partial.csv").exists()


def test_an_unfinished_run_is_begun_anew_on_request(run: Run, good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.csv.unfinished").write_text("no journal")
    words = ("score", good_folder, "--model", fake_model, "-o", tmp_path / "s.csv")
    refused = run(*words)
    assert (refused.code, len(refused.err.splitlines())) == (3, 1)
    assert "--no-resume" in refused.err
    assert run(*words, "--no-resume").code == 0


def test_paths_may_come_from_standard_input(good_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    names = "\n".join(str(path) for path in sorted(good_folder.iterdir())[:2])
    words = ["score", "--list", "-", "--model", str(fake_model), "-o", str(tmp_path / "s.csv"), "-q"]
    done = subprocess.run([sys.executable, "-m", "cxrview", *words], input=names, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_table(tmp_path / "s.csv")) == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are another thing on Windows")
def test_ctrl_c_ends_the_process_cleanly(fake_model: Path, tmp_path: Path) -> None:
    from cxrview.io.phantom_files import write_phantoms

    (small,) = write_phantoms(tmp_path / "many", 1, 0, kind="png", size=(64, 64))
    (large,) = write_phantoms(tmp_path / "large", 1, 0, kind="png", size=(2000, 2000))
    for number in range(200):
        os.link(small, small.with_name(f"copy-{number}.png"))
    for number in range(20):  # they come last, and take so long that the signal finds work left
        os.link(large, small.with_name(f"slow-{number}.png"))
    words = ["score", str(tmp_path / "many"), "--model", str(fake_model), "--no-lungs", "-o", str(tmp_path / "s.csv")]
    with subprocess.Popen([sys.executable, "-m", "cxrview", *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:  # the first line of progress
            if line.startswith("scored"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert "the same command goes on" in rest
    assert 0 < len(read_table(tmp_path / "s.partial.csv")) < 221
    again = subprocess.run([sys.executable, "-m", "cxrview", *words], capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert "going on after" in again.stderr
    assert len(read_table(tmp_path / "s.csv")) == 221


@pytest.mark.corpus
def test_real_radiographs_have_a_row_each(run: Run, shared: Path, fake_model: Path, tmp_path: Path) -> None:
    found = sorted((shared / "corpus").glob("hannover*"))[:20]
    assert run("score", *found, "--model", fake_model, "-o", tmp_path / "s.csv").code == 0
    assert {row["path"] for row in read_table(tmp_path / "s.csv")} == set(map(str, found))
