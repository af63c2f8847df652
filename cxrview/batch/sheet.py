"""Contact sheets: many small pictures with their heatmaps on a few pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError
from cxrview.io.atomic import replacing

ByteArray = npt.NDArray[np.uint8]
COLUMNS, ROWS = 6, 5
TILE_PX, CAPTION_PX, GAP_PX = 256, 44, 8
INK, SOFT, POSITIVE = (235, 235, 235), (170, 170, 170), (90, 190, 255)  # BGR
LONGEST_NAME = 34


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a sheet: a JPEG file, the image's name, what was found."""

    picture: bytes
    name: str
    finding: str
    is_positive: bool


def write_sheets(folder: Path, tiles: Iterable[Tile]) -> tuple[Path, ...]:
    """Write `contact-sheet-1.jpg` and so on, a page for every thirty pictures; one page is held at a time."""
    written = []
    for number, page in enumerate(_pages(tiles), start=1):
        path = folder / f"contact-sheet-{number}.jpg"
        is_done, encoded = cv2.imencode(".jpg", _drawn(page), [cv2.IMWRITE_JPEG_QUALITY, 88])
        if not is_done:
            raise CxrError("the contact sheet could not be encoded as JPEG.", subject=str(path))
        with replacing(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
        written.append(path)
    return tuple(written)


def _pages(tiles: Iterable[Tile]) -> Iterator[list[Tile]]:
    page: list[Tile] = []
    for tile in tiles:
        page.append(tile)
        if len(page) == COLUMNS * ROWS:
            yield page
            page = []
    if page:
        yield page


def _drawn(page: Sequence[Tile]) -> ByteArray:
    rows = (len(page) + COLUMNS - 1) // COLUMNS
    columns = min(len(page), COLUMNS)
    step_x, step_y = TILE_PX + GAP_PX, TILE_PX + CAPTION_PX + GAP_PX
    canvas = np.full((rows * step_y + GAP_PX, columns * step_x + GAP_PX, 3), 24, np.uint8)
    for number, tile in enumerate(page):
        x, y = GAP_PX + number % COLUMNS * step_x, GAP_PX + number // COLUMNS * step_y
        picture = cv2.imdecode(np.frombuffer(tile.picture, np.uint8), cv2.IMREAD_COLOR)
        if picture is not None:
            height, width = min(picture.shape[0], TILE_PX), min(picture.shape[1], TILE_PX)
            top, left = y + (TILE_PX - height) // 2, x + (TILE_PX - width) // 2
            canvas[top : top + height, left : left + width] = picture[:height, :width]
        _write(canvas, tile.finding, x, y + TILE_PX + 16, POSITIVE if tile.is_positive else INK)
        _write(canvas, _shortened(tile.name), x, y + TILE_PX + 36, SOFT)
    return canvas


def _shortened(name: str) -> str:
    """Keep both ends of a long name; letters that the drawn font does not have become question marks."""
    plain = name.encode("ascii", "replace").decode()
    half = LONGEST_NAME // 2 - 1
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:half]}..{plain[-half:]}"


def _write(canvas: ByteArray, text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
