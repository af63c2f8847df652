"""What the program remembers of a person's wishes, in one dialog; each choice holds at once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cxrview.app.layers import layer_colours
from cxrview.app.profiles import PROFILES
from cxrview.app.state import AppState, AskedEngine, ThemeName
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.close_box import close_box
from cxrview.app.views.engine_section import DEVICES, ENGINES
from cxrview.app.views.labels import make_label

THEMES_OFFERED = (("As the system", None), ("Dark", ThemeName.DARK), ("Light", ThemeName.LIGHT))
CACHES_MB = (200, 600, 1000, 2000, 4000, 8000)
ANSWERS_MB = (0, 64, 256, 1024)
FIRST_MODEL = ("The first one installed", "")
KEPT_TEXT = "Choices hold at once and are remembered."


class SettingsDialog(QDialog):
    """Shows the wishes of the state and says what the person changes."""

    theme_chosen = Signal(object)
    """Parameters: look, None for the system's (ThemeName | None)."""
    profile_chosen = Signal(object)
    """Parameters: what mouse and keys do (Profile)."""
    colours_chosen = Signal(object)
    """Parameters: colour table of the heatmaps (str)."""
    default_model_chosen = Signal(object)
    """Parameters: id of the model to begin with, empty for the first one (str)."""
    engine_chosen = Signal(object)
    """Parameters: engine and device (AskedEngine)."""
    cache_chosen = Signal(object)
    """Parameters: megabytes of pictures to keep (int)."""
    answers_memory_chosen = Signal(object)
    """Parameters: megabytes of answers and heatmaps to keep (int)."""
    auto_scoring_toggled = Signal()
    """Images are to be scored as soon as they are shown, or not any more."""
    names_toggled = Signal()
    """Names are to be hidden, or shown again."""
    own_windows_requested = Signal()
    """The kept windows are wanted."""
    own_keys_requested = Signal()
    """Other keys are wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsDialog")
        self.setWindowTitle("Settings")
        self._asked = AskedEngine()
        self._theme, self._profile = ChoiceBox("settingsTheme", "Look", self), ChoiceBox("settingsProfile", "Mouse and keys", self)
        self._colours = ChoiceBox("settingsColours", "Heatmap colours", self)
        self._model = ChoiceBox("settingsModel", "Model at the start", self)
        self._engine, self._device = ChoiceBox("settingsEngine", "Engine", self), ChoiceBox("settingsDevice", "Device", self)
        self._cache = ChoiceBox("settingsCache", "Memory for pictures", self)
        self._answers = ChoiceBox("settingsAnswers", "Memory for answers", self)
        self._auto = self._box("settingsAutoScore", "Score an image as soon as it is shown")
        self._names = self._box("settingsHideNames", "Hide names and identifiers")
        self._windows = self._button("settingsOwnWindows", "Windows of your own…")
        self._keys = self._button("settingsOwnKeys", "Keys of your own…")
        self._connect()
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show what holds now."""
        self._asked = state.asked
        self._theme.render_choices(THEMES_OFFERED, None if state.is_theme_of_system else state.theme)
        self._profile.render_choices(tuple((_capital(profile.title), profile) for profile in PROFILES.values()), state.profile)
        self._colours.render_choices(tuple((name.capitalize(), name) for name in layer_colours()), state.layers.first_map.table)
        models = tuple((f"{entry.title}  {entry.version}", entry.id) for entry in state.models)
        self._model.render_choices((FIRST_MODEL, *models), state.default_model)
        self._engine.render_choices(ENGINES, state.asked.engine)
        self._device.render_choices(DEVICES, state.asked.device)
        sizes = sorted({*CACHES_MB, state.cache_mb})
        self._cache.render_choices(tuple((f"{size:,} MB", size) for size in sizes), state.cache_mb)
        answers = sorted({*ANSWERS_MB, state.answers_mb})
        self._answers.render_choices(tuple((f"{size:,} MB" if size else "Keep none", size) for size in answers), state.answers_mb)
        self._auto.setChecked(state.is_auto_scoring)
        self._names.setChecked(state.is_hiding_names)

    def _connect(self) -> None:
        self._theme.choice_made.connect(self.theme_chosen)
        self._profile.choice_made.connect(self.profile_chosen)
        self._colours.choice_made.connect(self.colours_chosen)
        self._model.choice_made.connect(self.default_model_chosen)
        self._cache.choice_made.connect(self.cache_chosen)
        self._answers.choice_made.connect(self.answers_memory_chosen)
        self._engine.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(name, self._asked.device)))
        self._device.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(self._asked.engine, name)))
        self._auto.clicked.connect(self.auto_scoring_toggled)
        self._names.clicked.connect(self.names_toggled)
        self._windows.clicked.connect(self.own_windows_requested)
        self._keys.clicked.connect(self.own_keys_requested)

    def _button(self, name: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        return button

    def _box(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        return box

    def _build_layout(self) -> None:
        groups: tuple[tuple[str, tuple[ChoiceBox, ...], tuple[QWidget, ...]], ...] = (
            ("Window", (self._theme, self._profile, self._cache), (self._keys, self._windows)),
            ("Model", (self._model, self._engine, self._device, self._colours, self._answers), (self._auto,)),
            ("Privacy", (), (self._names,)),
        )
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        grid.setHorizontalSpacing(16)
        grid.setColumnStretch(1, 1)
        for title, boxes, others in groups:
            grid.addWidget(make_label(f"settings{title}", "heading", title), grid.rowCount(), 0, 1, 2)
            for box in boxes:
                row = grid.rowCount()
                label = QLabel(box.accessibleName(), self)
                label.setBuddy(box)
                grid.addWidget(label, row, 0)
                grid.addWidget(box, row, 1)
            for other in others:
                grid.addWidget(other, grid.rowCount(), 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(12)
        layout.addLayout(grid)
        layout.addWidget(make_label("settingsKept", "muted", KEPT_TEXT))
        layout.addWidget(close_box(self), 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(500)


def _capital(title: str) -> str:
    return title if title == "cxrview" else f"{title[0].upper()}{title[1:]}"
