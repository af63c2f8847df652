"""Page 4: how to train, how long it will take, and the start."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QLineEdit, QRadioButton, QTableWidgetItem

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.page import BusyLine, WizardPage
from cxrview.app.views.wizard.tables import in_a_row, make_button, make_table
from cxrview.app.wizard import Wizard
from cxrview.io.places import how_to_get
from cxrview.training.compose import RANGE_STEPS, ROUTE_WORDS, FieldRow, Plan, Route
from cxrview.training.estimate import Estimate, in_words

LEAD = "Choose by the time you have. Everything that the choice stands for can be seen and changed below."
NO_TORCH = f"Training needs torch, which is not installed here: {how_to_get('train')}."
VALUE, WORDS = 1, 2
RATES = (
    ("that of the recipe", "recipe"),
    ("that of the recipe, with a range test to look at", "drawn"),
    ("the one that a range test finds", "found"),
)
RATE_CHANGES = {
    "recipe": ("range_test.steps=0",),
    "drawn": (f"range_test.steps={RANGE_STEPS}", "range_test.decides=false"),
    "found": (f"range_test.steps={RANGE_STEPS}", "range_test.decides=true"),
}


class ModelPage(WizardPage):
    """Routes, fields, estimate, start."""

    plan_chosen = Signal(object)
    """Another way to train was chosen. Parameters: plan (Plan)."""
    title_chosen = Signal(str)
    """The model got a name. Parameters: title."""
    estimate_requested = Signal()
    """Twenty steps are to be tried."""
    start_requested = Signal()
    """The training is to start."""

    def __init__(self) -> None:
        super().__init__("modelPage", "Model", LEAD)
        self._plan = Plan()
        self._title = QLineEdit()
        self._title.setObjectName("modelTitle")
        self._title.setAccessibleName("Name of the model")
        self._routes = {route: QRadioButton(str(route)) for route in Route}
        self._group = QButtonGroup(self)
        self._recipes = ChoiceBox("recipeChoice", "Recipe")
        self._packages = ChoiceBox("packageChoice", "Installed model to start from")
        for box in (self._recipes, self._packages):
            box.setMinimumWidth(560)
        self._rate = ChoiceBox("rateChoice", "Learning rate")
        self._rate.setMinimumWidth(360)
        self._advanced = QCheckBox("Advanced: every field of the recipe")
        self._advanced.setObjectName("advanced")
        self._advanced.setAccessibleName("Show every field of the recipe")
        self._fields = make_table("recipeFields", "Fields of the recipe")
        self._fields.setMinimumHeight(320)
        self._words = make_label("planWords", "muted")
        self._problem = make_label("planProblem", "error")
        self._estimate = make_button("estimate", "&Estimate: take 20 steps here")
        self._estimate_busy = BusyLine("estimateBusy")
        self._estimate_words = make_label("estimateWords", "")
        self._start = make_button("startTraining", "&Start the training", role="main")
        self._shown: tuple[FieldRow, ...] = ()
        self._is_filling = False
        self._first_package = ""
        self._build()

    def offer(self, recipes: tuple[tuple[str, str], ...], packages: tuple[tuple[str, str], ...]) -> None:
        """Offer recipes and models, as (title, name) pairs."""
        self._recipes.render_choices(recipes, self._plan.recipe)
        self._packages.render_choices(packages, self._plan.package)
        self._routes[Route.PACKAGE].setEnabled(bool(packages))
        self._first_package = packages[0][1] if packages else ""

    def render_state(self, state: Wizard) -> None:
        """Show the plan."""
        plan = self._plan = state.plan
        self._routes[plan.route].setChecked(True)
        self._recipes.setVisible(plan.route is Route.RECIPE)
        self._packages.setVisible(plan.route is Route.PACKAGE)
        self._words.setText(state.plan_words)
        self._words.setVisible(bool(state.plan_words))
        self._rate.render_choices(RATES, rate_of(state.fields))
        self._rate.setEnabled(any(row.name == "range_test.steps" for row in state.fields))
        if not self._title.hasFocus():
            self._title.setText(state.title)
        if state.fields != self._shown:
            self._shown = state.fields
            self._render_fields(state.fields)
        self._fields.setVisible(self._advanced.isChecked())
        problem = state.plan_problem or state.estimate_problem or ("" if state.can_train else NO_TORCH)
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        is_ready = state.data_set is not None and state.data_set.is_usable and not state.plan_problem and state.can_train
        self._estimate.setEnabled(is_ready and state.estimating is None)
        self._start.setEnabled(is_ready)
        self._start.setText("&Start the training" if state.busy_run is None else "&Put the training into the queue")
        self._estimate_busy.render_busy(state.estimating)
        self._estimate_words.setText(estimate_words(state.estimate) if state.estimate else "")
        self._estimate_words.setVisible(state.estimate is not None)

    def _render_fields(self, rows: tuple[FieldRow, ...]) -> None:
        table = self._fields
        self._is_filling = True  # Qt tells of items that we set as if a person had written them
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels(["Field", "Value", "What it means"])
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate((row.name, row.value, row.words)):
                item = QTableWidgetItem(text)
                item.setToolTip(row.words)
                if column != VALUE:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                table.setItem(number, column, item)
        table.resizeColumnToContents(0)
        table.setColumnWidth(VALUE, 150)
        self._is_filling = False

    def _build(self) -> None:
        self._title.editingFinished.connect(lambda: self.title_chosen.emit(self._title.text()))
        self.add_section("titleHeading", "Name", self._title)
        self.add_section("routeHeading", "How")
        for route, button in self._routes.items():
            button.setObjectName(f"route-{route.name}")
            button.setAccessibleName(f"{route}: {ROUTE_WORDS[route]}")
            self._group.addButton(button)
            button.clicked.connect(lambda _on, route=route: self._choose_route(route))
            self.add(button, make_label(f"words-{route.name}", "muted", ROUTE_WORDS[route]))
        self._recipes.choice_made.connect(lambda name: self.plan_chosen.emit(Plan(Route.RECIPE, recipe=name)))
        self._packages.choice_made.connect(lambda name: self.plan_chosen.emit(Plan(Route.PACKAGE, package=name)))
        self._rate.choice_made.connect(lambda rate: self._choose_rate(str(rate)))
        self._fields.setEditTriggers(self._fields.EditTrigger.AllEditTriggers)
        self._fields.itemChanged.connect(self._on_field)
        self._advanced.clicked.connect(lambda is_on: self._fields.setVisible(is_on))
        self._estimate.clicked.connect(self.estimate_requested)
        self._start.clicked.connect(self._on_start)
        self.add(in_a_row(self._recipes), in_a_row(self._packages), self._words)
        self.add_section("rateHeading", "Learning rate", in_a_row(self._rate))
        self.add(self._advanced, self._fields, self._problem)
        self.add_section("estimateHeading", "How long", in_a_row(self._estimate, self._start), self._estimate_busy, self._estimate_words)
        self.end()

    def _choose_route(self, route: Route) -> None:
        package = self._plan.package or self._first_package
        self.plan_chosen.emit(Plan(route, self._plan.recipe, package if route is Route.PACKAGE else ""))

    def _choose_rate(self, rate: str) -> None:
        others = tuple(change for change in self._plan.changes if not change.startswith("range_test."))
        self.plan_chosen.emit(replace(self._plan, changes=(*others, *RATE_CHANGES[rate])))

    def _on_field(self, item: QTableWidgetItem) -> None:
        if self._is_filling:
            return
        row = self._shown[item.row()]
        if item.column() == VALUE and item.text().strip() != row.value:
            others = tuple(change for change in self._plan.changes if not change.startswith(f"{row.name}="))
            self.plan_chosen.emit(replace(self._plan, changes=(*others, f"{row.name}={item.text().strip()}")))

    def _on_start(self) -> None:
        self.title_chosen.emit(self._title.text())
        self.start_requested.emit()


def rate_of(rows: tuple[FieldRow, ...]) -> str:
    """Tell which of the ways to a learning rate the fields of a recipe mean."""
    values = {row.name: row.value for row in rows}
    if values.get("range_test.steps", "0") == "0":
        return "recipe"
    return "found" if values.get("range_test.decides") == "true" else "drawn"


def estimate_words(found: Estimate) -> str:
    """Say what a training will take."""
    memory = f"{found.memory_bytes / 2**30:.1f} GB of memory, " if found.memory_bytes else ""
    return (
        f"At most {in_words(found.total_s)} on this machine ({found.device}): {in_words(found.read_s)} to read {found.images} images, "
        f"{in_words(found.train_s)} to train ({found.step_s:.2g} s a step of {found.batch}), {in_words(found.judge_s)} to judge. "
        f"It needs {memory}{found.disk_bytes / 2**30:.1f} GB of disk. It ends earlier when nothing gets better."
    )
