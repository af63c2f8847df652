"""Draw the icon files of the installers from the program's own SVG: `python packaging/icons.py` (needs PySide6).

Windows wants an ICO, macOS an ICNS, Linux PNGs in several sizes; all three are containers of PNGs, written here byte by byte.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ICONS = ROOT / "packaging" / "icons"
DRAWINGS = {"cxrview": ROOT / "resources" / "icons" / "cxrview.svg", "cxrview-model": ICONS / "cxrview-model.svg"}
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
PNG_SIZES = (16, 32, 48, 128, 256)
# The four letters by which macOS knows a size in pixels.
ICNS_KINDS = {
    b"icp4": 16,
    b"icp5": 32,
    b"icp6": 64,
    b"ic07": 128,
    b"ic08": 256,
    b"ic09": 512,
    b"ic11": 32,
    b"ic12": 64,
    b"ic13": 256,
    b"ic14": 512,
}


def main() -> int:
    """Draw everything; give the exit code."""
    for name, drawing in DRAWINGS.items():
        pictures = {size: drawn(drawing, size) for size in sorted({*ICO_SIZES, *PNG_SIZES, *ICNS_KINDS.values()})}
        (ICONS / f"{name}.ico").write_bytes(ico({size: pictures[size] for size in ICO_SIZES}))
        (ICONS / f"{name}.icns").write_bytes(icns(pictures))
        for size in PNG_SIZES:
            (ICONS / f"{name}-{size}.png").write_bytes(pictures[size])
    return 0


def drawn(drawing: Path, size: int) -> bytes:
    """Draw an SVG as a square PNG of `size` pixels."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QBuffer, QByteArray, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication.instance() or QGuiApplication([])
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(drawing)).render(painter)
    painter.end()
    assert application is not None
    store = QByteArray()
    buffer = QBuffer(store)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(store.data())


def ico(pictures: dict[int, bytes]) -> bytes:
    """Give a Windows icon holding PNGs by their size in pixels."""
    place = 6 + 16 * len(pictures)
    directory, contents = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for size, png in pictures.items():
        side = size % 256  # 256 is written as 0
        directory += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(png), place + len(contents))
        contents += png
    return directory + contents


def icns(pictures: dict[int, bytes]) -> bytes:
    """Give a macOS icon holding PNGs by their size in pixels."""
    parts = b"".join(kind + struct.pack(">I", 8 + len(pictures[size])) + pictures[size] for kind, size in ICNS_KINDS.items())
    return b"icns" + struct.pack(">I", 8 + len(parts)) + parts


if __name__ == "__main__":
    sys.exit(main())
