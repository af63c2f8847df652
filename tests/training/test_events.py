from __future__ import annotations

from pathlib import Path

from cxrview.training.events import EventLog, read_events


def test_events_come_back_in_order_and_a_half_written_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write("epoch", epoch=1, val_loss=0.25, auroc={"x": 0.5, "y": float("nan")})
    EventLog(path).write("epoch", epoch=2, val_loss=float("nan"))
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"event": "epo')
    first, second = read_events(path)
    assert (first["event"], first["epoch"], first["val_loss"], first["auroc"]) == ("epoch", 1, 0.25, {"x": 0.5})
    assert (second["epoch"], second["val_loss"]) == (2, None)
    assert isinstance(first["time"], float)


def test_a_run_without_events_has_none(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "nothing.jsonl")) == []
