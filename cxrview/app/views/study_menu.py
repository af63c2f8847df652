"""The menu of what can be done with the shown image's study, and with the list."""

from __future__ import annotations

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from cxrview.app.row_texts import image_of_ref
from cxrview.app.state import AppState


class StudyMenu(QMenu):
    """Steps from study to study, shows priors, and keeps what a person says of an image."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("&Study", parent)
        self.setObjectName("studyMenu")
        self.previous = self._make("previousStudy", "Pre&vious study", "Ctrl+Up")
        self.next = self._make("nextStudy", "Ne&xt study", "Ctrl+Down")
        self.prior = self._make("prior", "&Prior of this patient, side by side", "Shift+P")
        self.addSeparator()
        self.star = self._make("starImage", "&Star", "Ctrl+D", is_checkable=True)
        self.unread = self._make("unreadImage", "Mark as &unread", "Ctrl+U")
        self.note = self._make("noteOnImage", "Write a &note for the list", "Ctrl+N")
        self.addSeparator()
        self.patients = self._make("showByPatient", "List by p&atient", "", is_checkable=True)
        self.pictures = self._make("showThumbnails", "&Thumbnails", "", is_checkable=True)
        self.addSeparator()
        self.save = self._make("saveList", "Save the list as &CSV…", "Ctrl+Shift+E")
        self.again = self._make("lookAgain", "&Look for new and missing files", "F5")

    def render_state(self, state: AppState) -> None:
        """Enable what can be used, check what is on."""
        image = image_of_ref(state, state.current)
        for action in (self.prior, self.star, self.note):
            action.setEnabled(image is not None)
        self.unread.setEnabled(image is not None and image.is_read)
        self.star.setChecked(image is not None and image.is_starred)
        is_grouped = bool(state.listing.groups)
        for action in (self.previous, self.next):
            action.setEnabled(is_grouped and state.current is not None)
        self.patients.setChecked(state.browser.mode is state.browser.mode.PATIENTS)
        self.pictures.setChecked(state.browser.mode is state.browser.mode.PICTURES)
        self.save.setEnabled(bool(state.listing.ids))
        self.again.setEnabled(state.browser.opened > 0 and not state.searching)

    def _make(self, name: str, text: str, keys: str, *, is_checkable: bool = False) -> QAction:
        action = self.addAction(text)
        action.setObjectName(name)
        action.setCheckable(is_checkable)
        if keys:
            action.setShortcut(QKeySequence(keys))
        return action
