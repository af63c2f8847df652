"""Both looks can be read."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon
from pytestqt.qtbot import QtBot

from cxrview.app.state import ThemeName
from cxrview.app.theme import THEMES, Colours, app_icon, icon, icon_file, style_sheet
from cxrview.app.views.actions import Actions
from cxrview.app.views.canvas_texts import GROUND_ALPHA
from cxrview.io.places import resource


def luminance(colour: str) -> float:
    """Give the relative luminance of WCAG 2.2."""
    parts = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of WCAG 2.2."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def pairs(colours: Colours) -> list[tuple[str, str]]:
    """Give each text colour with each ground it stands on."""
    texts = (colours.text, colours.muted, colours.positive, colours.error)
    on_ground = [(text, ground) for text in texts for ground in (colours.panel, colours.window, colours.selected)]
    on_raised = [(text, ground) for text in (colours.text, colours.muted) for ground in (colours.raised,)]
    return [*on_ground, *on_raised, (colours.on_accent, colours.accent), (colours.canvas_text, colours.canvas)]


@pytest.mark.parametrize("theme", list(ThemeName))
def test_every_text_has_a_contrast_of_four_and_a_half(theme: ThemeName) -> None:
    poor = {pair: round(contrast(*pair), 2) for pair in pairs(THEMES[theme]) if contrast(*pair) < 4.5}
    assert not poor


def test_texts_on_the_canvas_can_be_read_over_white_film() -> None:
    gray = round(255 * (1 - GROUND_ALPHA / 255))
    assert contrast(THEMES[ThemeName.DARK].canvas_text, f"#{gray:02x}{gray:02x}{gray:02x}") >= 4.5


@pytest.mark.parametrize("theme", list(ThemeName))
def test_the_style_sheet_is_complete_and_its_pictures_exist(theme: ThemeName) -> None:
    sheet = style_sheet(theme)
    assert "$" not in sheet
    assert sheet.count("{") == sheet.count("}")
    assert set(re.findall(r'url\("([^"]+)"\)', sheet)) == {icon_file(name, theme).as_posix() for name in ("down", "check")}
    assert all(icon_file(name, theme).is_file() for name in ("down", "check"))


@pytest.mark.parametrize("theme", list(ThemeName))
def test_every_icon_can_be_drawn(theme: ThemeName, qtbot: QtBot) -> None:
    names = [path.stem for path in resource("resources/icons").glob("*.svg") if not path.stem.endswith(("-dark", "-light"))]
    assert {"folder", "files", "layers", "score"} <= set(names)
    for name in names:
        image = icon(name, theme).pixmap(20, 20).toImage()
        assert any(image.pixelColor(x, y).alpha() > 100 for x in range(20) for y in range(20)), name
    assert not app_icon().pixmap(64, 64).isNull()


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_icons_are_sharp_on_a_finer_screen_that_comes_later(ratio: float, qtbot: QtBot) -> None:
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
        pixmap = icon("folder", ThemeName.DARK).pixmap(QSize(20, 20), ratio, mode)
        assert (pixmap.width(), pixmap.devicePixelRatio()) == (20 * ratio, ratio)


def test_no_two_actions_share_a_key(qtbot: QtBot) -> None:
    actions = Actions()
    keys = [action.shortcut().toString() for action in actions.children() if not action.shortcut().isEmpty()]  # type: ignore[attr-defined]
    assert len(keys) == len(set(keys)) >= 10
    actions.deleteLater()
