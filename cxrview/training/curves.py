"""The learning curves of a run, drawn from its events."""

from __future__ import annotations

from pathlib import Path

from cxrview.training.chart import Line, line_chart
from cxrview.training.events import Value, read_events


def write_learning_curves(run: Path) -> None:
    """Draw `report/learning-curves.svg`: training and validation loss over all epochs, the phases one after the other.

    An epoch that was repeated after a cut counts once, the later time.
    """
    epochs: dict[tuple[str, int], dict[str, Value]] = {}
    for event in read_events(run / "events.jsonl"):
        if event["event"] == "epoch":
            epochs[str(event.get("phase", "")), int(str(event["epoch"]))] = event
    if not epochs:
        return
    numbers = tuple(float(number) for number in range(1, len(epochs) + 1))
    lines = [
        Line(name, numbers, tuple(_number(event.get(key)) for event in epochs.values()))
        for name, key in (("training loss", "train_loss"), ("validation loss", "val_loss"))
    ]
    phases = list(dict.fromkeys(phase for phase, _ in epochs if phase))
    title = "Learning curves" + (f" ({', then '.join(phases)})" if phases else "")
    folder = run / "report"
    folder.mkdir(exist_ok=True)
    (folder / "learning-curves.svg").write_text(line_chart(lines, title=title, x_title="epoch", y_title="loss"), encoding="utf-8")


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
