"""What stands beside a table for people: the report needs nothing else, the sheets show every image."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.batch.gathered import FLAGGED_SHOWN, Examples, Gathered, Picked, reasons_of, take
from cxrview.batch.journal import NumberedRow
from cxrview.batch.pictures import PLAIN, pictures_by_label
from cxrview.batch.plan import Pictures, Plan
from cxrview.batch.report import write_report
from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status, error_row, name_of
from cxrview.batch.run import Batch, Request
from cxrview.batch.sheet import COLUMNS, ROWS, Tile, write_sheets
from cxrview.batch.supervisor import Supervisor, Task
from cxrview.batch.tiles import strongest, tiles_of
from cxrview.batch.urgency import urgency
from cxrview.core.image import ImageRef
from cxrview.engine.packages import load_package
from cxrview.io.read import find_images

MODEL = ModelName("m", "1", "0" * 64)


@pytest.fixture
def page(phantom_folder: Path, fake_model: Path, tmp_path: Path) -> str:
    plan = Plan(model=str(fake_model), engine="fake", workers=1, pictures=Pictures.STRONGEST, has_lungs=False)
    with Batch(Request((phantom_folder,), plan, tmp_path / "s.csv"), load_package(fake_model)) as batch:
        batch.list_files()
        for _ in batch.steps():
            pass
        assert len(list(tiles_of(batch.outcome()))) == 4
        write_report(tmp_path / "report.html", batch.outcome())
        batch.finish()
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Balance(HTMLParser):
    """Complains where an element ends that did not begin last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_needs_nothing_else(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "<script" not in page
    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_the_report_tells_counts_reasons_and_the_notice(page: str) -> None:
    assert "Not a medical device" in page
    assert "<b>4</b>images scored" in page
    assert "<b>1</b>could not be scored" in page
    assert "Not scored, by reason" in page
    assert "broken.dcm" in page


def test_pictures_of_a_row_are_told_apart_by_label(phantom_folder: Path, fake_model: Path) -> None:
    package = load_package(fake_model)
    model, labels = name_of(package.manifest, package.sha256), tuple(label.id for label in package.manifest.labels)
    plan = Plan(model=str(fake_model), engine="fake", workers=1, pictures=Pictures.EACH_LABEL, has_lungs=False)
    task = Task(1, find_images([phantom_folder]).refs[1])
    with Supervisor(plan, model, labels) as supervisor:
        (result,) = [each for each in supervisor.score([task]) if each is not None]
    drawn = pictures_by_label(result.rows[0].thumbnail)
    assert set(drawn) == {PLAIN, *labels}
    assert len(set(drawn.values())) > 2
    assert all(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR) is not None for picture in drawn.values())
    assert pictures_by_label(b"") == {}


def test_the_report_keeps_back_scores_that_the_window_keeps_back() -> None:
    seen = Gathered({label: [0] * 20 for label in ("normal", "pneumonia")}, best={"normal": [], "pneumonia": []})
    lateral = replace(scored(0.99, is_positive=True), flags=("looks_lateral", "no_window"))
    child = replace(scored(0.8, is_positive=True), flags=("looks_child",))
    for number, each in enumerate([scored(0.9, is_positive=True), lateral, child]):
        take(seen, Picked(NumberedRow(number, 0, ()), each))
    assert (seen.believed, seen.refused.count, seen.flagged.count) == (2, 1, 1)
    assert sorted(probability for probability, _, _ in seen.best["pneumonia"]) == [0.8, 0.9]
    assert (strongest(lateral), getattr(strongest(child), "label", "")) == (None, "pneumonia")
    assert reasons_of(lateral) == ["this looks like a lateral view"]


def test_a_frequent_reason_leaves_room_for_the_rare_ones() -> None:
    examples = Examples()
    for number in range(500):
        picked = Picked(NumberedRow(number // 2, number % 2, ()), scored(0.9, is_positive=True))
        examples.add(picked, ["rare", "frequent"] if number == 480 else ["frequent"])
    shown = [(each.place.number, each.place.place) for each in examples.chosen()]
    assert examples.count == 500
    assert (240, 0) in shown
    assert len({number for number, _ in shown}) == len(shown) == FLAGGED_SHOWN
    assert shown == sorted(shown)


def test_sheets_hold_every_picture(tmp_path: Path) -> None:
    is_done, encoded = cv2.imencode(".jpg", np.full((200, 100, 3), 90, np.uint8))
    assert is_done
    tiles = [Tile(encoded.tobytes(), f"Müller {number}.png", "Pneumonia 0.50", is_positive=True) for number in range(COLUMNS * ROWS + 1)]
    first, second = write_sheets(tmp_path, tiles)
    assert (first.name, second.name) == ("contact-sheet-1.jpg", "contact-sheet-2.jpg")
    whole, rest = cv2.imread(str(first)), cv2.imread(str(second))
    assert whole is not None
    assert rest is not None
    assert whole.shape[1] > COLUMNS * 200
    assert rest.shape[1] < whole.shape[1]


def scored(probability: float, *, is_positive: bool, normal: float = 0.2) -> ScoreRow:
    scores = (
        LabelScore("normal", normal, 0.0, is_positive=normal > 0.5),
        LabelScore("pneumonia", probability, 0.0, is_positive=is_positive),
    )
    return ScoreRow("a", 1, Status.OK, MODEL, scores=scores)


def test_the_most_urgent_image_is_the_surest_finding_then_those_nobody_read() -> None:
    rows = [
        scored(0.9, is_positive=True),
        scored(0.6, is_positive=True, normal=0.99),
        error_row(ImageRef(Path("b")), "broken", MODEL),
        scored(0.4, is_positive=False),
        scored(0.1, is_positive=False, normal=0.99),
    ]
    assert sorted(rows, key=urgency, reverse=True) == rows
