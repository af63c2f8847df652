"""The list by patient and the grid of thumbnails: both say what is seen of them, and what a person wants of it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from cxrview.app.browser import Browser, Listing
from cxrview.app.outline import NodeKind
from cxrview.app.state import AppState, Outcomes, ThemeName
from cxrview.app.theme import THEMES
from cxrview.app.views.browser_models import BrowserModel, PatientModel, PictureModel
from cxrview.app.views.row_delegate import BAR_PX, CHEVRON_PX, PADDING_PX, TILE_PX, BrowserDelegate, RowDelegate, TileDelegate
from cxrview.core.image import ImageRef


class BrowserList(QListView):
    """Shows the listing; keys and clicks say what is wanted instead of moving by themselves."""

    image_chosen = Signal(object)
    """The person chose an image. Parameters: image ref (ImageRef)."""
    step_requested = Signal(int)
    """Another image is wanted. Parameters: step down the list (int)."""
    places_shown = Signal(object)
    """These places of the listing are seen. Parameters: places (tuple of int)."""
    menu_requested = Signal(object, object)
    """What can be done with images is wanted. Parameters: places (tuple of int), where on the screen (QPoint)."""

    def __init__(self, name: str, title: str, model: BrowserModel, delegate: BrowserDelegate, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.rows, self.painter = model, delegate
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setUniformItemSizes(True)
        self.setAutoScroll(False)  # a list that is renewed must not move under the eye
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.clicked.connect(self._on_clicked)
        self._rendered: tuple[object, ...] = ()
        self._current: ImageRef | None = None
        self._wanted: tuple[object, ...] = ()
        self._wants_current = False
        self._has_come = False
        self._teller = QTimer(self)
        self._teller.setSingleShot(True)
        self._teller.timeout.connect(self._tell_places)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._teller.start(0))

    def render_state(self, state: AppState) -> None:
        """Show the rows; the place in the list stays where it is unless another image was chosen, or the list narrowed or sorted anew."""
        offset = self.verticalScrollBar().value()
        is_other = self._take(state)
        wanted = (state.browser.filters, state.browser.sort, state.browser.is_descending)
        if wanted != self._wanted:  # the list that was asked for comes later
            self._wanted, self._wants_current = wanted, True
        if is_other:
            self.scheduleDelayedItemsLayout()
            self.executeDelayedItemsLayout()
            self.verticalScrollBar().setValue(offset)
        looks = _looks_of(state)
        if looks != self._rendered:
            self._rendered = looks
            self.painter.colours = THEMES[state.theme]
            self.viewport().update()
            self._teller.start(0)
        if is_other or state.current != self._current:
            self._render_current(state.current, goes_there=self._wants_current and is_other)
            self._wants_current = self._wants_current and not is_other

    def selected_places(self) -> tuple[int, ...]:
        """Give the places of all images that are selected."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return tuple(sorted({place for row in rows for place in self.rows.node_at(row).places}))

    def columns(self) -> int:
        """Count the items beside each other."""
        return 1

    def _take(self, state: AppState) -> bool:
        raise NotImplementedError

    def _render_current(self, current: ImageRef | None, *, goes_there: bool) -> None:
        is_other = goes_there or current != self._current
        self._current = current
        row = self.rows.row_of(current)
        index = self.rows.index(row)
        if not index.isValid():
            self.clearSelection()
            return
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if is_other:
            self.scrollTo(index)

    def _tell_places(self) -> None:
        count = self.rows.rowCount()
        if not count or not self.isVisible():
            return
        if self._has_come and self.currentIndex().isValid():  # only now does it know how wide it is
            self._has_come = False
            self.scrollTo(self.currentIndex())
        height = max(1, self.sizeHintForIndex(self.rows.index(0)).height())
        columns = self.columns()
        first = self.verticalOffset() // height * columns
        last = min(count, ((self.verticalOffset() + self.viewport().height()) // height + 1) * columns)
        self.places_shown.emit(tuple(self._places(range(max(0, first), last))))

    def _places(self, rows: Iterable[int]) -> Iterable[int]:
        return (self.rows.node_at(row).place for row in rows)

    def _step_of(self, key: Qt.Key) -> int:
        rows, columns = self.rows.rowCount(), self.columns()
        page = max(1, self.viewport().height() // max(1, self.sizeHintForRow(0)) - 1) * columns if rows else 1
        most = len(self.rows.listing.ids)
        steps = {Qt.Key.Key_Down: columns, Qt.Key.Key_Up: -columns, Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
        pages = {Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page, Qt.Key.Key_End: most, Qt.Key.Key_Home: -most}
        return (steps | pages).get(key, 0)

    def _on_clicked(self) -> None:
        index = self.currentIndex()
        if index.isValid() and len(self.selectedIndexes()) == 1:
            self.image_chosen.emit(self.rows.ref_at(index.row()))

    def _on_menu(self, where: QPoint) -> None:
        index = self.indexAt(where)
        if index.isValid():
            self.menu_requested.emit(self.selected_places(), self.viewport().mapToGlobal(where))

    # Called by Qt.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn the keys that move into steps; with Shift or Ctrl they select."""
        step = self._step_of(Qt.Key(event.key()))
        if step and not event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier):
            self.step_requested.emit(step)
        elif event.key() == Qt.Key.Key_Menu and self.currentIndex().isValid():
            self.menu_requested.emit(self.selected_places(), self.mapToGlobal(self.visualRect(self.currentIndex()).center()))
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Go to the chosen image, and say what is seen."""
        super().showEvent(event)
        self._has_come = True
        self._teller.start(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say what is seen."""
        super().resizeEvent(event)
        self._teller.start(0)


class PatientList(BrowserList):
    """Patients, studies and images below each other."""

    patient_folded = Signal(int)
    """A patient is to be folded, or unfolded. Parameters: patient (int)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._model = PatientModel()
        super().__init__("imageList", "Patients, studies and images", self._model, RowDelegate(), parent)
        self._model.setParent(self)
        self.painter.setParent(self)
        self._pressed_fold = False

    def _take(self, state: AppState) -> bool:
        return self._model.render_state(state)

    def _fold_at(self, where: QPoint) -> int:
        """Give the patient whose fold sign lies here; 0 for none."""
        index = self.indexAt(where)
        if not index.isValid() or where.x() > PADDING_PX + BAR_PX + CHEVRON_PX:
            return 0
        node = self._model.node_at(index.row())
        return node.patient if node.kind is NodeKind.PATIENT else 0

    # Called by Qt.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Fold or unfold where its sign is clicked; nothing is chosen then."""
        patient = self._fold_at(event.position().toPoint()) if event.button() == Qt.MouseButton.LeftButton else 0
        self._pressed_fold = bool(patient)
        if patient:
            self.patient_folded.emit(patient)
        else:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Leave a click on the fold sign at that."""
        if not self._pressed_fold:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Fold with the left key, unfold with the right one, when the row is a patient's or an image's below one."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and index.isValid():
            node = self._model.node_at(index.row())
            is_folded = node.kind is NodeKind.PATIENT and not node.is_unfolded
            if node.kind is not NodeKind.LONE_IMAGE and is_folded is (event.key() == Qt.Key.Key_Right):
                self.patient_folded.emit(node.patient)
                return
        super().keyPressEvent(event)


class PictureGrid(BrowserList):
    """Thumbnails in rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._model = PictureModel()
        self._tiles = TileDelegate()
        super().__init__("pictureGrid", "Thumbnails", self._model, self._tiles, parent)
        self._model.setParent(self)
        self._tiles.setParent(self)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)

    def columns(self) -> int:
        """Count the tiles beside each other."""
        return max(1, self.viewport().width() // self._tiles.width)

    def _take(self, state: AppState) -> bool:
        return self._model.render_state(state)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the tiles fill the width."""
        room = event.size().width()
        width = max(TILE_PX // 2, room // max(1, round(room / TILE_PX)))
        if width != self._tiles.width:
            self._tiles.width = width
            self.scheduleDelayedItemsLayout()
        super().resizeEvent(event)


def _looks_of(state: AppState) -> tuple[object, ...]:
    """Give what decides how rows look; the same objects mean the same looks."""
    browser: Browser = state.browser
    listing: Listing = state.listing
    outcomes: Outcomes = state.outcomes
    theme: ThemeName = state.theme
    return (listing, outcomes, browser.rows, browser.thumbnails, browser.unfolded, theme, state.is_hiding_names)
