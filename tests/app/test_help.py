"""The guide in the window: every page of the documents can be read offline, and no link leads out."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app.views.help_dialog import HelpDialog, page_names, slug, title_of
from cxrview.io.places import resource

DOCS = resource("docs")


@pytest.fixture
def guide(qtbot: QtBot) -> HelpDialog:
    made = HelpDialog(DOCS)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(made)
    made.show()
    return made


def test_pictures_of_a_page_are_shown_no_wider_than_the_page(guide: HelpDialog) -> None:
    guide.page.show_page("guide.md")
    image = QTextDocument.ResourceType.ImageResource
    picture = guide.page.loadResource(image.value, QUrl("pictures/layers.webp"))
    assert isinstance(picture, QImage)
    assert 400 < picture.deviceIndependentSize().width() <= guide.page.viewport().width()
    elsewhere = guide.page.loadResource(image.value, QUrl("../resources/icons/cxrview.svg"))
    assert isinstance(elsewhere, QImage)
    assert elsewhere.isNull()


def address(guide: HelpDialog) -> str:
    label = guide.findChild(QLabel, "helpAddress")
    assert label is not None
    return label.text()


def test_every_document_is_in_the_contents() -> None:
    assert set(page_names(DOCS)) == {path.name for path in DOCS.glob("*.md")}


def test_every_page_opens_with_its_title(guide: HelpDialog) -> None:
    for name in page_names(DOCS):
        guide.page.show_page(name)
        assert guide.page.shown == name
        assert guide.page.toPlainText().startswith(title_of(DOCS / name))
        chosen = guide.contents.currentItem()
        assert chosen is not None
        assert chosen.text() == title_of(DOCS / name)
        assert address(guide) == ""


def test_links_between_pages_are_followed_and_the_way_back_is_known(guide: HelpDialog) -> None:
    back = guide.findChild(QPushButton, "helpBack")
    assert back is not None
    assert not back.isEnabled()
    guide.page.setSource(QUrl("columns.md"))
    assert guide.page.shown == "columns.md"
    back.click()
    assert guide.page.shown == "README.md"


@pytest.mark.parametrize("link", ["https://example.org/", "../CHANGELOG.md", "no-such-page.md", "file:///etc/passwd"])
def test_a_link_that_leads_out_is_told_and_not_followed(guide: HelpDialog, link: str) -> None:
    guide.page.setSource(QUrl(link))
    assert guide.page.shown == "README.md"
    assert link in address(guide)


def test_a_link_to_a_heading_scrolls_there(guide: HelpDialog) -> None:
    guide.page.setSource(QUrl("model-package.md#one-file"))
    assert guide.page.shown == "model-package.md"
    assert guide.page.verticalScrollBar().value() > 0


def test_every_link_to_a_heading_has_a_heading() -> None:
    lost = []
    for page in DOCS.glob("*.md"):
        for name, place in re.findall(r"\]\(([\w./-]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            target = page if not name else page.parent / name
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            if place not in {slug(re.sub(r"[`*]", "", heading)) for heading in headings}:
                lost.append(f"{page.name}: {name}#{place}")
    assert lost == []


def test_words_are_found_on_the_page_and_around_its_end(guide: HelpDialog, qtbot: QtBot) -> None:
    line = guide.findChild(QLineEdit, "helpSearch")
    assert line is not None
    guide.page.show_page("columns.md")
    line.setText("status")
    for _ in range(40):
        qtbot.keyClick(line, Qt.Key.Key_Return)
        assert guide.page.textCursor().selectedText().lower() == "status"
    line.setText("zebra crossing")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert "zebra crossing" in address(guide)


def test_controls_have_names(guide: HelpDialog) -> None:
    buttons = [guide.findChild(QPushButton, name) for name in ("helpBack", "helpForward")]
    for child in (guide.page, guide.contents, *guide.findChildren(QLineEdit), *buttons):
        assert child is not None
        assert child.objectName()
        assert child.accessibleName()
