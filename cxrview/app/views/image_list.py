"""The opened images: a list that stays quick at fifty thousand, with what came out for each, a filter, and scoring of all."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QProgressBar,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.privacy import shown_name, shown_title
from cxrview.app.state import AppState, Batch, Listing, Outcome, Outcomes, ReadyModel
from cxrview.app.theme import THEMES, Colours
from cxrview.core.image import ImageRef

ROW_PADDING_PX = 6
DOT_PX = 8
MAX_REFUSALS_TOLD = 20
Index = QModelIndex | QPersistentModelIndex
STEP_KEYS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1}


class ImageListModel(QAbstractListModel):
    """Rows straight from the state; nothing is made per row."""

    RefRole = Qt.ItemDataRole.UserRole
    OutcomeRole = Qt.ItemDataRole.UserRole + 1

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = AppState()
        self._listing = Listing()
        self._outcomes = Outcomes()

    def render_state(self, state: AppState) -> None:
        """Show these images and outcomes."""
        is_renamed = state.is_hiding_names != self._state.is_hiding_names
        self._state = state
        if state.listing is not self._listing:
            self.beginResetModel()
            self._listing, self._outcomes = state.listing, state.outcomes
            self.endResetModel()
        elif state.outcomes is not self._outcomes or is_renamed:
            self._outcomes = state.outcomes
            if self._listing.shown:
                self.dataChanged.emit(self.index(0), self.index(len(self._listing.shown) - 1))

    def index_of(self, ref: ImageRef | None) -> QModelIndex:
        """Give the row of an image; not valid when the filter hides it."""
        place = self._listing.place_of(ref)
        return self.index(place) if place >= 0 else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the images that match the filter."""
        return 0 if parent.isValid() else len(self._listing.shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a row's name, tooltip, image ref or outcome."""
        if not index.isValid():
            return None
        ref = self._listing.shown[index.row()]
        outcome = self._outcomes.by_ref.get(ref)
        if role == Qt.ItemDataRole.DisplayRole:
            return shown_name(self._state, ref)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return outcome_text(outcome) if self._state.is_hiding_names else f"{ref}\n{outcome_text(outcome)}"
        if role == self.RefRole:
            return ref
        return outcome if role == self.OutcomeRole else None


def outcome_text(outcome: Outcome | None) -> str:
    """Say what came out for an image."""
    if outcome is None:
        return "Not scored yet"
    if outcome.top is None:
        return outcome.error
    if outcome.withheld:
        return outcome.withheld
    above = "at or above" if outcome.top.is_positive else "under"
    return f"{outcome.top.label.name} {outcome.top.probability:.2f}, {above} its threshold {outcome.top.threshold:.2f}"


class ImageDelegate(QStyledItemDelegate):
    """Paints a row: a dot for its status, the name, the top label and its probability below."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours: Colours = THEMES[AppState().theme]

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Two lines high."""
        return QSize(120, 2 * option.fontMetrics.lineSpacing() + 2 * ROW_PADDING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        painter.save()
        self._paint_ground(painter, option)
        outcome = index.data(ImageListModel.OutcomeRole)
        line = option.fontMetrics.lineSpacing()
        area = option.rect.adjusted(ROW_PADDING_PX + 4, ROW_PADDING_PX, -ROW_PADDING_PX - 4, -ROW_PADDING_PX)
        self._paint_dot(painter, QRect(area.left(), area.top() + (line - DOT_PX) // 2, DOT_PX, DOT_PX), outcome)
        words = area.adjusted(DOT_PX + 9, 0, 0, 0)
        self._paint_line(
            painter,
            option,
            QRect(words.left(), words.top(), words.width(), line),
            str(index.data()),
            self.colours.text,
            Qt.TextElideMode.ElideMiddle,
        )
        self._paint_outcome(painter, option, QRect(words.left(), words.top() + line, words.width(), line), outcome)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(self.colours.selected))
            painter.fillRect(QRect(option.rect.left(), option.rect.top(), 3, option.rect.height()), QColor(self.colours.accent))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, QColor(self.colours.raised))

    def _paint_dot(self, painter: QPainter, box: QRect, outcome: Outcome | None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self.colours.muted))
        if outcome is not None:
            colour = self._dot_colour(outcome)
            painter.setPen(QColor(colour))
            painter.setBrush(QColor(colour))
        painter.drawEllipse(box)

    def _dot_colour(self, outcome: Outcome) -> str:
        if outcome.top is None:
            return self.colours.error
        return self.colours.positive if outcome.top.is_positive and not outcome.withheld else self.colours.muted

    def _paint_outcome(self, painter: QPainter, option: QStyleOptionViewItem, box: QRect, outcome: Outcome | None) -> None:
        text, colour = "not scored", self.colours.muted
        if outcome is not None and outcome.withheld:
            text = "scores withheld"
        elif outcome is not None and outcome.top is None:
            text, colour = outcome.error, self.colours.error
        elif outcome is not None and outcome.top is not None:
            text = f"{outcome.top.label.name}  {outcome.top.probability:.2f}"
            colour = self.colours.positive if outcome.top.is_positive else self.colours.muted
        self._paint_line(painter, option, box, text, colour, Qt.TextElideMode.ElideRight)

    def _paint_line(
        self, painter: QPainter, option: QStyleOptionViewItem, box: QRect, text: str, colour: str, elide: Qt.TextElideMode
    ) -> None:
        painter.setPen(QColor(colour))
        shown = option.fontMetrics.elidedText(text, elide, box.width())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)


class _List(QListView):
    """A list whose keys say what is wanted instead of moving by themselves."""

    step_requested = Signal(int)
    """Another image is wanted. Parameters: step down the list (int)."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn the keys that move into steps."""
        step = self._step_of(Qt.Key(event.key()))
        if step:
            self.step_requested.emit(step)
        else:
            super().keyPressEvent(event)

    def _step_of(self, key: Qt.Key) -> int:
        rows = self.model().rowCount()
        page = max(1, self.viewport().height() // max(1, self.sizeHintForRow(0)) - 1) if rows else 1
        pages = {Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page, Qt.Key.Key_End: rows, Qt.Key.Key_Home: -rows}
        return (STEP_KEYS | pages).get(key, 0)


class ImageListPanel(QWidget):
    """The left side of the window."""

    image_chosen = Signal(object)
    """The person chose an image. Parameters: image ref (ImageRef)."""
    filter_edited = Signal(str)
    """The person typed into the filter. Parameters: text (str)."""
    score_all_requested = Signal()
    """All listed images are to be scored."""
    batch_cancel_requested = Signal()
    """Scoring of all is to stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._rendered: AppState | None = None
        self._model = ImageListModel(self)
        self._delegate = ImageDelegate(self)
        self._title, self._count, self._refusals = (
            _label("listTitle", "title"),
            _label("listCount", "muted"),
            _label("listRefusals", "error"),
        )
        self._filter = self._build_filter()
        self.list = self._build_list()
        self._score_all, self._batch_row = self._build_score_all(), QWidget(self)
        self._batch_text, self._progress = _label("batchText", "muted"), QProgressBar(self)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the listing, the chosen image, the outcomes and the batch."""
        before, self._rendered = self._rendered, state
        if before is None or before.theme != state.theme:
            self._delegate.colours = THEMES[state.theme]
            self.list.viewport().update()
        self._model.render_state(state)
        parts = (state.listing, state.current, state.is_hiding_names)
        if before is None or (before.listing, before.current, before.is_hiding_names) != parts:
            self._render_listing(state)
            self._render_current(state.current)
        if self._filter.text() != state.filter_text:
            self._filter.setText(state.filter_text)
        self._render_batch(state.batch)
        self._score_all.setEnabled(isinstance(state.model, ReadyModel) and bool(state.listing.shown))

    def focus_filter(self) -> None:
        """Let the person type into the filter."""
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._filter.selectAll()

    def _render_listing(self, state: AppState) -> None:
        listing = state.listing
        self._title.setText(shown_title(state))
        self._title.setToolTip(shown_title(state))
        everything = f"{len(listing.refs):,} {'image' if len(listing.refs) == 1 else 'images'}"
        is_filtered = len(listing.shown) != len(listing.refs)
        others = f", {listing.others:,} other {'file' if listing.others == 1 else 'files'}" if listing.others else ""
        self._count.setText(f"{len(listing.shown):,} of {everything}" if is_filtered else everything + others)
        refused = len(listing.refusals)
        self._refusals.setVisible(bool(refused))
        self._refusals.setText(f"{refused:,} could not be opened")
        told = listing.refusals[:MAX_REFUSALS_TOLD]
        reasons = [refusal.reason if state.is_hiding_names else f"{refusal.path.name}: {refusal.reason}" for refusal in told]
        self._refusals.setToolTip("\n".join(reasons))

    def _render_current(self, current: ImageRef | None) -> None:
        index = self._model.index_of(current)
        if index.isValid():
            self.list.setCurrentIndex(index)
            self.list.scrollTo(index)
        else:
            self.list.clearSelection()

    def _render_batch(self, batch: Batch | None) -> None:
        self._batch_row.setVisible(batch is not None)
        self._score_all.setVisible(batch is None)
        if batch is not None:
            self._progress.setMaximum(batch.total)
            self._progress.setValue(batch.done)
            self._batch_text.setText(f"{batch.done:,} of {batch.total:,} scored")

    def _on_clicked(self, index: QModelIndex) -> None:
        self.image_chosen.emit(index.data(ImageListModel.RefRole))

    def _build_filter(self) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName("filter")
        line.setAccessibleName("Filter by name")
        line.setPlaceholderText("Filter by name")
        line.setToolTip("Show only images whose name contains each of these words (Ctrl+F)")
        line.setClearButtonEnabled(True)
        line.textEdited.connect(self.filter_edited)
        return line

    def _build_list(self) -> _List:
        view = _List(self)
        view.setObjectName("imageList")
        view.setAccessibleName("Images")
        view.setModel(self._model)
        view.setItemDelegate(self._delegate)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.clicked.connect(self._on_clicked)
        return view

    def _build_score_all(self) -> QPushButton:
        button = QPushButton("Score all", self)
        button.setObjectName("scoreAll")
        button.setToolTip("Let the model read every listed image that has no score yet")
        button.clicked.connect(self.score_all_requested)
        return button

    def _build_layout(self) -> None:
        cancel = QPushButton("Cancel", self._batch_row)
        cancel.setObjectName("cancelBatch")
        cancel.clicked.connect(self.batch_cancel_requested)
        self._progress.setObjectName("batchProgress")
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Images scored")
        told = QVBoxLayout()
        told.addWidget(self._batch_text)
        told.addWidget(self._progress)
        row = QHBoxLayout(self._batch_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(told, 1)
        row.addWidget(cancel)
        head = QVBoxLayout()
        head.setContentsMargins(12, 10, 12, 8)
        head.setSpacing(4)
        for widget in (self._title, self._count, self._refusals):
            head.addWidget(widget)
        head.addSpacing(4)
        head.addWidget(self._filter)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 8, 12, 12)
        foot.addWidget(self._score_all)
        foot.addWidget(self._batch_row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.list, 1)
        layout.addLayout(foot)


def _label(name: str, role: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setMinimumWidth(40)
    return label
