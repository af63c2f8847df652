from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.core.errors import DataError
from cxrview.core.phantom import phantom
from cxrview.io.phantom_files import write_dicom
from cxrview.training.sources import ColumnMap, Source, SourceKind, list_source, list_sources, suggest_columns, suggest_source
from cxrview.training.spreadsheet import read_sheet
from tests.training.intake import class_folders, draw, folders


def test_a_folder_for_each_class_is_a_source(tmp_path: Path) -> None:
    class_folders(tmp_path / "ward", 6)
    (tmp_path / "ward" / "clear" / "notes.txt").write_text("read me")
    listed = list_source(suggest_source(tmp_path / "ward"))
    assert {(entry.path.name, *entry.labels) for entry in listed.entries} >= {("000_a.png", "clear"), ("001_a.png", "opacity")}
    assert {entry.source for entry in listed.entries} == {"ward"}
    assert listed.left_out == {"not an image": 1}
    assert not listed.is_multilabel


def test_ready_made_folders_keep_their_split(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        draw(tmp_path / split / "clear" / "a.png", 1)
    listed = list_source(folders(tmp_path))
    assert sorted(entry.split for entry in listed.entries) == ["test", "train", "val"]


def test_the_columns_of_a_table_are_guessed(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "Image Index;Finding Labels;Patient ID;View Position;Patient Age\na.png;Edema|Effusion;7;PA;40\nb.png;No Finding;8;AP;50\n"
    )
    draw(tmp_path / "images" / "a.png", 1)
    draw(tmp_path / "images" / "b.png", 2)
    source = suggest_source(tmp_path / "labels.csv")
    assert source.columns == ColumnMap("Image Index", ("Finding Labels",), "Patient ID", "", "View Position", "", "Patient Age")
    listed = list_source(source)
    assert listed.is_multilabel
    assert [entry.labels for entry in listed.entries] == [{"Edema", "Effusion"}, frozenset()]
    assert listed.entries[0].patient == "7"


def test_columns_of_ones_and_zeros_are_labels_and_other_words_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,edema,effusion,sex\na.png,1,0,F\nb.png,0,-1,M\nc.png,,1,M\n")
    for name in "abc":
        draw(tmp_path / f"{name}.png", ord(name))
    source = suggest_source(tmp_path / "t.csv")
    assert source.columns.labels == ("edema", "effusion")
    listed = list_source(source)
    assert [(entry.labels, entry.unknown) for entry in listed.entries] == [
        ({"edema"}, frozenset()),
        (frozenset(), {"effusion"}),
        ({"effusion"}, frozenset()),
    ]


def test_a_parquet_table_is_read_as_well(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    draw(tmp_path / "a.png", 1)
    parquet.write_table(pa.table({"file": ["a.png"], "label": ["clear"], "age": [40]}), tmp_path / "t.parquet")
    (entry,) = list_source(suggest_source(tmp_path / "t.parquet")).entries
    assert (entry.labels, entry.age) == ({"clear"}, "40")


def test_a_table_can_name_dicom_images_by_uid(tmp_path: Path) -> None:
    from cxrview.core.image import ImageRef
    from cxrview.library.headers import read_header

    write_dicom(tmp_path / "deep" / "one.dcm", phantom(1, size=(128, 128)))
    uid = read_header(ImageRef(tmp_path / "deep" / "one.dcm")).sop_uid
    (tmp_path / "t.csv").write_text(f"SOPInstanceUID,label\n{uid},clear\n1.2.3.4.5,gone\n")
    source = suggest_source(tmp_path / "t.csv")
    assert source.kind is SourceKind.DICOM_TABLE
    listed = list_source(source)
    assert [entry.path.name for entry in listed.entries] == ["one.dcm"]
    assert listed.left_out == {"the image is not there": 1}


def test_rows_can_be_filtered_by_a_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,label,view\na.png,clear,PA\nb.png,clear,LATERAL\n")
    for name in "ab":
        draw(tmp_path / f"{name}.png", ord(name))
    source = Source("t", SourceKind.TABLE, tmp_path / "t.csv", None, ColumnMap("file", ("label",)), {"view": ("PA",)})
    listed = list_source(source)
    assert [entry.path.name for entry in listed.entries] == ["a.png"]
    assert listed.left_out == {"view is LATERAL": 1}


def test_what_is_wrong_with_a_source_is_one_sentence(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 1)
    table = tmp_path / "t.csv"
    table.write_text("file,label\na.png,clear\n")
    wrong = (
        (Source("t", SourceKind.TABLE, table, None, ColumnMap("file", ("diagnosis",))), "no column 'diagnosis'; it has file, label"),
        (Source("t", SourceKind.TABLE, table, None, ColumnMap("file")), "which columns hold the labels"),
        (folders(tmp_path / "gone"), "not there any more"),
        (folders(tmp_path), "no folder for a class"),
    )
    for source, sentence in wrong:
        with pytest.raises(DataError, match=sentence):
            list_source(source)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "clear").mkdir()
    with pytest.raises(DataError, match="No labelled image"):
        list_sources([folders(tmp_path / "empty")])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(DataError, match="cannot be read"):
        suggest_source(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="neither a folder nor a table"):
        suggest_source(tmp_path / "a.png")


def test_tables_of_spreadsheet_programs_are_decoded(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig", "cp1252"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes("Datei;Befund\na.png;Erguß\n".encode(encoding))
        assert read_sheet(path).rows == ({"Datei": "a.png", "Befund": "Erguß"},)
    assert suggest_columns(read_sheet(path)) == ColumnMap()
