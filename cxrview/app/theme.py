"""How the window looks: two sets of colours, one style sheet, and icons drawn in the colour of the text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from cxrview.app.state import ThemeName
from cxrview.io.places import resource

ICON_PX = 20
# Device px per px of the finest screens: one of them may be plugged in while the program runs.
ICON_RATIOS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours by what they are for; every text colour reaches a contrast of 4.5 on the grounds it stands on.

    Attributes:
        window: ground of the window. panel: ground of lists and cards. raised: buttons, fields, tracks.
        canvas: ground behind a radiograph, dark in both looks.
        positive: findings that reach their threshold. second: of a second model.
    """

    window: str
    panel: str
    raised: str
    hovered: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    selected: str
    positive: str
    error: str
    second: str
    canvas: str = "#07080a"
    canvas_text: str = "#d7dce3"
    warning_ground: str = "#f3b562"
    warning_text: str = "#201400"


DARK = Colours(
    window="#15171b",
    panel="#1b1e23",
    raised="#282c34",
    hovered="#333944",
    border="#363c47",
    text="#e8eaee",
    muted="#a4acb8",
    accent="#5cb6cb",
    on_accent="#06181d",
    selected="#23424c",
    positive="#f3b562",
    error="#ff948a",
    second="#bda4f5",
)
LIGHT = Colours(
    window="#eef0f3",
    panel="#ffffff",
    raised="#e9ecf0",
    hovered="#dde2e8",
    border="#c3c9d2",
    text="#1a1d23",
    muted="#555d6b",
    accent="#0a6a82",
    on_accent="#ffffff",
    selected="#cfe6ec",
    positive="#8a4b00",
    error="#b3261e",
    second="#5b3db8",
)
THEMES = {ThemeName.DARK: DARK, ThemeName.LIGHT: LIGHT}

_STYLE = Template("""
QWidget { color: $text; }
QMainWindow, QDialog, #startPage, #wizardWindow { background: $window; }
QSplitter::handle { background: $window; image: none; width: 5px; }
QSplitter::handle:hover { background: $accent; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 6px; }
QMenuBar { background: $window; padding: 2px 4px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: $raised; }
QMenuBar:disabled, QMenuBar::item:disabled { color: $muted; }
QMenu { background: $panel; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 22px; border-radius: 4px; }
QMenu::item:selected { background: $selected; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 5px 6px; }
QToolBar { background: $window; border: none; spacing: 2px; padding: 2px 8px 4px 8px; }
QToolBar::separator { background: $border; width: 1px; margin: 5px 7px; }
QToolButton { border: 1px solid transparent; border-radius: 5px; padding: 4px; background: transparent; }
QToolButton:hover { background: $raised; }
QToolButton:pressed { background: $hovered; }
QToolButton:checked { background: $selected; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $muted; }
QStatusBar { background: $window; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $muted; padding: 0 6px; }
QStatusBar QLabel[role="badge"] { padding: 0 10px; }
#panel { background: $panel; }
#panel QScrollArea, #panelBody { background: $panel; border: none; }
QLabel { background: transparent; }
QLabel[role="heading"] { color: $muted; font-weight: 600; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="error"] { color: $error; }
QFrame[role="line"] { background: $border; border: none; max-height: 1px; min-height: 1px; }
QPushButton { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 6px 14px; }
QPushButton:hover { background: $hovered; }
QPushButton:pressed { background: $selected; }
QPushButton:checked { background: $selected; border-color: $accent; }
QPushButton:focus { border-color: $accent; outline: none; }
QPushButton:disabled { color: $muted; background: $panel; }
QPushButton[role="main"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[role="main"]:disabled { background: $panel; color: $muted; border-color: $border; }
QPushButton[role="main"]:hover { border-color: $text; }
QLineEdit, QComboBox { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 5px 8px; }
QLineEdit { selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit:focus, QComboBox:focus { border-color: $accent; }
QComboBox:disabled { color: $muted; background: $panel; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($icon_down); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $border; outline: none; padding: 3px; }
QComboBox QAbstractItemView { selection-background-color: $selected; selection-color: $text; }
QListView { background: $panel; border: none; outline: none; }
QCheckBox { spacing: 8px; background: transparent; padding: 2px 0; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid $muted; border-radius: 4px; background: $raised; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($icon_check); }
QCheckBox::indicator:focus { border-color: $text; }
QCheckBox:disabled { color: $muted; }
QRadioButton { spacing: 8px; background: transparent; padding: 2px 0; }
QRadioButton::indicator { width: 13px; height: 13px; border: 1px solid $muted; border-radius: 7px; background: $raised; }
QRadioButton::indicator:checked { background: $accent; border: 1px solid $accent; }
QRadioButton::indicator:focus { border-color: $text; }
QRadioButton:disabled { color: $muted; }
QSlider { background: transparent; min-height: 22px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $border; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $accent; }
QSlider::sub-page:horizontal:disabled { background: $border; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $text; }
QSlider::handle:horizontal:focus { background: $accent; border: 1px solid $text; width: 12px; height: 12px; }
QSlider::handle:horizontal:disabled { background: $muted; }
QProgressBar { background: $raised; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 30px; }
QScrollBar::handle:horizontal { min-width: 30px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QLabel[role="chip"] { background: $raised; border: 1px solid $border; border-radius: 9px; }
QLabel[role="chipWarning"] { color: $positive; border: 1px solid $positive; border-radius: 9px; }
QLabel[role="chipError"] { color: $error; border: 1px solid $error; border-radius: 9px; }
#refusalCard { background: $raised; border: 1px solid $error; border-radius: 6px; }
#polarityCard { background: $raised; border: 1px solid $positive; border-radius: 6px; }
#refusalCard QLabel, #polarityCard QLabel { background: transparent; }
QToolButton[role="link"] { color: $accent; border: none; padding: 3px 6px 3px 0; }
QToolButton[role="link"]:hover, QToolButton[role="link"]:focus { text-decoration: underline; background: transparent; }
QToolButton[role="link"]:disabled { color: $muted; }
QToolButton[role="link"]::menu-indicator { image: none; }
QToolButton[role="scope"] { font-weight: 600; padding: 4px 24px 4px 6px; }
QToolButton[role="scope"]::menu-indicator { image: url($icon_down); width: 14px; height: 14px; }
QToolButton[role="scope"]::menu-indicator { subcontrol-origin: padding; subcontrol-position: right center; right: 5px; }
QListWidget { background: $window; border: 1px solid $border; border-radius: 5px; outline: none; padding: 1px; }
QListWidget::item { padding: 4px 6px; border-radius: 3px; }
QListWidget::item:selected { background: $selected; color: $text; }
QListWidget::item:hover:!selected { background: $raised; }
QListWidget::item:disabled { color: $muted; }
QListWidget:focus { border-color: $accent; }
QListView::indicator { width: 14px; height: 14px; border: 1px solid $muted; border-radius: 4px; background: $raised; }
QListView::indicator:checked { background: $accent; border-color: $accent; image: url($icon_check); }
QSpinBox { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 4px 6px; }
QSpinBox QLineEdit { background: transparent; border: none; padding: 0 4px; }
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
QSpinBox:focus { border-color: $accent; }
#wizardBody { background: $window; }
#wizardBody QTableView::item { padding: 2px 8px; }
QDoubleSpinBox { background: $raised; border: 1px solid $border; border-radius: 5px; padding: 4px 6px; }
QDoubleSpinBox QLineEdit { background: transparent; border: none; padding: 0 4px; }
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { width: 0; border: none; }
QDoubleSpinBox:focus { border-color: $accent; }
QTextBrowser, QTableView, QPlainTextEdit { background: $panel; border: 1px solid $border; border-radius: 5px; }
QTableView { selection-background-color: $selected; selection-color: $text; }
#problemTable::item, #ownKeysTable::item { padding: 3px 6px; }
QHeaderView::section { background: $raised; border: none; border-right: 1px solid $border; padding: 5px 8px; }
#noticeBar { background: $selected; border: 1px solid $accent; border-bottom: none; }
#noticeBar { border-top-left-radius: 8px; border-top-right-radius: 8px; }
#noticeBar QLabel { padding: 3px 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
#dropHint { border: 1px dashed $muted; border-radius: 10px; }
""")


def system_theme(application: QApplication) -> ThemeName:
    """Give the look of the system; one that does not say gets the dark one, in which radiographs are read."""
    is_light = application.styleHints().colorScheme() == Qt.ColorScheme.Light
    return ThemeName.LIGHT if is_light else ThemeName.DARK


def apply_theme(application: QApplication, name: ThemeName) -> None:
    """Give the whole program this look."""
    colours = THEMES[name]
    application.setStyle("Fusion")
    application.setPalette(palette_of(colours))
    application.setStyleSheet(style_sheet(name))


def style_sheet(name: ThemeName) -> str:
    """Give the style sheet of a look."""
    icons = {f"icon_{icon}": icon_file(icon, name).as_posix() for icon in ("down", "check")}
    return _STYLE.substitute(asdict(THEMES[name]) | {key: f'"{path}"' for key, path in icons.items()})


def palette_of(colours: Colours) -> QPalette:
    """Give the palette for what the style sheet does not reach, and for painters."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.Base: colours.panel,
        QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Link: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.muted))
    return palette


def icon_file(name: str, theme: ThemeName) -> Path:
    """Give the file of an icon that exists once for each look, for the style sheet."""
    return resource(f"resources/icons/{name}-{theme}.svg")


def icon(name: str, theme: ThemeName) -> QIcon:
    """Draw an icon in the text colour of a look, muted when disabled, for every screen that may be there or come later."""
    colours = THEMES[theme]
    drawing = resource(f"resources/icons/{name}.svg").read_text(encoding="utf-8")
    made = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, colours.text), (QIcon.Mode.Disabled, colours.border)):
        renderer = QSvgRenderer(QByteArray(drawing.replace("currentColor", colour).encode()))
        for ratio in ICON_RATIOS:
            made.addPixmap(_drawn(renderer, ratio), mode)
    return made


def app_icon() -> QIcon:
    """Give the icon of the program."""
    return QIcon(str(resource("resources/icons/cxrview.svg")))


def _drawn(renderer: QSvgRenderer, ratio: int) -> QPixmap:
    pixmap = QPixmap(QSize(ICON_PX, ICON_PX) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
