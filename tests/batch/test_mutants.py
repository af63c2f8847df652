"""Thousands of damaged files through the command: a row and a reason each; no crash, no hang, no traceback."""

from __future__ import annotations

import csv
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.batch.mutants import mutant, seeds_of, write_mutants

NOT_OURS = ("unforeseen failure", "crashed the decoder", "was given up", "Traceback")


def check(folder: Path, model: Path, table: Path) -> list[dict[str, str]]:
    """Score a folder of damaged files; give the rows after looking at what must hold for all."""
    words = ["score", str(folder), "--model", str(model), "--no-lungs", "--engine", "onnx", "-o", str(table), "--time-limit", "60"]
    done = subprocess.run([sys.executable, "-m", "cxrview", *words], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert not any(text in done.stderr for text in NOT_OURS), done.stderr[-2000:]
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    files = {path.name for path in folder.iterdir()}
    met = {Path(row["path"].partition("!")[0]).name for row in rows}
    left_alone = files - met
    assert all(zipfile.is_zipfile(folder / name) for name in left_alone), sorted(left_alone)[:5]  # archives without pictures
    assert [row["path"] for row in rows if row["status"] == "error" and not row["error"]] == []
    assert [(row["path"], row["error"]) for row in rows if any(text in row["error"] for text in NOT_OURS)] == []
    return rows


def test_the_same_number_makes_the_same_damage(tmp_path: Path) -> None:
    seeds = seeds_of(tmp_path)
    assert [mutant(number, seeds)[0] for number in range(20)] == [mutant(number, seeds)[0] for number in range(20)]
    assert mutant(3, seeds)[1] == mutant(3, seeds)[1]


def test_damaged_files_have_a_row_and_a_reason_each(fake_model: Path, tmp_path: Path) -> None:
    write_mutants(tmp_path / "mutants", 400)
    rows = check(tmp_path / "mutants", fake_model, tmp_path / "s.csv")
    assert len({row["error"] for row in rows}) > 20


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_ten_thousand_damaged_files(fake_model: Path, tmp_path: Path) -> None:
    write_mutants(tmp_path / "mutants", 10_000)
    check(tmp_path / "mutants", fake_model, tmp_path / "s.csv")
