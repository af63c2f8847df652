"""The cases of a worklist as a virtual table: only what is on the screen is ever asked for."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from cxrview.app.cases import Case
from cxrview.app.state import ThemeName
from cxrview.app.theme import THEMES, Colours
from cxrview.app.worklist import SortBy, Worklist, is_veiled
from cxrview.batch.flag_texts import flag_text
from cxrview.batch.readings import Call, Opinion

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Case", "Likeliest", "p", "Findings", "View", "Flags", "Reading", "Note")
WIDTHS_PX = (26, 250, 120, 56, 340, 52, 220, 110, 120)
SORTS = {1: SortBy.NAME, 2: SortBy.TOP, 3: SortBy.PROBABILITY, 4: SortBy.URGENCY, 7: SortBy.READING}
VEILED = "read first"
NOT_SCORED, WITHHELD = "not scored", "withheld"
SYMBOLS = {Call.FINDING: "●", Call.NO_FINDING: "○", Call.UNSURE: "?"}


class WorklistModel(QAbstractTableModel):
    """Cells straight from the state; nothing is made for a case that is not on the screen."""

    PlaceRole = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = Worklist()
        self._is_hiding_names = False
        self.colours: Colours = THEMES[ThemeName.DARK]

    def render_state(self, state: Worklist, *, is_hiding_names: bool) -> None:
        """Show these cases."""
        before, self._state = self._state, state
        is_renamed = is_hiding_names != self._is_hiding_names
        self._is_hiding_names = is_hiding_names
        if state.shown is not before.shown or state.cases is not before.cases:
            self.beginResetModel()
            self.endResetModel()
        elif (state.readings is not before.readings or is_renamed or state.is_blind != before.is_blind) and state.shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(state.shown) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the shown cases."""
        return 0 if parent.isValid() else len(self._state.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a column's title, above numbers to the right."""
        if role == Qt.ItemDataRole.TextAlignmentRole and orientation == Qt.Orientation.Horizontal and section == 3:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        is_title = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return COLUMNS[section] if is_title else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a cell's text, tooltip, colour or the case's place."""
        if not index.isValid():
            return None
        place = self._state.shown[index.row()]
        if role == self.PlaceRole:
            return place
        case = self._state.cases.all[place]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(case, place, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(case, place)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(case, index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 3:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _text(self, case: Case, place: int, column: int) -> str:
        last = self._state.readings.last(case)
        if column == 1:
            return f"Case {place + 1:,}" if self._is_hiding_names else case.name
        if column in (0, 7, 8):
            return _said(last, column)
        if is_veiled(self._state, case):
            return VEILED if column == 2 else ""
        return self._network_text(case, column)

    def _network_text(self, case: Case, column: int) -> str:
        name_of = self._state.cases.name_of
        match column:
            case 2:
                return NOT_SCORED if case.error else WITHHELD if case.withheld else name_of(case.top) if case.top >= 0 else ""
            case 3:
                return f"{case.likeliest:.2f}" if case.probabilities else ""
            case 4:
                strongest = sorted(case.positives, key=lambda at: -case.probabilities[at])
                return _reason(case) or ", ".join(f"{name_of(at)} {case.probabilities[at]:.2f}" for at in strongest)
            case 5:
                return case.view
        return ", ".join(flag_text(flag) for flag in case.flags)

    def _tooltip(self, case: Case, place: int) -> str:
        name = f"Case {place + 1:,}" if self._is_hiding_names else case.key
        if is_veiled(self._state, case):
            return f"{name}\nSay first what you see; then what the network says is shown."
        if case.error or case.withheld:
            return f"{name}\n{case.error or case.withheld}"
        lines = [f"{self._state.cases.name_of(at)}: {value:.3f}" for at, value in enumerate(case.probabilities)]
        like = "" if case.in_distribution is None else f"\nlikeness to the training images: {case.in_distribution:.2f}"
        return f"{name}\n" + "\n".join(lines) + like

    def _colour(self, case: Case, column: int) -> QColor | None:
        if column == 0:
            last = self._state.readings.last(case)
            return QColor(self.colours.positive if last is not None and last.call is Call.FINDING else self.colours.muted)
        if is_veiled(self._state, case):
            return QColor(self.colours.muted) if column == 2 else None
        if (case.error or case.withheld) and column in (2, 4):
            return QColor(self.colours.error if column == 2 and case.error else self.colours.muted)
        if case.model_call is Call.FINDING and column in (2, 3, 4):
            return QColor(self.colours.positive)
        return QColor(self.colours.muted) if column in (5, 6, 8) else None


def _reason(case: Case) -> str:
    """Say why a case has no scores, or none to be believed."""
    return case.error or case.withheld.partition(": ")[2]


def _said(last: Opinion | None, column: int) -> str:
    if last is None:
        return ""
    if column == 0:
        return SYMBOLS[last.call]
    if column == 8:
        return last.note
    if last.call is Call.UNSURE or not last.model_call:
        return str(last.call)
    return f"{last.call} {'✓' if last.call == last.model_call else '≠'}"
