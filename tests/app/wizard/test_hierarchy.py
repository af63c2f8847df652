"""A recipe of several networks, from the wizard to a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QTableWidget

from cxrview.app.wizard import Page
from cxrview.core.manifest import Task
from cxrview.engine.packages import find_package
from cxrview.training.compose import Plan, Route
from cxrview.training.dataset import Choices
from cxrview.training.status import RunState
from tests.app.wizard.seat import CHILD_MS, SMALL, Seat
from tests.training.intake import draw


def test_a_hierarchical_recipe_trains_is_followed_judged_and_published(seat: Seat, tmp_path: Path) -> None:
    state = lambda: seat.store.state  # noqa: E731
    for number in range(60):
        name = ("normal", "left", "right")[number % 3]
        draw(tmp_path / "ward" / name / f"{number}.png", number, opacities=number % 3)
    seat.window.data.choices_made.emit(Choices(distance=-1, val_fraction=0.25))
    seat.window.data.place_added.emit(tmp_path / "ward")
    seat.wait(lambda: state().sources)
    seat.click("scan")
    seat.wait(lambda: state().data_set is not None)
    changes = (
        *SMALL.changes,
        "input.channels=gray",
        "input.mean=[0.5]",
        "input.std=[0.25]",
        "input.enhancement=[]",
        "package.is_audited=false",
    )
    seat.window.model.plan_chosen.emit(Plan(Route.RECIPE, "covid-cxnet-hierarchical", changes=changes))
    assert state().plan_problem == ""
    seat.window.model.title_chosen.emit("Two steps")
    seat.window.model.start_requested.emit()
    seat.wait(lambda: state().page is Page.TRAIN)
    seat.wait(lambda: state().runs[0].state in (RunState.DONE, RunState.FAILED, RunState.CUT_OFF), CHILD_MS)
    run = state().runs[0]
    assert run.state is RunState.DONE, run.message + run.log
    assert [figures.phase for figures in run.epochs] == ["normal-or-not", "normal-or-not", "which-finding", "which-finding"]
    seat.wait(lambda: state().learning is not None)
    learning = state().learning
    assert learning is not None
    assert learning.glimpse is not None
    seat.click("wizardNext")
    seat.wait(lambda: state().verdict is not None)
    verdict = state().verdict
    assert verdict is not None
    assert verdict.calls == ("normal", "left", "right")
    table = seat.window.findChild(QTableWidget, "publishedTable")
    assert table is not None
    assert "87.21 %" in table.item(0, 1).text()
    assert table.item(table.rowCount() - 1, 1).text().startswith("accuracy ")
    seat.click("wizardNext")
    imprint = state().imprint
    assert imprint is not None
    seat.window.publish.publish_requested.emit(replace(imprint, id="two-steps"))
    seat.wait(lambda: state().published or state().notice)
    assert state().published == "two-steps", state().notice
    assert find_package("two-steps").manifest.task is Task.HIERARCHICAL
