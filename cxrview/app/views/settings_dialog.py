"""What the program remembers of a person's wishes, in one dialog; each choice holds at once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from cxrview.app.layers import layer_colours
from cxrview.app.state import AppState, AskedEngine, ThemeName
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.close_box import close_box
from cxrview.app.views.engine_section import DEVICES, ENGINES
from cxrview.app.views.labels import make_label

THEMES_OFFERED = (("Dark", ThemeName.DARK), ("Light", ThemeName.LIGHT))
FIRST_MODEL = ("The first one installed", "")
KEPT_TEXT = "Choices hold at once and are remembered when the program ends."


class SettingsDialog(QDialog):
    """Shows the wishes of the state and says what the person changes."""

    theme_chosen = Signal(object)
    """Parameters: look (ThemeName)."""
    colours_chosen = Signal(object)
    """Parameters: colour table of the heatmaps (str)."""
    default_model_chosen = Signal(object)
    """Parameters: id of the model to begin with, empty for the first one (str)."""
    engine_chosen = Signal(object)
    """Parameters: engine and device (AskedEngine)."""
    auto_scoring_toggled = Signal()
    """Images are to be scored as soon as they are shown, or not any more."""
    names_toggled = Signal()
    """Names are to be hidden, or shown again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsDialog")
        self.setWindowTitle("Settings")
        self._asked = AskedEngine()
        self._theme, self._colours = self._chooser("settingsTheme", "Look"), self._chooser("settingsColours", "Heatmap colours")
        self._model = self._chooser("settingsModel", "Model at the start")
        self._engine, self._device = self._chooser("settingsEngine", "Engine"), self._chooser("settingsDevice", "Device")
        self._auto = self._box("settingsAutoScore", "Score an image as soon as it is shown")
        self._names = self._box("settingsHideNames", "Hide names and identifiers")
        self._theme.choice_made.connect(self.theme_chosen)
        self._colours.choice_made.connect(self.colours_chosen)
        self._model.choice_made.connect(self.default_model_chosen)
        self._engine.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(name, self._asked.device)))
        self._device.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(self._asked.engine, name)))
        self._auto.clicked.connect(self.auto_scoring_toggled)
        self._names.clicked.connect(self.names_toggled)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show what holds now."""
        self._asked = state.asked
        self._theme.render_choices(THEMES_OFFERED, state.theme)
        self._colours.render_choices(tuple((name.capitalize(), name) for name in layer_colours()), state.layers.items[0].table)
        models = tuple((f"{entry.title}  {entry.version}", entry.id) for entry in state.models)
        self._model.render_choices((FIRST_MODEL, *models), state.default_model)
        self._engine.render_choices(ENGINES, state.asked.engine)
        self._device.render_choices(DEVICES, state.asked.device)
        self._auto.setChecked(state.is_auto_scoring)
        self._names.setChecked(state.is_hiding_names)

    def _chooser(self, name: str, title: str) -> ChoiceBox:
        return ChoiceBox(name, title, self)

    def _box(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        return box

    def _build_layout(self) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(10)
        grid.setHorizontalSpacing(16)
        boxes = (self._theme, self._colours, self._model, self._engine, self._device)
        for row, box in enumerate(boxes):
            grid.addWidget(QLabel(box.accessibleName(), self), row, 0)
            grid.addWidget(box, row, 1)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(12)
        layout.addLayout(grid)
        for widget in (self._auto, self._names, make_label("settingsKept", "muted", KEPT_TEXT)):
            layout.addWidget(widget)
        layout.addWidget(close_box(self), 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(480)
