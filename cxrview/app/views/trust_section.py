"""Whether the answer should be believed: badges for likeness, view and flags, and a refusal that a person may overrule."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from cxrview.app.answers import flags_shown, is_withheld, refusal_of, view_seen
from cxrview.app.state import AppState, LoadedPicture
from cxrview.app.views.flow_layout import FlowLayout
from cxrview.app.views.labels import make_label
from cxrview.core.flags import FLAG_MEANINGS, Flag, flag_words
from cxrview.core.results import Analysis
from cxrview.core.trust import LIKENESS_WORDS, REFUSED_FLAGS, Likeness, likeness_of, likeness_reason

INVERTED_FLAGS = frozenset({Flag.MAYBE_INVERTED, Flag.LOOKS_INVERTED})
SUSPECTED_TEXT = "Inverted? Dark and bright look swapped in this file."
TURNED_TEXT = "Dark and bright were swapped by hand, for the eye and for the model."
FRONTAL = ("PA", "AP")
_LIKENESS_ROLES = {
    Likeness.USUAL: "chip",
    Likeness.UNUSUAL: "chipWarning",
    Likeness.UNLIKE: "chipError",
    Likeness.UNKNOWN: "chip",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A short word with its reason; `role` is its look."""

    name: str
    text: str
    reason: str
    role: str = "chip"


class TrustSection(QWidget):
    """Shows the badges, and keeps scores back where they should not be believed."""

    override_requested = Signal()
    """The person wants to see the scores anyway."""
    polarity_turn_requested = Signal()
    """Dark and bright are to be swapped for the model, too, or swapped back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trust")
        self._chips: list[QLabel] = []
        self._badges = QWidget(self)
        self._flow = FlowLayout(self._badges)
        self._card = QFrame(self)
        self._card.setObjectName("refusalCard")
        self._sentence = make_label("refusal", "error")
        self._button = QPushButton("Show anyway", self._card)
        self._button.setObjectName("showAnyway")
        self._button.setToolTip("Show scores and heatmaps of this image all the same; this is noted in the audit log")
        self._button.clicked.connect(self.override_requested)
        self._polarity = QFrame(self)
        self._polarity.setObjectName("polarityCard")
        self._polarity_text = make_label("polarityText", "muted")
        self._swap = QPushButton(self._polarity)
        self._swap.setObjectName("turnPolarityButton")
        self._swap.setToolTip("Swap dark and bright for the model, too, and score again; this is noted in the audit log")
        self._swap.clicked.connect(self.polarity_turn_requested)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show what speaks for and against believing the answer."""
        badges = badges_of(state)
        while len(self._chips) < len(badges):
            self._chips.append(QLabel(self._badges))
            self._chips[-1].setContentsMargins(9, 2, 9, 2)
            self._flow.addWidget(self._chips[-1])
        for number, chip in enumerate(self._chips):
            chip.setVisible(number < len(badges))
            if number < len(badges):
                _render_chip(chip, badges[number])
        self._badges.setVisible(bool(badges))
        self._flow.invalidate()
        sentence, is_kept_back = refusal_of(state), is_withheld(state)
        self._card.setVisible(bool(sentence))
        self._sentence.setText(sentence if is_kept_back else sentence.replace("The scores are withheld:", "Shown anyway, although"))
        self._button.setVisible(is_kept_back)
        self._render_polarity(state)

    def _render_polarity(self, state: AppState) -> None:
        """Offer to swap dark and bright where that is suspected, and to swap them back."""
        is_turned = isinstance(state.picture, LoadedPicture) and state.picture.is_turned
        is_suspected = not INVERTED_FLAGS.isdisjoint(flags_shown(state))
        self._polarity.setVisible(is_turned or is_suspected)
        self._polarity_text.setText(TURNED_TEXT if is_turned else SUSPECTED_TEXT)
        self._swap.setText("Swap them back" if is_turned else "Swap them and score again")

    def _build_layout(self) -> None:
        card = QVBoxLayout(self._card)
        card.setContentsMargins(10, 8, 10, 8)
        card.addWidget(self._sentence)
        card.addWidget(self._button)
        polarity = QVBoxLayout(self._polarity)
        polarity.setContentsMargins(10, 8, 10, 8)
        polarity.addWidget(self._polarity_text)
        polarity.addWidget(self._swap)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._badges)
        layout.addWidget(self._card)
        layout.addWidget(self._polarity)


def badges_of(state: AppState) -> tuple[Badge, ...]:
    """Give the badges of the shown picture: likeness to the training images, view, flags."""
    if not isinstance(state.picture, LoadedPicture):
        return ()
    flags = flags_shown(state)
    warnings = tuple(
        Badge(str(flag), flag_words(flag), FLAG_MEANINGS[flag], "chipError" if flag in REFUSED_FLAGS else "chipWarning")
        for flag in flags
        if flag is not Flag.UNLIKE_TRAINING  # the likeness badge says so in more words
    )
    seen = view_seen(state.reading) if isinstance(state.reading, Analysis) else ""
    return (*_likeness_badges(state), _view_badge(state.picture, seen), *warnings)


def _likeness_badges(state: AppState) -> tuple[Badge, ...]:
    if not isinstance(state.reading, Analysis):
        return ()
    likeness = likeness_of(state.reading.in_distribution)
    if likeness is Likeness.USUAL and not REFUSED_FLAGS.keys().isdisjoint(flags_shown(state)):
        return ()  # what is no frontal chest film is not praised for its likeness to one
    reason = likeness_reason(state.reading.in_distribution)
    return (Badge("likeness", LIKENESS_WORDS[likeness], reason, _LIKENESS_ROLES[likeness]),)


def _view_badge(picture: LoadedPicture, seen: str) -> Badge:
    """Tell the view that the file names, else the one that a network sees."""
    view = picture.pixels.info.view.upper()
    if not view and seen:
        return Badge("view", f"looks {seen}", f"The file does not say how the picture was taken; a network takes it for {seen}.")
    if not view:
        return Badge("view", "view unknown", "The file does not say how the picture was taken, and no network is sure that it is AP.")
    frontal = "a frontal view" if view in FRONTAL else "not named as a frontal view"
    if seen and view in FRONTAL and seen != view:
        return Badge("view", f"view {view}, looks {seen}", f"The file says {view}; a network takes it for {seen}.", "chipWarning")
    return Badge("view", f"view {view}", f"The file says {view}: {frontal}.")


def _render_chip(chip: QLabel, badge: Badge) -> None:
    chip.setObjectName(f"badge-{badge.name}")
    chip.setText(badge.text)
    chip.setToolTip(badge.reason)
    chip.setAccessibleDescription(badge.reason)
    # A sentence wraps inside the panel; a word does not need to.
    chip.setWordWrap(len(badge.text) > 30)
    if chip.property("role") != badge.role:
        chip.setProperty("role", badge.role)
        chip.style().unpolish(chip)
        chip.style().polish(chip)
    chip.updateGeometry()
