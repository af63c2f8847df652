"""What the columns of a source's table mean, with its first rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.tables import fill_table, make_button, make_table
from cxrview.training.sources import Source, SourceKind
from cxrview.training.spreadsheet import Sheet

PREVIEWED = 4
SINGLE = (
    ("image", "Image file or UID"),
    ("patient", "Patient"),
    ("source", "Hospital or collection"),
    ("view", "View"),
    ("sex", "Sex"),
    ("age", "Age"),
    ("split", "Ready-made split"),
)
NOTHING = "—"


class SourceForm(QWidget):
    """Name, meaning of columns, place of the images, and a filter."""

    source_changed = Signal(object)
    """The person changed the source. Parameters: source (Source)."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sourceForm")
        self.source: Source | None = None
        self._sheet: Sheet | None = None
        self._sheets: dict[Path, Sheet] = {}
        self._name = QLineEdit()
        self._name.setObjectName("sourceName")
        self._name.setAccessibleName("Name of the place")
        self._name.setPlaceholderText("Name of the hospital or collection")
        self._boxes = {field: ChoiceBox(f"column-{field}", title) for field, title in SINGLE}
        self._labels = QListWidget()
        self._labels.setObjectName("column-labels")
        self._labels.setAccessibleName("Label columns")
        self._labels.setFixedHeight(96)
        self._filter_column = ChoiceBox("filter-column", "Filter: column")
        self._filter_values = QLineEdit()
        self._filter_values.setObjectName("filter-values")
        self._filter_values.setAccessibleName("Filter: values that take part")
        self._filter_values.setPlaceholderText("values that take part, with commas: PA, AP")
        self._pictures = make_button("picturesFolder", "Folder of the images…", hint="Where the table's images are looked for")
        self._where = make_label("picturesPlace", "muted")
        self._preview = make_table("sheetPreview", "First rows of the table")
        self._table_part = QWidget()
        self._build()

    def render_source(self, source: Source | None, sheet: Sheet | None) -> None:
        """Show a source; none hides the form."""
        self.setVisible(source is not None)
        if source is not None and sheet is not None:
            self._sheets[source.place] = sheet
        if source is self.source and sheet is self._sheet:
            return
        self.source, self._sheet = source, sheet
        if source is None:
            return
        self._name.setText(source.name)
        is_table = source.kind is not SourceKind.FOLDERS and sheet is not None
        self._table_part.setVisible(is_table)
        if is_table and sheet is not None:
            self._render_table(source, sheet)

    def sheet_of(self, source: Source | None) -> Sheet | None:
        """Give the table of a source that was shown before."""
        return self._sheets.get(source.place) if source else None

    def _render_table(self, source: Source, sheet: Sheet) -> None:
        choices = [(NOTHING, ""), *((name, name) for name in sheet.columns)]
        for field, box in self._boxes.items():
            box.render_choices(choices, getattr(source.columns, field))
        self._filter_column.render_choices(choices, next(iter(source.keep), ""))
        self._filter_values.setText(", ".join(next(iter(source.keep.values()), ())))
        self._labels.clear()
        for name in sheet.columns:
            item = QListWidgetItem(name, self._labels)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name in source.columns.labels else Qt.CheckState.Unchecked)
        self._where.setText(f"Images are looked for below {source.pictures or source.place.parent}")
        fill_table(self._preview, sheet.columns, [[row[name] for name in sheet.columns] for row in sheet.rows[:PREVIEWED]])

    def _build(self) -> None:
        self._name.editingFinished.connect(self._on_name)
        for field, box in self._boxes.items():
            box.choice_made.connect(lambda value, field=field: self._change_columns(**{field: value}))
        self._labels.itemClicked.connect(self._on_labels)
        self._labels.itemChanged.connect(self._on_labels)
        self._filter_column.choice_made.connect(lambda _value: self._on_filter())
        self._filter_values.editingFinished.connect(self._on_filter)
        self._pictures.clicked.connect(self._ask_for_pictures)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        for number, (field, title) in enumerate(SINGLE):
            grid.addWidget(QLabel(title), number // 4 * 2, number % 4)
            grid.addWidget(self._boxes[field], number // 4 * 2 + 1, number % 4)
        grid.addWidget(make_label("labelWords", "", "Labels: one column of names, or several of 1 and 0"), 4, 0)
        grid.addWidget(self._labels, 5, 0, 3, 1)
        grid.addWidget(QLabel("Only rows where"), 4, 1)
        grid.addWidget(self._filter_column, 5, 1)
        grid.addWidget(self._filter_values, 5, 2, 1, 2)
        grid.addWidget(self._pictures, 6, 1)
        grid.addWidget(self._where, 6, 2, 1, 2)
        for number in range(4):
            grid.setColumnStretch(number, 1)
        inner = QVBoxLayout(self._table_part)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._preview)
        inner.addLayout(grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._name)
        column.addWidget(self._table_part)
        self.hide()

    def _on_name(self) -> None:
        if self.source is not None and self._name.text().strip() not in ("", self.source.name):
            self._tell(replace(self.source, name=self._name.text().strip()))

    def _change_columns(self, **changes: object) -> None:
        if self.source is not None:
            self._tell(replace(self.source, columns=replace(self.source.columns, **changes)))  # type: ignore[arg-type]

    def _on_labels(self) -> None:
        items = [self._labels.item(place) for place in range(self._labels.count())]
        labels = tuple(item.text() for item in items if item.checkState() is Qt.CheckState.Checked)
        if self.source is not None and labels != self.source.columns.labels and len(items) == self._columns():
            self._tell(replace(self.source, columns=replace(self.source.columns, labels=labels)))

    def _columns(self) -> int:
        sheet = self.sheet_of(self.source)
        return len(sheet.columns) if sheet is not None else 0

    def _on_filter(self) -> None:
        if self.source is None:
            return
        chosen = self._filter_column.currentText()
        values = tuple(part.strip() for part in self._filter_values.text().split(",") if part.strip())
        keep = {chosen: values} if chosen != NOTHING and values else {}
        if dict(self.source.keep) != keep:
            self._tell(replace(self.source, keep=keep))

    def _ask_for_pictures(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the images")
        if folder and self.source is not None:
            self._tell(replace(self.source, pictures=Path(folder)))

    def _tell(self, source: Source) -> None:
        self.source_changed.emit(source)
