from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from cxrview.core.errors import DataError
from cxrview.core.manifest import Task
from cxrview.training.dataset import Choices, build_data_set, data_recipe, notes_of, write_table
from cxrview.training.examples import read_collection
from cxrview.training.looks import looks_at, note_look
from cxrview.training.patients import PatientKey, PatientRule
from cxrview.training.scan import Problem, Progress, Scan, problems_of, scan
from cxrview.training.sources import Source, SourceKind, list_sources, suggest_source
from tests.training.intake import class_folders, draw, folders, scanned

BY_NAME = PatientRule(PatientKey.PATTERN, "{patient}_*")
PLAIN = Choices(val_fraction=0.25, distance=-1)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return scanned(folders(class_folders(tmp_path_factory.mktemp("intake") / "ward", 32)))


def test_every_image_that_takes_part_has_a_split(ward: Scan) -> None:
    data_set = build_data_set(ward, PLAIN, is_multilabel=False)
    assert data_set.task is Task.MULTICLASS
    assert data_set.labels == ("clear", "opacity")
    assert {example.split for example in data_set.examples} == {"train", "val", "test"}
    assert len(data_set.examples) == 32
    assert data_set.is_usable


def test_broken_small_and_copied_images_are_found_and_left_out(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 12)
    (root / "clear" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    draw(root / "clear" / "icon.png", 90, side=64)
    shutil.copy(root / "clear" / "000_a.png", root / "clear" / "copy.png")
    shutil.copy(root / "clear" / "002_a.png", root / "opacity" / "swapped.png")
    found = scanned(folders(root))
    problems = problems_of(found)
    names = {problem: {found.seen[row].entry.path.name for row in rows} for problem, rows in problems.items()}
    assert names[Problem.UNREADABLE] == {"broken.png"}
    assert names[Problem.SMALL] == {"icon.png"}
    assert names[Problem.COPY] == {"copy.png", "swapped.png"}
    assert names[Problem.CONTRADICTION] == {"002_a.png", "swapped.png"}
    data_set = build_data_set(found, PLAIN, is_multilabel=False)
    assert len(data_set.examples) == 11
    assert data_set.left_out == {
        "unreadable": 1,
        "too small": 1,
        "exact copy of another image": 1,
        "the same picture with another label": 2,
    }


def test_the_same_patient_in_two_ready_made_folders_is_a_leak(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("val", 40), ("test", 60)):
        class_folders(tmp_path / split, 16, first_seed=first)
        for path in sorted((tmp_path / split).rglob("*.png")):
            path.rename(path.with_name(f"{split}{path.name}"))
    for split in ("train", "test"):
        draw(tmp_path / split / "clear" / "P7_1.png", {"train": 80, "test": 81}[split])
    found = scanned(folders(tmp_path))
    choices = replace(PLAIN, patients=BY_NAME)
    leaking = build_data_set(found, choices, is_multilabel=False)
    assert not leaking.is_usable
    assert [{path.name for path in leak.paths} for leak in leaking.leaks] == [{"P7_1.png"}]
    assert leaking.leaks[0].splits == ("test", "train")
    assert build_data_set(found, replace(choices, uses_ready_split=False), is_multilabel=False).is_usable
    overridden = build_data_set(found, replace(choices, override="The publisher's own split, for comparison."), is_multilabel=False)
    assert overridden.is_usable
    assert "for comparison" in notes_of(overridden)[0]
    table = write_table(overridden, tmp_path)
    again = read_collection(table, data_recipe(overridden))
    assert {example.split for example in again.examples if example.path.name == "P7_1.png"} == {"train", "test"}


def test_near_copies_under_other_names_are_a_leak_and_stay_together(tmp_path: Path) -> None:
    from tests.training.textures import texture

    for number in range(24):
        split = ("train", "val", "test")[number // 8]
        texture(tmp_path / split / ("clear", "ill")[number % 2] / f"n{number}.png", number)
    original = cv2.imread(str(tmp_path / "train" / "clear" / "n0.png"), cv2.IMREAD_GRAYSCALE)
    smaller = cv2.resize(original, (150, 150), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "test" / "clear" / "other-name.jpg"), smaller, [cv2.IMWRITE_JPEG_QUALITY, 80])
    found = scanned(folders(tmp_path), distance=24)
    assert [{found.seen[row].entry.path.name for row in pair} for pair in found.same] == [{"n0.png", "other-name.jpg"}]
    leaking = build_data_set(found, Choices(), is_multilabel=False)
    assert not leaking.is_usable
    assert {path.name for path in leaking.leaks[0].paths} == {"n0.png", "other-name.jpg"}
    own = build_data_set(found, Choices(uses_ready_split=False, val_fraction=0.25), is_multilabel=False)
    split_of = {example.path.name: example.split for example in own.examples}
    assert split_of["n0.png"] == split_of["other-name.jpg"]


def test_a_patients_images_stay_together(tmp_path: Path) -> None:
    for number in range(48):
        draw(tmp_path / ("clear", "ill")[number // 3 % 2] / f"p{number // 3}_{number}.png", number)
    data_set = build_data_set(scanned(folders(tmp_path)), replace(PLAIN, patients=BY_NAME), is_multilabel=False)
    splits: dict[str, set[str]] = {}
    for example in data_set.examples:
        splits.setdefault(example.path.name.partition("_")[0], set()).add(example.split)
    assert all(len(found) == 1 for found in splits.values())
    assert data_set.knows_patients


def test_folds_share_one_test_split_and_cover_the_rest(ward: Scan) -> None:
    sets = [build_data_set(ward, replace(PLAIN, fold=fold, folds=3), is_multilabel=False) for fold in range(3)]
    assert len({frozenset(example.path for example in each.examples if example.split == "test") for each in sets}) == 1
    held = [{example.path for example in each.examples if example.split == "val"} for each in sets]
    assert sum(map(len, held)) == len(set.union(*held)) == sum(example.split != "test" for example in sets[0].examples)


def test_the_table_and_the_recipe_say_the_same_as_the_data_set(ward: Scan, tmp_path: Path) -> None:
    data_set = build_data_set(ward, PLAIN, is_multilabel=False)
    collection = read_collection(write_table(data_set, tmp_path), data_recipe(data_set))
    assert collection.labels == data_set.labels
    assert {example.path: (example.split, example.positive) for example in collection.examples} == {
        example.path: (example.split, example.positive) for example in data_set.examples
    }


def test_several_labels_and_unknown_ones_survive_the_table(tmp_path: Path) -> None:
    rows = ["file,Pleural Effusion,edema"]
    for number in range(20):
        draw(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,{number % 2},{'-1' if number % 5 == 4 else number // 2 % 2}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    source = suggest_source(tmp_path / "t.csv")
    data_set = build_data_set(scanned(source), PLAIN, is_multilabel=list_sources([source]).is_multilabel)
    assert data_set.task is Task.MULTILABEL
    assert data_set.names == {"pleural-effusion": "Pleural Effusion", "edema": "edema"}
    run = tmp_path / "run"
    collection = read_collection(write_table(data_set, run), data_recipe(data_set))
    told = {example.path.name: (example.positive, example.known) for example in collection.examples}
    assert told["3.png"] == ({"pleural-effusion", "edema"}, {"pleural-effusion", "edema"})
    assert told["4.png"] == (frozenset(), {"pleural-effusion"})


def test_labels_with_odd_characters_get_ids_of_their_own(tmp_path: Path) -> None:
    names = ("COVID-19 (PCR+)", "Tbc / Ödem", "正常", "正常 2")
    for number in range(32):
        draw(tmp_path / names[number % 4].replace("/", "\u2215") / f"{number}.png", number)
    data_set = build_data_set(scanned(folders(tmp_path)), PLAIN, is_multilabel=False)
    assert len(set(data_set.labels)) == 4
    assert "covid-19-pcr" in data_set.labels
    assert set(data_set.names.values()) == {name.replace("/", "\u2215") for name in names}


def test_too_little_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / "one" / "only" / f"{number}.png", number)
    with pytest.raises(DataError, match="one class only, 'only'"):
        build_data_set(scanned(folders(tmp_path / "one")), PLAIN, is_multilabel=False)
    for number in range(3):
        draw(tmp_path / "three" / ("a", "b")[number % 2] / f"{number}.png", number)
    with pytest.raises(DataError, match="'a' has 2 images"):
        build_data_set(scanned(folders(tmp_path / "three")), PLAIN, is_multilabel=False)
    broken = tmp_path / "broken" / "a" / "x.png"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="Not one image could be read"):
        scanned(folders(tmp_path / "broken"))


def test_a_file_that_vanishes_during_the_scan_is_unreadable(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 6)
    entries = list_sources([folders(root)]).entries
    (root / "clear" / "002_a.png").unlink()
    found = scan(entries, distance=-1)
    assert [found.seen[row].entry.path.name for row in problems_of(found)[Problem.UNREADABLE]] == ["002_a.png"]


def test_a_scan_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 20)
    told: list[Progress] = []
    scan(list_sources([folders(root)]).entries, distance=-1, report=told.append)
    assert told[-1] == Progress(20, 20)

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(list_sources([folders(root)]).entries, distance=-1, report=stop)


def test_the_headers_of_dicom_files_tell_patient_and_view(tmp_path: Path) -> None:
    from cxrview.core.phantom import View, phantom
    from cxrview.io.phantom_files import write_dicom

    write_dicom(tmp_path / "a" / "1.dcm", phantom(1, size=(160, 160)))
    write_dicom(tmp_path / "a" / "2.dcm", phantom(2, size=(160, 160), view=View.LATERAL))
    found = scan(list_sources([Source("d", SourceKind.FOLDERS, tmp_path)]).entries, distance=-1)
    assert found.seen[0].patient_id == "phantom-1"
    assert problems_of(found)[Problem.LATERAL] == (1,)


def test_what_a_picture_looks_like_counts_as_what_its_file_says(tmp_path: Path) -> None:
    from cxrview.core.flags import Flag
    from cxrview.core.image import Pixels

    draw(tmp_path / "a" / "1.png", 1)
    draw(tmp_path / "a" / "2.png", 2, side=200)

    def gate(pixels: Pixels) -> tuple[Flag, ...]:
        return (Flag.LOOKS_NOT_CHEST,) if pixels.width == 200 else (Flag.LOOKS_INVERTED,)

    problems = problems_of(scan(list_sources([folders(tmp_path)]).entries, distance=-1, gate=gate))
    assert (problems[Problem.NOT_CHEST], problems[Problem.INVERTED]) == ((1,), (0,))


def test_looks_at_a_test_split_are_counted() -> None:
    assert looks_at("f" * 64) == 0
    assert [note_look("f" * 64), note_look("f" * 64), note_look("0" * 64)] == [1, 2, 1]
    assert looks_at("f" * 64) == 2
