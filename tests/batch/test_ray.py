"""On a cluster: the same rows as on one machine, and what was done is not done again."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.batch.parts import Part, part_size, parts_folder, pictures_of_parts, read_part, rows_of_parts, score_part, write_parts
from cxrview.batch.plan import Pictures, Plan
from cxrview.batch.row import name_of
from cxrview.batch.run import Batch, Request
from cxrview.batch.supervisor import Supervisor, Task
from cxrview.core.image import ImageRef
from cxrview.engine.packages import load_package
from cxrview.io.phantom_files import write_phantoms
from cxrview.io.read import find_images

NUMBERS = ("p_", "logit_")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def assert_same(one: list[dict[str, str]], two: list[dict[str, str]]) -> None:
    """Rows agree: words exactly, numbers to 1e-5."""
    assert [row["path"] for row in one] == [row["path"] for row in two]
    for first, second in zip(one, two, strict=True):
        for column, text in first.items():
            if column.startswith(NUMBERS) and text:
                assert float(second[column]) == pytest.approx(float(text), abs=1e-5), (first["path"], column)
            else:
                assert second[column] == text, (first["path"], column)


def on_one_machine(folder: Path, model: Path, table: Path, engine: str) -> list[dict[str, str]]:
    request = Request((folder,), Plan(model=str(model), engine=engine, inputs=(str(folder),), has_lungs=False), table)
    with Batch(request, load_package(model)) as batch:
        batch.list_files()
        for _ in batch.steps():
            pass
        batch.finish()
    return read(table)


def on_two_nodes(folder: Path, model: Path, table: Path, engine: str) -> dict[str, object]:
    words = [sys.executable, str(Path(__file__).with_name("two_nodes.py")), str(folder), str(model), str(table), engine]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)
    told = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert told, done.stdout[-2000:] + done.stderr[-4000:]
    result: dict[str, object] = json.loads(told[0].removeprefix("TOLD "))
    return result


def test_parts_hold_every_file_once_and_their_rows_in_order(phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    package = load_package(fake_model)
    labels = tuple(label.id for label in package.manifest.labels)
    tasks = [Task(number, ref) for number, ref in enumerate(find_images([phantom_folder]).refs, start=1)]
    folder = parts_folder(tmp_path / "s.csv")
    assert write_parts(folder, tasks, size=2) == 3
    assert [task for number in range(3) for task in read_part(Part(number, folder))] == tasks
    plan = Plan(model=str(fake_model), engine="fake", workers=1, has_lungs=False)
    with Supervisor(plan, name_of(package.manifest, package.sha256), labels) as supervisor:
        for number in range(3):
            assert score_part(Part(number, folder), supervisor, labels) == (2 if number < 2 else 1)
            assert Part(number, folder).is_done
    rows = list(rows_of_parts(folder, 3))
    assert [(row.number, row.place, row.cells[0]) for row in rows] == [(task.number, 0, str(task.ref.path)) for task in tasks]


def test_small_batches_have_parts_for_several_machines_and_large_ones_no_needless_ones() -> None:
    assert [part_size(files) for files in (1, 200, 3_200, 1_000_000)] == [16, 16, 50, 500]


def test_parts_keep_frames_together_and_their_small_pictures(phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    package = load_package(fake_model)
    labels = tuple(label.id for label in package.manifest.labels)
    first, second = find_images([phantom_folder]).refs[:2]
    pages = [np.full((40, 40), 10 * number, np.uint8) + np.arange(40, dtype=np.uint8) for number in (1, 2)]
    assert cv2.imwritemulti(str(tmp_path / "two.tif"), pages)
    refs = [first, ImageRef(tmp_path / "two.tif"), second]
    folder = parts_folder(tmp_path / "s.csv")
    assert write_parts(folder, [Task(number, ref) for number, ref in enumerate(refs, start=1)], size=3) == 1
    plan = Plan(model=str(fake_model), engine="fake", workers=1, has_lungs=False, pictures=Pictures.STRONGEST)
    with Supervisor(plan, name_of(package.manifest, package.sha256), labels) as supervisor:
        assert score_part(Part(0, folder), supervisor, labels) == 4
    assert [(row.number, row.place) for row in rows_of_parts(folder, 1)] == [(1, 0), (2, 0), (2, 1), (3, 0)]
    pictures = list(pictures_of_parts(folder, 1))
    assert [row.cells[0] for row in pictures] == [*[str(refs[1].path)] * 2, str(refs[2].path)]  # the first is broken
    assert all(row.thumbnail.startswith(b"\xff\xd8") for row in pictures)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None or sys.platform == "win32", reason="Ray is not installed")
def test_two_nodes_give_the_rows_of_one_machine(fake_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    write_phantoms(folder, 20, 0, kind="mixed", size=(128, 128))
    (folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    told = on_two_nodes(folder, fake_model, tmp_path / "cluster.csv", "onnx")
    assert (told["nodes"], told["parts"]) == (2, 3)
    assert told["left"] == len(told["done"])  # type: ignore[arg-type]
    assert int(str(told["left"])) < 3
    assert_same(on_one_machine(folder, fake_model, tmp_path / "one.csv", "onnx"), read(tmp_path / "cluster.csv"))
    assert not parts_folder(tmp_path / "cluster.csv").exists()
    page = (tmp_path / "cluster.html").read_text(encoding="utf-8")
    assert "onnx on cpu" in page
    assert "data:image/jpeg;base64," in page
    assert "Not scored, by reason" in page


@pytest.mark.corpus
@pytest.mark.campaign
@pytest.mark.skipif(importlib.util.find_spec("ray") is None or sys.platform == "win32", reason="Ray is not installed")
def test_real_radiographs_on_two_nodes_give_the_rows_of_one_machine(shared: Path, tmp_path: Path) -> None:
    model = Path(__file__).parents[2] / "models" / "cxr-reader"
    folder = tmp_path / "films"
    folder.mkdir()
    for path in sorted((shared / "corpus").glob("*.jpg"))[::60]:
        (folder / path.name).symlink_to(path)
    on_two_nodes(folder, model, tmp_path / "cluster.csv", "onnx")
    assert_same(on_one_machine(folder, model, tmp_path / "one.csv", "onnx"), read(tmp_path / "cluster.csv"))
