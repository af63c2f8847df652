"""Reads the chosen image and the ones that are likely to be chosen next."""

from __future__ import annotations

from collections import OrderedDict

from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import AppState, LoadedPicture, UnreadablePicture, neighbours, picture_loaded, waited_for
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef
from cxrview.core.voi import auto_window, display_facts, file_window
from cxrview.io.read import read_pixels

# Of small pictures; how many bytes are kept is the person's choice.
KEPT_PICTURES = 100
BYTES_PER_MB = 1_000_000


def load_picture(ref: ImageRef) -> LoadedPicture:
    """Read an image and make it ready to be painted at any size."""
    pixels = read_pixels(ref)
    window = file_window(pixels) or auto_window(pixels)
    facts = (*pixels.facts, *display_facts(pixels))
    return LoadedPicture(ref, pixels, build_pyramid(pixels.values, pixels.shutter), window, facts)


class Pictures:
    """Follows the state: whatever is chosen gets read, its neighbours after it; what nobody wants any more is cancelled."""

    def __init__(self, store: Store, runner: Runner) -> None:
        self._store = store
        self._runner = runner
        self._kept: OrderedDict[ImageRef, LoadedPicture | UnreadablePicture] = OrderedDict()
        self._under_way: dict[ImageRef, str] = {}
        self._openings = 0
        self._current: ImageRef | None = None
        self._tried: set[ImageRef] = set()

    def follow(self, state: AppState) -> None:
        """Read what the state lacks; files that are opened again are read again, for they may have changed."""
        if state.openings != self._openings:
            self._openings = state.openings
            self._forget()
        waiting = waited_for(state)
        ready = next((ref for ref in waiting if ref in self._kept), None)
        if ready is not None:
            self._kept.move_to_end(ready)
            self._store.apply(picture_loaded, self._kept[ready])
            return
        if state.current != self._current:
            self._current = state.current
            self._tried.clear()
        wanted = (*waiting, *(() if state.current is None else neighbours(state)))
        for ref in tuple(self._under_way):
            if ref not in wanted:
                self._runner.cancel(self._under_way.pop(ref))
        for ref in wanted:
            # What was read ahead and let go again, because there is no room for it, is not read ahead a second time.
            if ref not in self._kept and ref not in self._under_way and (ref in waiting or ref not in self._tried):
                self._read(ref)

    def kept(self, ref: ImageRef) -> LoadedPicture | None:
        """Give a picture that is read already."""
        found = self._kept.get(ref)
        return found if isinstance(found, LoadedPicture) else None

    def _forget(self) -> None:
        self._kept.clear()
        for key in self._under_way.values():
            self._runner.cancel(key)
        self._under_way.clear()
        self._tried.clear()

    def _read(self, ref: ImageRef) -> None:
        self._tried.add(ref)
        self._under_way[ref] = f"picture {ref}"
        self._runner.start(
            Lane.FILES,
            self._under_way[ref],
            lambda _context: load_picture(ref),
            self._keep,
            on_failed=lambda error: self._keep(_unreadable(ref, error)),
        )

    def _keep(self, picture: LoadedPicture | UnreadablePicture) -> None:
        self._under_way.pop(picture.ref, None)
        self._kept[picture.ref] = picture
        room = self._store.state.cache_mb * BYTES_PER_MB
        while len(self._kept) > 1 and (len(self._kept) > KEPT_PICTURES or sum(map(_bytes_of, self._kept.values())) > room):
            self._kept.popitem(last=False)
        self._store.apply(picture_loaded, picture)


def _unreadable(ref: ImageRef, error: CxrError) -> UnreadablePicture:
    return UnreadablePicture(ref, error.message, error.hint)


def _bytes_of(picture: LoadedPicture | UnreadablePicture) -> int:
    return sum(level.nbytes for level in picture.pyramid.levels) if isinstance(picture, LoadedPicture) else 0
