"""Tables: the same rows in every format, complete or set aside."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status, cells, columns
from cxrview.batch.tables import StandardOutput, Table
from cxrview.core.errors import UsageError

LABELS = ("normal", "covid19")
MODEL = ModelName("m", "1.0", "ab" * 32)
ROWS = (
    ScoreRow(
        path='ödem, "left".png',
        frame=1,
        status=Status.OK,
        model=MODEL,
        engine="onnx",
        device="cpu",
        view="PA",
        flags=("child", "no_window"),
        top_label="covid19",
        scores=(LabelScore("normal", 0.1, -2.1972246, is_positive=False), LabelScore("covid19", 0.9, 2.1972246, is_positive=True)),
    ),
    ScoreRow(path="broken.dcm", frame=1, status=Status.ERROR, model=MODEL, error="The file ends early;\nread 3 of 9 bytes."),
)


def write(target: Path) -> None:
    with Table(target, LABELS) as table:
        for row in ROWS:
            table.write(row)


def test_csv_reads_back(tmp_path: Path) -> None:
    write(tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert tuple(found[0]) == columns(LABELS)
    assert found[0]["path"] == ROWS[0].path
    assert float(found[0]["logit_covid19"]) == pytest.approx(2.1972246, abs=1e-8)
    assert (found[0]["positive_normal"], found[0]["positive_covid19"], found[0]["heat_in_lungs_normal"]) == ("0", "1", "")
    assert (found[1]["error"], found[1]["p_normal"]) == (ROWS[1].error, "")


def test_json_lines_hold_every_column(tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl")
    found = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == [cells(row, LABELS) for row in ROWS]


def test_parquet_is_typed(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    write(tmp_path / "s.parquet")
    table = parquet.read_table(tmp_path / "s.parquet")
    assert tuple(table.column_names) == columns(LABELS)
    assert table.to_pylist() == [cells(row, LABELS) for row in ROWS]
    assert [str(table.schema.field(name).type) for name in ("frame", "p_normal", "positive_normal", "error")] == [
        "int32",
        "double",
        "bool",
        "string",
    ]


def test_parquet_of_many_rows_keeps_their_order(tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    with Table(tmp_path / "s.parquet", LABELS) as table:
        for number in range(5000):
            table.write(ScoreRow(path=str(number), frame=1, status=Status.ERROR, model=MODEL, error="x"))
    assert parquet.read_table(tmp_path / "s.parquet", columns=["path"]).column("path").to_pylist() == [str(n) for n in range(5000)]


def test_no_rows_give_a_table_with_its_header(tmp_path: Path) -> None:
    with Table(tmp_path / "s.csv", LABELS):
        pass
    assert (tmp_path / "s.csv").read_text().splitlines() == [",".join(columns(LABELS))]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_interruption_keeps_the_rows_beside_the_old_table(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"s{suffix}"
    target.write_text("old")

    def write_and_stop() -> None:
        with Table(target, LABELS) as table:
            table.write(ROWS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert target.read_text() == "old"
    assert {entry.name for entry in tmp_path.iterdir()} == {f"s.partial{suffix}", f"s{suffix}"}
    assert (tmp_path / f"s.partial{suffix}").stat().st_size > 0


@pytest.mark.parametrize("name", ["scores.xlsx", "scores", "scores.csv.gz"])
def test_an_unknown_kind_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl, \.parquet"):
        Table(tmp_path / "new" / name, LABELS)
    assert not (tmp_path / "new").exists()


def test_standard_output_gets_the_same_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StandardOutput(LABELS) as output:
        for row in ROWS:
            output.write(row)
    write(tmp_path / "s.csv")
    assert capsys.readouterr().out == (tmp_path / "s.csv").read_bytes().decode()
