"""The documents of the program, read offline."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QImage, QKeySequence, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.views.close_box import close_box

FIRST_SIZE = QSize(1080, 760)
LIST_WIDTH_PX = 240
CONTENTS = "README.md"


class Page(QTextBrowser):
    """A page of the guide; links to other pages are followed, those that lead out of the folder are only told."""

    def __init__(self, folder: Path, address: QLabel) -> None:
        """Show pages of `folder`; tell in `address` where a link would lead."""
        super().__init__()
        self._folder, self._address = folder.resolve(), address
        self.setObjectName("helpText")
        self.setAccessibleName("Page of the user guide")

    def show_page(self, name: str) -> None:
        """Show the page in the file of that name."""
        self.setSource(QUrl.fromLocalFile(str(self._folder / name)))

    @property
    def shown(self) -> str:
        """The file name of the page on the screen."""
        return Path(self.source().toLocalFile()).name

    def find_on(self, text: str) -> None:
        """Go to the next place where `text` stands, and from the end to the first one."""
        if text and not self.find(text):
            self.moveCursor(self.textCursor().MoveOperation.Start)
            is_found = self.find(text)
            self._address.setText("" if is_found else f"“{text}” does not stand on this page.")

    def doSetSource(self, name: QUrl | str, type: QTextDocument.ResourceType = QTextDocument.ResourceType.UnknownResource) -> None:  # noqa: A002, ARG002 - Qt's names
        """Qt: go where a link leads, when that is a page of ours."""
        link = QUrl(name)
        target = self.source().resolved(link) if link.isRelative() else link
        place = target.fragment()
        file = Path(target.toLocalFile()).resolve() if target.isLocalFile() else None
        if file is None or not file.is_relative_to(self._folder) or not file.is_file():
            self._address.setText(f"Not part of this guide: {link.toString()}")
            return
        self._address.clear()
        if file != Path(self.source().toLocalFile()).resolve():
            target.setFragment("")
            super().doSetSource(target, QTextDocument.ResourceType.MarkdownResource)
        if place:
            self._go_to(place)

    def loadResource(self, type: int, name: QUrl | str) -> object:  # noqa: A002 - Qt's names
        """Qt: give a picture of the page, no wider than the page is."""
        if type != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(type, name)
        file = Path(self.source().resolved(QUrl(name)).toLocalFile()).resolve()
        picture = QImage(str(file)) if file.is_relative_to(self._folder) else QImage()
        ratio = self.devicePixelRatioF()
        bar = 0 if self.verticalScrollBar().isVisible() else self.verticalScrollBar().sizeHint().width()  # it will come
        width = round((self.viewport().width() - 2 * self.document().documentMargin() - bar) * ratio)
        if picture.width() > width:
            picture = picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
            picture.setDevicePixelRatio(ratio)
        return picture

    def _go_to(self, place: str) -> None:
        """Scroll to the heading of that name, as Markdown readers name them."""
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and slug(block.text()) == place:
                top = self.document().documentLayout().blockBoundingRect(block).top()
                self.verticalScrollBar().setValue(round(top))
                return
            block = block.next()


class HelpDialog(QDialog):
    """The contents at the left, a page at the right; the window behind can be used meanwhile."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        """Show the Markdown documents in `folder`, in the order in which its README names them."""
        super().__init__(parent)
        self.setObjectName("helpDialog")
        self.setWindowTitle("User guide")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._address = QLabel(self)
        self._address.setObjectName("helpAddress")
        self._address.setTextFormat(Qt.TextFormat.PlainText)
        self.page = Page(folder, self._address)
        self.contents = self._build_contents(folder)
        self._line = self._build_line()
        rows = QHBoxLayout()
        rows.addWidget(self.contents)
        rows.addWidget(self.page, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(self._build_bar())
        layout.addLayout(rows, 1)
        layout.addWidget(self._address)
        layout.addWidget(close_box(self))
        self.page.sourceChanged.connect(self._on_page_shown)
        self.contents.itemClicked.connect(self._on_title_chosen)
        self.contents.itemActivated.connect(self._on_title_chosen)
        self.page.show_page(CONTENTS)
        self.resize(FIRST_SIZE)

    def _build_contents(self, folder: Path) -> QListWidget:
        titles = QListWidget(self)
        titles.setObjectName("helpContents")
        titles.setAccessibleName("Pages of the user guide")
        titles.setFixedWidth(LIST_WIDTH_PX)
        for name in page_names(folder):
            item = QListWidgetItem(title_of(folder / name), titles)
            item.setData(Qt.ItemDataRole.UserRole, name)
        return titles

    def _build_line(self) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName("helpSearch")
        line.setAccessibleName("Find on this page")
        line.setPlaceholderText("Find on this page")
        line.setClearButtonEnabled(True)
        line.returnPressed.connect(lambda: self.page.find_on(line.text()))
        return line

    def _build_bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        for name, text, key, slot, available in (
            ("helpBack", "&Back", QKeySequence.StandardKey.Back, self.page.backward, self.page.backwardAvailable),
            ("helpForward", "&Forward", QKeySequence.StandardKey.Forward, self.page.forward, self.page.forwardAvailable),
        ):
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.setAccessibleName(text.replace("&", ""))
            button.setAutoDefault(False)
            button.setShortcut(QKeySequence(key))
            button.setEnabled(False)
            button.clicked.connect(slot)
            available.connect(button.setEnabled)
            bar.addWidget(button)
        bar.addWidget(self._line, 1)
        return bar

    def _on_page_shown(self, source: QUrl) -> None:
        for row in range(self.contents.count()):
            item = self.contents.item(row)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == source.fileName():
                self.contents.setCurrentItem(item)

    def _on_title_chosen(self, item: QListWidgetItem) -> None:
        self.page.show_page(str(item.data(Qt.ItemDataRole.UserRole)))


def page_names(folder: Path) -> list[str]:
    """Give the pages of a folder: its README, then what that names, in that order."""
    text = (folder / CONTENTS).read_text(encoding="utf-8")
    return [CONTENTS, *dict.fromkeys(re.findall(r"\]\(([\w-]+\.md)\)", text))]


def title_of(page: Path) -> str:
    """Give the first heading of a page."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1].replace("`", "") if found else page.stem


def slug(heading: str) -> str:
    """Give the name by which links mean a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
