"""Everything that has a place in a menu: its words, its key, its icon; and when it can be used."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from cxrview.app.frames import frame_count
from cxrview.app.state import AppState, LoadedPicture, ReadyModel, Scoring, ThemeName
from cxrview.app.theme import icon
from cxrview.app.viewport import UPRIGHT
from cxrview.core.results import Analysis


class Actions(QObject):
    """The actions of the window; wiring connects them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icons: dict[QAction, str] = {}
        self._theme: ThemeName | None = None
        standard = QKeySequence.StandardKey
        self.open_folder = self._make("openFolder", "Open &folder…", "folder", QKeySequence("Ctrl+Shift+O"))
        self.open_files = self._make("openFiles", "&Open files…", "files", QKeySequence(standard.Open))
        self.open_phantoms = self._make("openPhantoms", "Try &phantoms", "phantom")
        self.add_model = self._make("addModelFolder", "&Add model folder…", "add")
        self.add_model_file = self._make("addModelFile", "Add model &file…", "")
        self.quit = self._make("quit", "&Quit", "", QKeySequence("Ctrl+Q"))
        self.previous = self._make("previous", "&Previous image", "previous", QKeySequence("Ctrl+Left"))
        self.next = self._make("next", "&Next image", "next", QKeySequence("Ctrl+Right"))
        self.previous_frame = self._make("previousFrame", "P&revious frame", "", QKeySequence(","))
        self.next_frame = self._make("nextFrame", "Ne&xt frame", "", QKeySequence("."))
        self.find = self._make("find", "Search the l&ist", "search", QKeySequence(standard.Find))
        self.fit = self._make("fit", "&Fit to window", "fit", QKeySequence("F"))
        self.actual_size = self._make("actualSize", "&Actual pixels (1:1)", "actual", QKeySequence("1"))
        self.invert = self._make("invert", "&Invert", "invert", QKeySequence("I"), is_checkable=True)
        self.reset_window = self._make("resetWindow", "As s&tored in the file", "reset", QKeySequence("0"))
        self.turn_right = self._make("turnRight", "Turn &clockwise", "turn", QKeySequence("R"))
        self.turn_left = self._make("turnLeft", "Turn &anticlockwise", "", QKeySequence("Shift+R"))
        self.flip_sideways = self._make("flipSideways", "Mirror &left to right", "flip", QKeySequence("H"))
        self.flip_over = self._make("flipOver", "Mirror to&p to bottom", "", QKeySequence("V"))
        self.reset_orientation = self._make("resetOrientation", "&Upright, not mirrored", "")
        self.heatmap = self._make("heatmap", "Show &heatmap", "layers", QKeySequence("M"), is_checkable=True)
        self.cover = self._make("coverTool", "Cover a spot and &ask again", "", QKeySequence("X"), is_checkable=True)
        self.turn_polarity = self._make("turnPolarity", "&Dark and bright are swapped in this file", "", is_checkable=True)
        self.clahe = self._make("clahe", "Even out local &contrast (CLAHE, for the eye)", "", QKeySequence("E"), is_checkable=True)
        self.unsharp = self._make("unsharp", "&Sharpen (unsharp mask, for the eye)", "", QKeySequence("U"), is_checkable=True)
        turns = (self.turn_right, self.turn_left, self.flip_sideways, self.flip_over)
        self._on_picture = (self.fit, self.actual_size, self.invert, self.reset_window, self.clahe, self.unsharp, *turns)
        self.export = self._make("export", "&Export picture…", "", QKeySequence("Ctrl+E"))
        self.copy = self._make("copyPicture", "&Copy picture", "", QKeySequence("Ctrl+Shift+C"))
        self.print = self._make("printPage", "P&rint page…", "", QKeySequence(standard.Print))
        self.hide_names = self._make("hideNames", "Hide &names and identifiers", "", QKeySequence("Ctrl+H"), is_checkable=True)
        self.tags = self._make("tags", "&Tags of the file…", "", QKeySequence("Ctrl+T"))
        self.full_screen = self._make("fullScreen", "F&ull screen", "", QKeySequence("F11"), is_checkable=True)
        self.light_theme = self._make("lightTheme", "&Light theme", "theme", is_checkable=True)
        self.train = self._make("train", "&Train a network…", "")
        self.settings = self._make("settings", "&Settings…", "", QKeySequence("Ctrl+,"))
        self.palette = self._make("palette", "&Find a command…", "", QKeySequence("Ctrl+K"))
        self.score_shown = self._make("scoreShown", "Sc&ore this image", "", QKeySequence("S"))
        self.score_all = self._make("scoreAllAction", "&Score all listed images", "score", QKeySequence("Ctrl+Return"))
        self.cancel_batch = self._make("cancelBatchAction", "&Cancel scoring", "stop")
        self.worklist = self._make("worklist", "&Worklist", "", QKeySequence("Ctrl+L"))
        self.keys = self._make("keys", "Mouse and &keys", "", QKeySequence("F1"))
        self.guide = self._make("guide", "&User guide", "", QKeySequence("Shift+F1"))
        self.about = self._make("about", "&About cxrview", "")

    def render_state(self, state: AppState) -> None:
        """Enable what can be used, check what is on."""
        if state.theme != self._theme:
            self._theme = state.theme
            for action, name in self._icons.items():
                action.setIcon(icon(name, state.theme))
        has_picture = isinstance(state.picture, LoadedPicture)
        for action in (*self._on_picture, self.heatmap, self.cover, self.turn_polarity):
            action.setEnabled(has_picture)
        self.reset_orientation.setEnabled(has_picture and state.display.orientation != UPRIGHT)
        place = state.listing.place_of(state.current)
        self.previous.setEnabled(place > 0)
        self.next.setEnabled(bool(state.listing.shown) and place < len(state.listing.shown) - 1)
        frame = 0 if state.current is None else state.current.frame
        self.previous_frame.setEnabled(frame > 0)
        self.next_frame.setEnabled(frame < frame_count(state) - 1)
        self.find.setEnabled(state.browser.opened > 0)
        self.score_all.setEnabled(isinstance(state.model, ReadyModel) and bool(state.listing.shown) and state.batch is None)
        self.cancel_batch.setEnabled(state.batch is not None)
        self.invert.setChecked(state.display.is_inverted)
        self.heatmap.setChecked(state.layers.is_visible and has_picture)
        self.cover.setChecked(state.cover.is_on)
        self.turn_polarity.setChecked(isinstance(state.picture, LoadedPicture) and state.picture.is_turned)
        self.clahe.setChecked(state.display.eye.has_clahe)
        self.unsharp.setChecked(state.display.eye.has_unsharp)
        self.hide_names.setChecked(state.is_hiding_names)
        is_scored = isinstance(state.reading, Analysis | Scoring)
        self.score_shown.setEnabled(has_picture and isinstance(state.model, ReadyModel) and not is_scored)
        self.export.setEnabled(has_picture)
        self.copy.setEnabled(has_picture)
        self.print.setEnabled(has_picture)
        self.tags.setEnabled(state.current is not None)
        self.light_theme.setChecked(state.theme is ThemeName.LIGHT)

    def _make(self, name: str, text: str, icon_name: str, keys: QKeySequence | None = None, *, is_checkable: bool = False) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        action.setCheckable(is_checkable)
        if keys is not None:
            action.setShortcut(keys)
            plain = text.replace("&", "").rstrip("…")
            action.setToolTip(f"{plain} ({keys.toString(QKeySequence.SequenceFormat.NativeText)})")
        if icon_name:
            self._icons[action] = icon_name
        return action
