"""The window of the training wizard: seven pages, a sentence, back and next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.data_page import DataPage
from cxrview.app.views.wizard.image_sheet import JUDGED_PX, MOST, PICTURE_PX, ImageSheet, SheetItem
from cxrview.app.views.wizard.judge_page import JudgePage
from cxrview.app.views.wizard.look_page import LookPage
from cxrview.app.views.wizard.model_page import ModelPage
from cxrview.app.views.wizard.page import WizardPage
from cxrview.app.views.wizard.publish_page import PublishPage
from cxrview.app.views.wizard.split_page import SplitPage
from cxrview.app.views.wizard.tables import make_button
from cxrview.app.views.wizard.train_page import TrainPage
from cxrview.app.wizard import CasePicture, Page, Wizard, why_not
from cxrview.training.scan import Scan

FIRST_SIZE = QSize(1180, 860)
LIST_WIDTH_PX = 150


class WizardWindow(QWidget):
    """Shows one page at a time; `render_state` hands the state down."""

    page_chosen = Signal(object)
    """The person chose a page. Parameters: page (Page)."""
    step_requested = Signal(int)
    """The next page is wanted, or the one before. Parameters: step."""
    open_requested = Signal(object)
    """An image is to be opened in the main window. Parameters: path (Path)."""
    exclusion_toggled = Signal(int)
    """An image was ticked to be left out, or taken in again. Parameters: row of the scan."""
    mark_toggled = Signal(int)
    """A case was marked as labelled wrongly, or its mark taken back. Parameters: case."""
    keep_training_chosen = Signal()
    """The window closes and the training goes on."""
    stop_training_chosen = Signal()
    """The window closes and the training ends with its best weights."""
    notice_dismissed = Signal()
    """The sentence was read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("wizardWindow")
        self.setWindowTitle("Train a network – cxrview")
        self.data, self.split, self.look, self.model = DataPage(), SplitPage(), LookPage(), ModelPage()
        self.train, self.judge, self.publish = TrainPage(), JudgePage(), PublishPage()
        self.pages: dict[Page, WizardPage] = dict(
            zip(Page, (self.data, self.split, self.look, self.model, self.train, self.judge, self.publish), strict=True)
        )
        self._list = QListWidget()
        self._list.setObjectName("wizardPages")
        self._list.setAccessibleName("Pages")
        self._list.setFixedWidth(LIST_WIDTH_PX)
        self._list.addItems([f"{number}  {page}" for number, page in enumerate(Page, start=1)])
        self._stack = QStackedWidget()
        for widget in self.pages.values():
            self._stack.addWidget(widget)
        self._notice = make_label("wizardNotice", "error")
        self._back = make_button("wizardBack", "&Back")
        self._next = make_button("wizardNext", "&Next", role="main")
        self._state = Wizard()
        self._may_close = False
        self._build()
        self.resize(FIRST_SIZE)

    def render_state(self, state: Wizard) -> None:
        """Show the state."""
        self._state = state
        pages = list(Page)
        place = pages.index(state.page)
        if self._list.currentRow() != place:
            self._list.setCurrentRow(place)
        for number, page in enumerate(pages):
            reason = why_not(state, page)
            item = self._list.item(number)
            item.setForeground(self.palette().placeholderText() if reason else self.palette().windowText())
            item.setToolTip(reason)
        self._stack.setCurrentWidget(self.pages[state.page])
        self._notice.setText(state.notice)
        self._notice.setVisible(bool(state.notice))
        self._back.setEnabled(place > 0)
        self._next.setVisible(place + 1 < len(pages))
        self.pages[state.page].render_state(state)  # type: ignore[attr-defined]

    def show_rows(self, title: str, rows: Sequence[int]) -> None:
        """Show images of the scan."""
        scan = self._state.scan
        if scan is not None and rows:
            out = self._state.choices.excluded
            items = [_item_of(scan, row, is_marked=scan.seen[row].entry.path in out) for row in rows[:MOST]]
            sheet = self._sheet(title, items, len(rows), "Tick what is to be left out.")
            sheet.mark_toggled.connect(self.exclusion_toggled)
            sheet.open()

    def show_cases(self, title: str, pictures: Sequence[CasePicture]) -> None:
        """Show judged images with their heatmaps; they can be marked."""
        marked = self._state.marked
        items = [SheetItem(each.picture, each.words, each.path, each.case, each.case in marked) for each in pictures]
        sheet = self._sheet(title, items, len(items), "Tick what is labelled wrongly.", side=JUDGED_PX)
        sheet.mark_toggled.connect(self.mark_toggled)
        sheet.open()

    def _sheet(self, title: str, items: Sequence[SheetItem], count: int, tick_words: str, *, side: int = PICTURE_PX) -> ImageSheet:
        sheet = ImageSheet(title, items, self, count=count, tick_words=tick_words, side=side)
        sheet.open_requested.connect(self.open_requested)
        return sheet

    def _build(self) -> None:
        self._list.currentRowChanged.connect(self._on_row)
        self._back.clicked.connect(lambda: self.step_requested.emit(-1))
        self._next.clicked.connect(lambda: self.step_requested.emit(1))
        self.data.rows_requested.connect(self.show_rows)
        self.split.rows_requested.connect(self.show_rows)
        self.look.rows_requested.connect(self.show_rows)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(24, 6, 24, 14)
        bottom.addWidget(self._notice, 1)
        bottom.addStretch(0)
        bottom.addWidget(self._back)
        bottom.addWidget(self._next)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.addWidget(self._stack, 1)
        right.addLayout(bottom)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 0, 0)
        row.addWidget(self._list)
        row.addLayout(right, 1)

    def _on_row(self, place: int) -> None:
        page = list(Page)[place]
        if page is not self._state.page:
            self.page_chosen.emit(page)
            self._list.setCurrentRow(list(Page).index(self._state.page))

    def asks_before(self, closing: QWidget) -> bool:
        """Ask, when a training is under way, whether it is to go on without this window; tell whether it was asked."""
        if self._state.busy_run is None or self._may_close:
            return False
        self._ask_to_keep(closing)
        return True

    def _ask_to_keep(self, closing: QWidget) -> None:
        box = QMessageBox(closing)
        box.setObjectName("keepTraining")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Keep training?")
        box.setText("A training is under way. It can go on without this window, and is shown again when the wizard is opened.")
        keep = box.addButton("&Keep training", QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton("&Stop and keep the best", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        keep.clicked.connect(lambda: self._close_with(self.keep_training_chosen, closing))
        stop.clicked.connect(lambda: self._close_with(self.stop_training_chosen, closing))
        box.open()

    def _close_with(self, chosen: SignalInstance, closing: QWidget) -> None:
        self._may_close = True
        chosen.emit()
        closing.close()

    # Called by Qt.

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask whether a training that is under way is to go on."""
        if self.asks_before(self):
            event.ignore()
            return
        self._may_close = False
        super().closeEvent(event)


class ClosingGuard(QObject):
    """Has another window ask, too, before it closes while a training is under way."""

    def __init__(self, guarded: QWidget, wizard: WizardWindow) -> None:
        super().__init__(wizard)
        self._guarded, self._wizard = guarded, wizard
        guarded.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hold back the closing until it was answered."""
        if watched is self._guarded and event.type() is QEvent.Type.Close and self._wizard.asks_before(self._guarded):
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def _item_of(scan: Scan, row: int, *, is_marked: bool) -> SheetItem:
    seen = scan.seen[row]
    words = seen.reason or " + ".join(sorted(seen.entry.labels)) or "none of them"
    return SheetItem(scan.thumbs[row], f"{words}\n{seen.entry.path.name}", seen.entry.path, row, is_marked)
