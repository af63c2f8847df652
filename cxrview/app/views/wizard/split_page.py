"""Page 2: who the patients are, what is for training and what for the test, and whether the source gives the class away."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.page import BusyLine, WizardPage
from cxrview.app.views.wizard.tables import CountTable, fill_table, make_table
from cxrview.app.wizard import Wizard
from cxrview.training.dataset import Choices, DataSet, is_overridden
from cxrview.training.patients import PatientKey, PatientRule

LEAD = (
    "Images of one patient, and pictures that are nearly the same, stay on one side. The test split is frozen: it is looked at after "
    "training only, and every look is counted."
)
LISTED_LEAKS = 200


class SplitPage(WizardPage):
    """Patients, fractions, leaks, probes."""

    choices_made = Signal(object)
    """The split is wanted otherwise. Parameters: choices (Choices)."""
    rows_requested = Signal(str, object)
    """The images behind a number are to be shown. Parameters: title, rows of the scan (tuple of int)."""

    def __init__(self) -> None:
        super().__init__("splitPage", "Split", LEAD)
        self._choices = Choices()
        self._rule = ChoiceBox("patientRule", "Where the patient is found")
        self._rule.setMinimumWidth(320)
        self._pattern = QLineEdit()
        self._pattern.setObjectName("patientPattern")
        self._pattern.setAccessibleName("Pattern of file names")
        self._pattern.setPlaceholderText("{patient}_*   for names such as 0017_003.png")
        self._pattern_words = make_label("patternWords", "muted")
        self._pattern_table = make_table("patternTable", "What the pattern finds")
        self._patients = make_label("patientWords", "muted")
        self._uses_ready = QCheckBox("Use the ready-made split")
        self._uses_ready.setObjectName("usesReadySplit")
        self._uses_ready.setAccessibleName("Use the ready-made split")
        self._test = _fraction("testFraction", "Share of the test split")
        self._val = _fraction("valFraction", "Share of the validation split")
        self._seed = QSpinBox()
        self._folds = QSpinBox()
        for box, name, title, low, high in (
            (self._seed, "splitSeed", "Seed: another number deals the patients otherwise", 1, 99_999),
            (self._folds, "splitFolds", "Folds: 0 for one training", 0, 10),
        ):
            box.setObjectName(name)
            box.setAccessibleName(title)
            box.setRange(low, high)
            box.setMaximumWidth(140)
        self._counts = CountTable("splitTable", "Images by class and split; a click on a number shows them")
        self._looks = make_label("testLooks", "muted")
        self._problem = make_label("splitProblem", "error")
        self._leak_part = QWidget()
        self._leak_words = make_label("leakWords", "error")
        self._leaks = make_table("leakTable", "Patients and pictures on both sides")
        self._override = QLineEdit()
        self._override.setObjectName("leakOverride")
        self._override.setAccessibleName("Why the split is used although it leaks")
        self._override.setPlaceholderText("To use it all the same, write down why; it will stand in the model card")
        self._probe_busy = BusyLine("probeBusy")
        self._probe_words = make_label("probeWords", "")
        self._shown: DataSet | None = None
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show the split."""
        choices = self._choices = state.choices
        self._rule.render_choices([(str(key), key) for key in PatientKey], choices.patients.key)
        is_pattern = choices.patients.key is PatientKey.PATTERN
        self._pattern.setVisible(is_pattern)
        if not self._pattern.hasFocus():
            self._pattern.setText(choices.patients.pattern)
        self._render_pattern(state, is_shown=is_pattern)
        for box, value in ((self._test, choices.test_fraction), (self._val, choices.val_fraction)):
            if not box.hasFocus():
                box.setValue(100 * value)
        for number, value in ((self._seed, choices.seed), (self._folds, choices.folds)):
            if not number.hasFocus():
                number.setValue(value)
        data_set = state.data_set
        self._uses_ready.setVisible(data_set is not None and data_set.has_ready_split)
        self._uses_ready.setChecked(choices.uses_ready_split)
        self._problem.setVisible(bool(state.data_problem))
        self._problem.setText(state.data_problem)
        self._counts.render_sheet(state.split_counts)
        self._looks.setText(frozen_words(state.test_looks) if data_set is not None else "")
        self._render_data_set(data_set)
        self._probe_busy.render_busy(state.probing)
        found = state.confounding
        self._probe_words.setText("\n\n".join(found.sentences) if found else "")
        self._probe_words.setProperty("role", "error" if found and found.is_source_class else "")
        self._probe_words.style().polish(self._probe_words)

    def _render_pattern(self, state: Wizard, *, is_shown: bool) -> None:
        preview = state.pattern
        self._pattern_words.setVisible(is_shown)
        self._pattern_table.setVisible(is_shown and preview is not None)
        if not is_shown:
            return
        if preview is None:
            self._pattern_words.setText(state.pattern_problem)
            return
        self._pattern_words.setText(f"It fits {preview.fitting} of {preview.total} names and finds {preview.patients} patients.")
        fill_table(self._pattern_table, ("File", "Patient"), [(name, patient or "not found") for name, patient in preview.samples])

    def _render_data_set(self, data_set: DataSet | None) -> None:
        self._leak_part.setVisible(data_set is not None and bool(data_set.leaks))
        if data_set is self._shown:
            return
        self._shown = data_set
        if data_set is None:
            self._patients.setText("")
            return
        known = len({patient for patient in data_set.patients if patient})
        self._patients.setText(
            f"{known} patients are known." if data_set.knows_patients
            else "The patients are not known: images of one patient may land on both sides. Choose a column or a pattern, if there is one."
        )  # fmt: skip
        if data_set.leaks:
            is_used = is_overridden(data_set.choices)
            what = "It is used all the same, and the card says so." if is_used else "A training is refused with it."
            self._leak_words.setText(f"The ready-made split leaks: {len(data_set.leaks)} patients or pictures stand on both sides. {what}")
            rows = [(" and ".join(leak.splits), ", ".join(path.name for path in leak.paths)) for leak in data_set.leaks[:LISTED_LEAKS]]
            fill_table(self._leaks, ("Splits", "Images"), rows)

    def _build(self) -> None:
        self._rule.choice_made.connect(lambda key: self._tell(patients=PatientRule(key, self._choices.patients.pattern)))
        self._pattern.textEdited.connect(lambda text: self._tell(patients=PatientRule(PatientKey.PATTERN, text)))
        self._uses_ready.clicked.connect(lambda is_on: self._tell(uses_ready_split=is_on))
        self._override.editingFinished.connect(lambda: self._tell(override=self._override.text()))
        self._test.editingFinished.connect(lambda: self._tell(test_fraction=self._test.value() / 100))
        self._val.editingFinished.connect(lambda: self._tell(val_fraction=self._val.value() / 100))
        self._seed.editingFinished.connect(lambda: self._tell(seed=self._seed.value()))
        self._folds.editingFinished.connect(lambda: self._tell(folds=0 if self._folds.value() == 1 else self._folds.value()))
        who = QFormLayout()
        who.addRow("The patient is told by", self._rule)
        self.add_section("patientHeading", "Patients", who, self._pattern, self._pattern_words, self._pattern_table, self._patients)
        how = QFormLayout()
        how.addRow("Test", self._test)
        how.addRow("Validation", self._val)
        how.addRow("Seed", self._seed)
        how.addRow("Folds (a run for each; the test split stays)", self._folds)
        self._counts.rows_requested.connect(self.rows_requested)
        self.add_section("splitHeading", "Split", self._uses_ready, how, self._problem, self._counts, self._looks)
        leaks = QFormLayout(self._leak_part)
        leaks.setContentsMargins(0, 0, 0, 0)
        for widget in (self._leak_words, self._leaks, self._override):
            leaks.addRow(widget)
        self.add(self._leak_part)
        self.add_section("probeHeading", "Can one tell the source?", self._probe_busy, self._probe_words)
        self.end()

    def _tell(self, **changes: object) -> None:
        changed = replace(self._choices, **changes)  # type: ignore[arg-type]
        if changed != self._choices:
            self.choices_made.emit(changed)


def _fraction(name: str, title: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setObjectName(name)
    box.setAccessibleName(title)
    box.setRange(5, 45)
    box.setDecimals(0)
    box.setSuffix(" %")
    box.setMaximumWidth(140)
    return box


def frozen_words(looks: int) -> str:
    """Say what becomes of the test split, and how often its results were opened before."""
    frozen = "The training writes the split down with a hash of every file; from then on the test split is frozen."
    if not looks:
        return f"{frozen} Results on this test split were never opened."
    times = "once" if looks == 1 else f"{looks} times"
    return f"{frozen} Results on this very test split were opened {times} before: what is changed now is also chosen by it."
