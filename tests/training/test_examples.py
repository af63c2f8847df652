from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.core.errors import DataError
from cxrview.training.examples import read_collection, regrouped
from cxrview.training.recipe import Columns, DataRecipe

HEADER = "file,label,group_id,patient_id,source,role\n"


def _table(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    for row in rows:
        (folder / row.split(",")[0]).touch()
    path = folder / "table.csv"
    path.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def _rows(label: str, count: int, source: str = "a", role: str = "train", start: int = 0) -> list[str]:
    return [f"{label}{source}{i}.png,{label},g{label}{source}{i},,{source},{role}" for i in range(start, start + count)]


def test_a_folder_for_each_class_gives_its_labels(tmp_path: Path) -> None:
    for label in ("sick", "well"):
        (tmp_path / label).mkdir()
        for i in range(5):
            (tmp_path / label / f"{i}.png").touch()
        (tmp_path / label / "notes.txt").touch()
    collection = read_collection(tmp_path, DataRecipe())
    assert collection.labels == ("sick", "well")
    assert len(collection.examples) == 10
    assert all(example.positive == {example.label} and example.known == {"sick", "well"} for example in collection.examples)


def test_ready_made_folders_give_their_split(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for label in ("sick", "well"):
            (tmp_path / split / label).mkdir(parents=True)
            for i in range(2):
                (tmp_path / split / label / f"{i}.png").touch()
    collection = read_collection(tmp_path, DataRecipe())
    assert sorted({example.split for example in collection.examples}) == ["test", "train", "val"]
    assert len({example.group for example in collection.examples}) == 12


def test_a_table_with_filters_maps_and_unknowns(tmp_path: Path) -> None:
    rows = _rows("normal", 5) + _rows("mild", 5) + _rows("severe", 5) + _rows("odd", 3) + _rows("normal", 2, role="child", start=5)
    recipe = DataRecipe(
        labels=("normal", "ill"),
        label_map={"mild": ("ill",), "severe": ("ill",)},
        unknown={"mild": ("normal",)},
        keep={"role": ("train",)},
    )
    collection = read_collection(_table(tmp_path, rows), recipe)
    assert collection.left_out == {"label odd is not used": 3, "role is child": 2}
    mild = next(example for example in collection.examples if example.label == "mild")
    assert (mild.positive, mild.known) == ({"ill"}, {"ill"})
    severe = next(example for example in collection.examples if example.label == "severe")
    assert severe.known == {"normal", "ill"}


def test_external_and_test_only_rows_never_reach_training(tmp_path: Path) -> None:
    rows = _rows("normal", 5) + _rows("ill", 5) + _rows("ill", 4, source="b", role="external")
    recipe = DataRecipe(external={"role": ("external",)}, test_only={"source": ("a",)})
    collection = read_collection(_table(tmp_path, rows), recipe)
    assert {example.source: example.split for example in collection.examples} == {"a": "test", "b": "external"}


def test_images_of_one_patient_share_a_group(tmp_path: Path) -> None:
    rows = [f"{label}{i}.png,{label},g{label}{i},patient{i % 2},a,train" for label in ("x", "y") for i in range(4)]
    collection = read_collection(_table(tmp_path, rows), DataRecipe())
    by_patient = {example.attributes["patient_id"]: example.group for example in collection.examples}
    assert all(example.group == by_patient[example.attributes["patient_id"]] for example in collection.examples)
    assert len(set(by_patient.values())) == 2


def test_joined_groups_are_transitive(tmp_path: Path) -> None:
    collection = read_collection(_table(tmp_path, _rows("x", 4) + _rows("y", 4)), DataRecipe())
    joined = regrouped(collection.examples, [("gxa0", "gxa1"), ("gxa1", "gya0")])
    groups = {example.path.name: example.group for example in joined}
    assert groups["xa0.png"] == groups["xa1.png"] == groups["ya0.png"]
    assert groups["xa2.png"] != groups["xa0.png"]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    table = _table(tmp_path, ["a.png,x"], header="name,diagnosis\n")
    with pytest.raises(DataError, match="no column 'file'; it has name, diagnosis"):
        read_collection(table, DataRecipe())
    with pytest.raises(DataError, match="Label 'x' has 1 images"):
        read_collection(table, DataRecipe(columns=Columns(file="name", label="diagnosis")))


@pytest.mark.parametrize("name", ["nothing", "empty", "letter.txt"])
def test_data_that_cannot_be_used_says_so(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").touch()
    with pytest.raises(DataError) as caught:
        read_collection(tmp_path / name, DataRecipe())
    assert caught.value.hint
    assert name in str(caught.value)


def test_missing_files_are_counted_not_fatal(tmp_path: Path) -> None:
    table = _table(tmp_path, _rows("x", 5) + _rows("y", 5))
    (tmp_path / "xa0.png").unlink()
    assert read_collection(table, DataRecipe()).left_out == {"the file is missing": 1}


def test_when_a_filter_leaves_nothing_the_filter_is_named(tmp_path: Path) -> None:
    table = _table(tmp_path, _rows("x", 5) + _rows("y", 5))
    recipe = DataRecipe(labels=("x",), keep={"role": ("chosen",)})
    with pytest.raises(DataError, match="10 images were left out because role is train"):
        read_collection(table, recipe)


def test_at_most_so_many_images_of_a_label_come_in_turn_from_its_sources_and_groups_stay_whole(tmp_path: Path) -> None:
    rows = _rows("normal", 30, "a") + _rows("normal", 6, "b") + _rows("sick", 8)
    rows += [f"twin{i}.png,normal,gnormala0,,a,train" for i in range(3)]
    collection = read_collection(_table(tmp_path, rows), DataRecipe(labels=("normal", "sick"), most={"normal": 14}))
    kept = [example for example in collection.examples if example.label == "normal"]
    assert 11 <= len(kept) <= 14
    assert sum(example.source == "b" for example in kept) == 6
    twins = [example for example in kept if example.group == "gnormala0"]
    assert len(twins) in (0, 4)
    assert sum(example.label == "sick" for example in collection.examples) == 8
    assert collection.left_out == {"data.most takes no more of its label": 39 - len(kept)}
    again = read_collection(tmp_path / "table.csv", DataRecipe(labels=("normal", "sick"), most={"normal": 14}))
    assert again == collection


def test_a_mask_column_names_the_lung_mask_beside_the_table(tmp_path: Path) -> None:
    rows = [f"{i}.png,{'sick' if i % 2 else 'well'},masks/{i}.png" for i in range(8)] + ["8.png,sick,"]
    collection = read_collection(_table(tmp_path, rows, "file,label,mask_file\n"), DataRecipe())
    assert collection.examples[0].mask == tmp_path / "masks" / "0.png"
    assert collection.examples[-1].mask is None
