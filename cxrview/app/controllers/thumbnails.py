"""Makes the small pictures of the browser, one by one in the files lane, so that a click waits for one at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cxrview.app.browser import Gray
from cxrview.app.browsing import thumbnails_known
from cxrview.app.pyramid import build_pyramid, look_up
from cxrview.app.state import AppState
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.image import ImageRef, Pixels, read_only
from cxrview.core.voi import auto_window, display_table, file_window
from cxrview.io.read import read_pixels

KEY = "thumbnail"
SIDE_PX = 160


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: int
    ref: ImageRef


class Thumbnails:
    """Makes what is seen and nothing else: when a person scrolls on, what was left behind is dropped."""

    def __init__(self, store: Store, runner: Runner) -> None:
        self._store = store
        self._runner = runner
        self._waiting: list[_Wanted] = []
        self._under_way: _Wanted | None = None
        self._openings = 0

    def follow(self, state: AppState) -> None:
        """Forget what is under way when files are opened anew, for they may have changed."""
        if state.openings != self._openings:
            self._openings = state.openings
            self._waiting.clear()

    def show(self, places: Sequence[int]) -> None:
        """Make pictures for these places of the list, in this order."""
        listing, known = self._store.state.listing, self._store.state.browser.thumbnails.by_id
        self._waiting = [
            _Wanted(listing.ids[place], listing.shown[place])
            for place in places
            if 0 <= place < len(listing.ids) and listing.ids[place] not in known
        ]
        if self._under_way is None:
            self._next()

    def _next(self) -> None:
        if not self._waiting:
            return
        wanted = self._under_way = self._waiting.pop(0)
        self._runner.start(
            Lane.FILES,
            KEY,
            lambda _context: thumbnail_of(read_pixels(wanted.ref)),
            lambda picture: self._on_made(wanted, picture),
            on_failed=lambda _error: self._on_made(wanted, None),
        )

    def _on_made(self, wanted: _Wanted, picture: Gray | None) -> None:
        self._under_way = None
        self._waiting = [each for each in self._waiting if each.id != wanted.id]
        self._store.apply(thumbnails_known, {wanted.id: picture})
        self._next()


def thumbnail_of(pixels: Pixels) -> Gray:
    """Give a picture of at most `SIDE_PX` on its longer side, windowed as the file says, else automatically."""
    pyramid = build_pyramid(pixels.values, pixels.shutter)
    small = pyramid.levels[-1]
    window = None if pixels.voi_luts else file_window(pixels) or auto_window(pixels)
    gray = look_up(small, display_table(pixels, window))
    if pyramid.shutters:
        gray = gray * pyramid.shutters[-1]
    scale = SIDE_PX / max(gray.shape)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    made = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    return read_only(np.asarray(made, np.uint8))
