"""The main window: puts the views together, and asks the person for files and folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QToolBar,
    QWidget,
)

from cxrview import __version__
from cxrview.app.blinding import veiled
from cxrview.app.own_keys import canvas_keys
from cxrview.app.privacy import shown_name
from cxrview.app.state import AppState, LoadedPicture, LoadingPicture, NoPicture, ReadyModel, ThemeName
from cxrview.app.theme import ICON_PX, app_icon, apply_theme, system_theme
from cxrview.app.views.actions import Actions
from cxrview.app.views.labels import BADGE
from cxrview.app.views.layout_menu import LayoutMenu
from cxrview.app.views.mark_menu import MarkMenu
from cxrview.app.views.notice_bar import LINE_PX, NoticeBar
from cxrview.app.views.notice_page import NoticePage
from cxrview.app.views.profile_menu import ProfileMenu
from cxrview.app.views.start_page import StartPage
from cxrview.app.views.study_menu import StudyMenu
from cxrview.app.views.window_menu import WindowMenu
from cxrview.core.image import ImageRef
from cxrview.io.places import resource
from cxrview.io.problem import Problem

if TYPE_CHECKING:  # what is not seen at first is imported and built behind the first picture
    from cxrview.app.crash import CrashReport
    from cxrview.app.views.browser_panel import BrowserPanel
    from cxrview.app.views.canvas import Canvas
    from cxrview.app.views.cell_grid import CellGrid
    from cxrview.app.views.exporting import Exporting
    from cxrview.app.views.model_panel import ModelPanel
    from cxrview.app.views.own_keys_dialog import OwnKeysDialog
    from cxrview.app.views.own_windows_dialog import OwnWindowsDialog
    from cxrview.app.views.settings_dialog import SettingsDialog
    from cxrview.app.views.tag_dialog import TagDialog

LAYOUT_VERSION = 1
FIRST_SIZE = QSize(1360, 860)
LIST_WIDTH_PX = 300
PANEL_WIDTH_PX = 310
LIST_MINIMUM_PX = 180
PANEL_MINIMUM_PX = 240


class MainWindow(QMainWindow):
    """Builds every view once, those of the start page first; `render_state` hands the state down."""

    paths_chosen = Signal(object)
    """The person chose or dropped files and folders. Parameters: paths (tuple of Path)."""
    list_file_chosen = Signal(object)
    """The list is wanted as a table. Parameters: where (Path)."""
    model_folder_chosen = Signal(object)
    """The person chose a model folder, or a model file, to add. Parameters: folder (Path)."""

    painted = Signal()
    """The window is seen for the first time."""
    system_theme_changed = Signal(object)
    """The system turned dark or light. Parameters: its look (ThemeName)."""

    browser: BrowserPanel
    cells: CellGrid
    model_panel: ModelPanel
    tag_dialog: TagDialog
    settings_dialog: SettingsDialog
    own_windows_dialog: OwnWindowsDialog
    own_keys_dialog: OwnKeysDialog
    exporting: Exporting

    def __init__(self, layout_file: Path) -> None:
        """Keep sizes and places in `layout_file`, which may be deleted without loss; `complete` builds the rest."""
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self._layout_file = layout_file
        self._theme: ThemeName | None = None
        self._is_painted = False
        self._seen = AppState()
        self._is_blinded = False
        self._is_complete = False
        self.actions_ = Actions(self)
        self.start_page, self.notice_page = StartPage(), NoticePage()
        # In the foot, where no panel that is folded away takes it along.
        self.badge = QLabel(BADGE, self)
        self.badge.setObjectName("badge")
        self.badge.setProperty("role", "badge")
        self.notice_bar = NoticeBar(self, self.badge)
        self.window_menu, self.mark_menu, self.layout_menu = WindowMenu(self), MarkMenu(self), LayoutMenu(self)
        self.profile_menu, self.study_menu = ProfileMenu(self), StudyMenu(self)
        self._export_wanted: ImageRef | None = None
        self.readout = QLabel(self)
        self.readout.setObjectName("readout")
        self._splitter, self._stack = QSplitter(Qt.Orientation.Horizontal), QStackedWidget()
        self._splitter.setObjectName("splitter")
        _application().styleHints().colorSchemeChanged.connect(self._on_colour_scheme)
        self._build_centre()
        self._build_menus()
        self._tool_bar = self._build_tool_bar()
        self.statusBar().addWidget(self.readout, 1)
        self.statusBar().addPermanentWidget(self.badge)
        # The notice lies on the status bar: a picture that moves because of a sentence would be lost to the eye.
        self.statusBar().setMinimumHeight(LINE_PX)
        self.resize(FIRST_SIZE.boundedTo(self.screen().availableSize()))
        self._restore("geometry", self.restoreGeometry)

    def complete(self) -> None:
        """Build what the start page does without: browser, canvas, panel and dialogs."""
        from cxrview.app.views.browser_panel import BrowserPanel
        from cxrview.app.views.cell_grid import CellGrid
        from cxrview.app.views.exporting import Exporting
        from cxrview.app.views.keys_dialog import key_rows
        from cxrview.app.views.model_panel import ModelPanel
        from cxrview.app.views.own_keys_dialog import OwnKeysDialog
        from cxrview.app.views.own_windows_dialog import OwnWindowsDialog
        from cxrview.app.views.settings_dialog import SettingsDialog
        from cxrview.app.views.tag_dialog import TagDialog

        self.browser, self.cells, self.model_panel = BrowserPanel(), CellGrid(), ModelPanel()
        self.tag_dialog, self.settings_dialog, self.own_windows_dialog = TagDialog(self), SettingsDialog(self), OwnWindowsDialog(self)
        self.own_keys_dialog = OwnKeysDialog(key_rows(self.menuBar(), self.profile_menu.usual), self)
        self.exporting = Exporting(self, lambda: self.cells.canvases)
        self._fill_splitter()
        self._is_complete = True

    def render_first(self, state: AppState) -> None:
        """Show the state in what is seen before anything is open; all else follows with `render_state`."""
        self._render_frame(state)
        for view in (self.actions_, self.start_page, self.notice_bar):
            view.render_state(state)

    def render_state(self, state: AppState) -> None:
        """Show the state in every view."""
        self._render_frame(state)
        menus = (self.actions_, self.window_menu, self.mark_menu, self.layout_menu, self.profile_menu, self.study_menu)
        self._seen = seen = veiled(state)
        # What is hidden is rendered when it is shown: a step through the list has no time for it.
        hidden_mostly = (self.settings_dialog, self.own_windows_dialog, self.own_keys_dialog, self.start_page)
        dialogs = (self.tag_dialog, *(view for view in hidden_mostly if view.isVisibleTo(self)))
        if state.is_blinded != self._is_blinded:
            self._is_blinded = state.is_blinded
            self.browser.setHidden(state.is_blinded)
            self.model_panel.setHidden(state.is_blinded)
        for view in (*menus, *dialogs, self.notice_bar, self.cells, self.browser, self.model_panel):
            view.render_state(seen)
        self._export_if_shown(state)

    def _render_frame(self, state: AppState) -> None:
        """Show the look, the title and the page that the state asks for."""
        if state.theme != self._theme:
            self._theme = state.theme
            apply_theme(_application(), state.theme)
        self.setWindowTitle(f"{shown_name(state, state.current)} – cxrview" if state.current else "cxrview")
        opened = self.start_page if isinstance(state.picture, NoPicture) and not state.grid.cells else self._splitter
        self._show_page(opened if state.is_notice_accepted else self.notice_page)
        # The other pages say so themselves.
        self.badge.setVisible(self._stack.currentWidget() is self._splitter)
        self._bar_all_else(is_barred=not state.is_notice_accepted)

    @property
    def canvas(self) -> Canvas:
        """The active canvas."""
        return self.cells.active

    def ask_for_folder(self) -> None:
        """Let the person choose a folder of radiographs."""
        folder = QFileDialog.getExistingDirectory(self, "Open folder")
        if folder:
            self.paths_chosen.emit((Path(folder),))

    def ask_for_files(self) -> None:
        """Let the person choose files; by content, so any name will do."""
        names, _kind = QFileDialog.getOpenFileNames(self, "Open files", filter="All files (*)")
        if names:
            self.paths_chosen.emit(tuple(Path(name) for name in names))

    def export_once_shown(self, ref: ImageRef, state: AppState) -> None:
        """Let the person export an image as soon as it is on the canvas."""
        self._export_wanted = ref
        self._export_if_shown(state)

    def _export_if_shown(self, state: AppState) -> None:
        if self._export_wanted is None or isinstance(state.picture, LoadingPicture):
            return
        is_shown = isinstance(state.picture, LoadedPicture) and state.picture.ref == self._export_wanted
        self._export_wanted = None
        if is_shown:
            self.exporting.ask(state)

    def ask_for_list_file(self) -> None:
        """Let the person choose where the list is saved."""
        name, _kind = QFileDialog.getSaveFileName(self, "Save the list", "studies.csv", "CSV (*.csv)")
        if name:
            self.list_file_chosen.emit(Path(name))

    def ask_for_model_folder(self) -> None:
        """Let the person choose a model package."""
        folder = QFileDialog.getExistingDirectory(self, "Add model folder (it holds model.toml)")
        if folder:
            self.model_folder_chosen.emit(Path(folder))

    def ask_for_model_file(self) -> None:
        """Let the person choose a model package that is one file."""
        name, _kind = QFileDialog.getOpenFileName(self, "Add model file", filter="Model packages (*.cxrmodel)")
        if name:
            self.model_folder_chosen.emit(Path(name))

    def set_full_screen(self, *, is_full: bool) -> None:
        """Take the whole screen, or give it back."""
        state = self.windowState()
        full = Qt.WindowState.WindowFullScreen
        self.setWindowState(state | full if is_full else state & ~full)

    def show_keys(self) -> None:
        """Tell what the mouse and the keys do."""
        from cxrview.app.views.keys_dialog import KeysDialog, commands_of

        KeysDialog(commands_of(self.menuBar()), canvas_keys(self._seen), self._seen.profile.wheel, self).open()

    def show_palette(self) -> None:
        """Let the person find a command by its name."""
        from cxrview.app.views.command_palette import CommandPalette
        from cxrview.app.views.keys_dialog import commands_of

        CommandPalette(commands_of(self.menuBar()), self).open()

    def show_settings(self) -> None:
        """Let the person change what the program remembers."""
        self.settings_dialog.render_state(self._seen)
        self.settings_dialog.open()

    def show_own_windows(self) -> None:
        """Let the person keep windows under names."""
        self.own_windows_dialog.render_state(self._seen)
        self.own_windows_dialog.open()

    def show_own_keys(self) -> None:
        """Let the person give other keys to commands."""
        self.own_keys_dialog.render_state(self._seen)
        self.own_keys_dialog.open()

    def show_card(self, state: AppState) -> None:
        """Let the person read the card of the model in use."""
        from cxrview.app.views.card_dialog import CardDialog

        if isinstance(state.model, ReadyModel):
            CardDialog(f"{state.model.entry.title} {state.model.entry.version}", state.model.card, self).open()

    def show_problems(self, problems: tuple[Problem, ...], state: AppState) -> None:
        """Tell what could not be read, and why."""
        from cxrview.app.views.problem_dialog import ProblemDialog

        ProblemDialog(problems, state, self).open()

    def show_crash(self, report: CrashReport) -> None:
        """Show the report of an error that nobody foresaw, one at a time: an error seldom comes alone."""
        from cxrview.app.views.crash_dialog import CrashDialog

        if self.findChild(CrashDialog) is None:
            CrashDialog(report, self).show()

    def show_guide(self) -> None:
        """Let the person read the documents, beside the window."""
        from cxrview.app.views.help_dialog import HelpDialog

        HelpDialog(resource("docs"), self).show()

    def show_about(self) -> None:
        """Tell what this is."""
        self._tell(
            "About cxrview", f"<h3>cxrview {__version__}</h3><p>Look at chest radiographs, let a network read them.</p><p>{BADGE}.</p>"
        )

    def _on_colour_scheme(self, *_scheme: object) -> None:
        self.system_theme_changed.emit(system_theme(_application()))

    def _bar_all_else(self, *, is_barred: bool) -> None:
        """Let nothing but the notice be used, nor its keys, until it is accepted."""
        # Qt hears the keys of an action only while something enabled holds it.
        for holder in (self.menuBar(), self._tool_bar):
            holder.setEnabled(not is_barred)
        self.setAcceptDrops(not is_barred)

    def _show_page(self, page: QWidget) -> None:
        if self._stack.currentWidget() is not page:
            self._stack.setCurrentWidget(page)
            (self.canvas if page is self._splitter else page).setFocus()

    def _tell(self, title: str, text: str) -> None:
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, self)
        box.setObjectName("messageBox")
        box.button(QMessageBox.StandardButton.Close).setObjectName("messageBoxClose")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _fill_splitter(self) -> None:
        for widget in (self.browser, self.cells, self.model_panel):
            self._splitter.addWidget(widget)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setCollapsible(1, False)
        self._splitter.setSizes([LIST_WIDTH_PX, FIRST_SIZE.width() - LIST_WIDTH_PX - PANEL_WIDTH_PX, PANEL_WIDTH_PX])
        self.browser.setMinimumWidth(LIST_MINIMUM_PX)
        self.model_panel.setMinimumWidth(PANEL_MINIMUM_PX)
        self._restore("splitter", self._splitter.restoreState)

    def _build_centre(self) -> None:
        self._stack.addWidget(self.start_page)
        self._stack.addWidget(self.notice_page)
        self._stack.addWidget(self._splitter)
        self.setCentralWidget(self._stack)

    def _build_menus(self) -> None:
        actions = self.actions_
        self._fill_window_menu()
        menus = {
            "&File": (
                actions.open_folder, actions.open_files, actions.open_phantoms, None, actions.export, actions.copy, actions.print, None,
                actions.add_model, actions.add_model_file, actions.train, actions.settings, None, actions.quit,
            ),
            "&Image": (
                actions.previous, actions.next, actions.previous_frame, actions.next_frame, actions.find, None, actions.tags, None,
                actions.score_shown, actions.cover, actions.turn_polarity, None, actions.score_all, actions.cancel_batch, actions.worklist,
            ),
            "&View": (
                actions.fit, actions.actual_size, None,
                actions.turn_right, actions.turn_left, actions.flip_sideways, actions.flip_over, actions.reset_orientation, None,
                actions.heatmap, None, actions.hide_names, actions.full_screen, actions.light_theme,
            ),
            "&Help": (actions.guide, actions.palette, actions.keys, actions.about),
        }  # fmt: skip
        for title, entries in menus.items():
            menu = self.menuBar().addMenu(title)
            if title == "&Image":
                self.menuBar().addMenu(self.study_menu)
            if title == "&View":
                self.menuBar().addMenu(self.window_menu)
                self.menuBar().addMenu(self.mark_menu)
                self.menuBar().addMenu(self.layout_menu)
            for action in entries:
                if action is None:
                    menu.addSeparator()
                else:
                    menu.addAction(action)
            if title == "&View":
                menu.addMenu(self.profile_menu)
        self.profile_menu.take(self.menuBar())

    def _fill_window_menu(self) -> None:
        menu, actions = self.window_menu, self.actions_
        menu.addAction(actions.reset_window)
        menu.addMenu(menu.from_file)
        menu.addSeparator()
        menu.addActions(list(menu.presets.values()))
        menu.addSeparator()
        menu.addAction(menu.manage)
        menu.addSeparator()
        menu.addActions([actions.invert, actions.clahe, actions.unsharp])

    def _build_tool_bar(self) -> QToolBar:
        actions = self.actions_
        bar = QToolBar("Tools", self)
        bar.setObjectName("toolBar")
        bar.setMovable(False)
        bar.setIconSize(QSize(ICON_PX, ICON_PX))
        groups = (
            (actions.open_folder, actions.open_files),
            (actions.previous, actions.next),
            (actions.fit, actions.actual_size, actions.turn_right, actions.flip_sideways),
            (actions.invert, actions.reset_window),
            (actions.heatmap, actions.score_all),
        )
        for number, group in enumerate(groups):
            if number:
                bar.addSeparator()
            bar.addActions(list(group))
        self.addToolBar(bar)
        return bar

    def _restore(self, name: str, restore: Callable[[QByteArray], bool]) -> None:
        kept = QSettings(str(self._layout_file), QSettings.Format.IniFormat)
        value = kept.value(name) if kept.value("version", 0, int) == LAYOUT_VERSION else None
        if isinstance(value, QByteArray):
            restore(value)

    def _keep_layout(self) -> None:
        kept = QSettings(str(self._layout_file), QSettings.Format.IniFormat)
        kept.setValue("version", LAYOUT_VERSION)
        kept.setValue("geometry", self.saveGeometry())
        kept.setValue("splitter", self._splitter.saveState())
        kept.sync()

    # Called by Qt.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell of the first paint."""
        super().paintEvent(event)
        if not self._is_painted:
            self._is_painted = True
            self.painted.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the notice at the foot."""
        super().resizeEvent(event)
        self.notice_bar.place()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember sizes and places."""
        if self._is_complete:
            self._keep_layout()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = tuple(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        if paths:
            event.acceptProposedAction()
            self.paths_chosen.emit(paths)


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
