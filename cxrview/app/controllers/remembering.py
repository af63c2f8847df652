"""Writes the person's wishes into the settings file when they have changed."""

from __future__ import annotations

from cxrview.app.state import notice_given
from cxrview.app.store import Store
from cxrview.app.wishes import kept_settings
from cxrview.io.settings import Settings, save_settings


class Remembering:
    """Knows what stands in the file; nothing is written while the wishes are those of the file."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._kept = settings

    def keep(self) -> None:
        """Write what the person wishes now; a disk that takes nothing is told."""
        settings = kept_settings(self._kept, self._store.state)
        if settings == self._kept:
            return
        try:
            save_settings(settings)
        except OSError as error:
            self._store.apply(notice_given, f"The settings cannot be written ({error.strerror}). They hold until the program ends.")
        else:
            self._kept = settings
