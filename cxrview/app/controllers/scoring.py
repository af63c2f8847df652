"""Lets the model read: what is shown at once, its neighbours next, all listed images on request; a click goes in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from cxrview.app.answers import wants_maps
from cxrview.app.cells import cell_states
from cxrview.app.controllers.answering import Answer, Memory, answer_key, answer_to
from cxrview.app.controllers.kept import Kept
from cxrview.app.controllers.models import Session
from cxrview.app.state import (
    DEFAULT_ANSWERS_MB,
    AppState,
    LoadedPicture,
    NotScored,
    ReadyModel,
    RecalledAnalysis,
    ScoringFailed,
    batch_advanced,
    batch_ended,
    batch_started,
    neighbours,
    notice_given,
    reading_known,
    scoring_started,
    with_polarity,
)
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef
from cxrview.core.polarity import turned_pixels
from cxrview.core.results import Analysis
from cxrview.io.read import read_pixels

CURRENT_KEY = "score current"
MAPS_KEY = "score for maps"
CELL_KEY = "score place"
AHEAD_KEY = "score ahead"
BATCH_KEY = "score all"

PictureOf = Callable[[ImageRef], LoadedPicture | None]


class Scoring:
    """Follows the state: a shown picture without an answer gets one, as soon as a model runs."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        session: Callable[[], Session | None],
        memory: Memory | None = None,
        ready_picture: PictureOf = lambda _ref: None,
    ) -> None:
        """Ask `session` for the model in use, and `ready_picture` for pictures that are read already but not shown yet."""
        self._store = store
        self._runner = runner
        self._session = session
        self._memory = memory or Memory(Kept(DEFAULT_ANSWERS_MB))
        self._ready_picture = ready_picture
        self._hashes: dict[tuple[ImageRef, bool], str] = {}
        self._openings = 0
        self._for: Session | None = None
        self._waiting: deque[ImageRef] = deque()
        self._under_way: dict[str, ImageRef] = {}
        self._given_up: set[ImageRef] = set()
        self._settled: tuple[object, ...] = ()
        self._again: set[ImageRef] = set()

    def follow(self, state: AppState) -> None:
        """Score what is shown, and stop the batch when the state knows of none any more."""
        if state.batch is None:
            self._waiting.clear()
            self._runner.cancel(BATCH_KEY)
        session = self._session()
        if session is None or not isinstance(state.model, ReadyModel):
            self._cancel_all_shown()
            return
        self._memory.kept.resize(state.answers_mb)
        if session is not self._for or state.openings != self._openings:
            self._cancel_all_shown()
            self._hashes.clear()
            self._given_up.clear()
            self._settled = ()
            self._for, self._openings = session, state.openings
        self._follow_shown(state, session)

    def score_shown(self) -> None:
        """Score the shown picture, for a person who does not want it done unasked."""
        state, session = self._store.state, self._session()
        is_wanted = isinstance(state.model, ReadyModel) and not isinstance(state.reading, Analysis)
        if session is not None and is_wanted and isinstance(state.picture, LoadedPicture):
            self._score(state.picture, session)

    def score_all(self) -> None:
        """Score every listed image that has no outcome yet."""
        state = self._store.state
        if not isinstance(state.model, ReadyModel) or state.batch is not None:
            return
        waiting = deque(ref for ref in state.listing.shown if ref not in state.outcomes.by_ref)
        if not waiting:
            self._store.apply(notice_given, "All listed images are scored.")
            return
        self._store.apply(batch_started, len(waiting))
        self._waiting = waiting
        self._score_next()

    def score_again(self, refs: Sequence[ImageRef]) -> None:
        """Let the model read these images once more, whatever was answered before."""
        if not refs or not isinstance(self._store.state.model, ReadyModel) or self._store.state.batch is not None:
            return
        self._again.update(refs)
        self._store.apply(batch_started, len(refs))
        self._waiting = deque(refs)
        self._score_next()

    def cancel_all(self) -> None:
        """Stop scoring all; what is scored stays."""
        self._waiting.clear()
        self._runner.cancel(BATCH_KEY)
        self._store.apply(batch_ended)

    # What is shown, then what is shown beside it, then what may be shown next.

    def _follow_shown(self, state: AppState, session: Session) -> None:
        picture, reading = state.picture, state.reading
        if isinstance(picture, LoadedPicture) and isinstance(reading, NotScored):
            if self._is_wanted(state, picture):
                self._score(picture, session)
            return
        if isinstance(picture, LoadedPicture) and isinstance(reading, RecalledAnalysis) and wants_maps(state):
            self._answer_beside(MAPS_KEY, picture, session, needs_maps=True)
        if self._follow_places(state, session) or not isinstance(reading, Analysis) or not state.is_auto_scoring:
            return
        ahead = (self._ready_picture(ref) for ref in neighbours(state) if ref not in state.outcomes.by_ref)
        following = next((each for each in ahead if each is not None and each.ref not in self._given_up), None)
        if following is not None and state.batch is None:
            self._answer_beside(AHEAD_KEY, with_polarity(state, following), session)

    def _follow_places(self, state: AppState, session: Session) -> bool:
        """Score the pictures in the other places of the layout; tell whether there is one to wait for."""
        # Asked at each step of a drag: what each place shows is worked out only where something of it is new.
        parked = [(cell.reading, cell.picture) for index, cell in enumerate(state.grid.cells) if index != state.grid.active]
        seen = (*(part for pair in parked for part in pair), state.layers, state.model, state.shown_anyway, state.is_auto_scoring)
        if _are_same(seen, self._settled):
            return False
        self._settled = ()
        for place in cell_states(state):
            picture, reading = place.picture, place.reading
            if not isinstance(picture, LoadedPicture) or picture.ref in self._given_up or picture.ref == state.current:
                continue
            needs_maps = isinstance(reading, RecalledAnalysis) and wants_maps(place)
            if needs_maps or (isinstance(reading, NotScored) and self._is_wanted(state, picture)):
                self._answer_beside(CELL_KEY, picture, session, needs_maps=needs_maps)
                return True
        self._settled = seen
        return False

    def _is_wanted(self, state: AppState, picture: LoadedPicture) -> bool:
        """Tell whether an answer is to be shown unasked: always, or only one that is known already."""
        return state.is_auto_scoring or picture.ref in state.outcomes.by_ref

    def _score(self, picture: LoadedPicture, session: Session) -> None:
        digest = self._hashes.get(_hash_place(picture))
        kept = None if digest is None else self._memory.kept.analysis(answer_key(digest, session))
        if kept is not None:
            self._store.apply(reading_known, picture.ref, kept)
            return
        self._store.apply(scoring_started)
        self._runner.start(
            Lane.MODEL,
            CURRENT_KEY,
            lambda _context: answer_to(picture.pixels, session, self._memory),
            lambda answer: self._on_answer(picture, answer),
            on_failed=lambda error: self._store.apply(reading_known, picture.ref, _failure(error)),
        )

    def _answer_beside(self, key: str, picture: LoadedPicture, session: Session, *, needs_maps: bool = False) -> None:
        """Get an answer without saying that the shown picture is being scored."""
        if self._under_way.get(key) == picture.ref or picture.ref in self._given_up:
            return
        self._under_way[key] = picture.ref
        self._runner.start(
            Lane.MODEL,
            key,
            lambda _context: answer_to(picture.pixels, session, self._memory, needs_maps=needs_maps),
            lambda answer: self._on_answer(picture, answer, key),
            on_failed=lambda error: self._on_failed_beside(key, picture, error, needs_maps=needs_maps),
        )

    def _on_answer(self, picture: LoadedPicture, answer: Answer, key: str = "") -> None:
        self._under_way.pop(key, None)
        self._hashes[_hash_place(picture)] = answer.pixels_hash
        self._save(picture.ref, answer)
        self._store.apply(reading_known, picture.ref, answer.analysis)

    def _save(self, ref: ImageRef, answer: Answer) -> None:
        """Keep a new answer, and one from an earlier session with this image too: it may have been given for another file."""
        if answer.is_new or isinstance(answer.analysis, RecalledAnalysis):
            self._memory.save(ref, answer)

    def _on_failed_beside(self, key: str, picture: LoadedPicture, error: CxrError, *, needs_maps: bool) -> None:
        self._under_way.pop(key, None)
        self._given_up.add(picture.ref)
        if needs_maps:  # the scores are known and stay
            self._store.apply(notice_given, str(error))
        elif key != AHEAD_KEY:
            self._store.apply(reading_known, picture.ref, _failure(error))

    def _cancel_all_shown(self) -> None:
        for key in (CURRENT_KEY, MAPS_KEY, CELL_KEY, AHEAD_KEY):
            self._runner.cancel(key)
        self._under_way.clear()

    # All that are listed.

    def _score_next(self) -> None:
        session = self._session()
        if not self._waiting or session is None:
            self._store.apply(batch_ended)
            return
        ref = self._waiting.popleft()
        is_turned = ref in self._store.state.turned_polarity
        # Without a memory there is nothing that the answer could be taken from.
        memory = Memory(Kept(0)) if ref in self._again else self._memory
        self._again.discard(ref)
        self._runner.start(
            Lane.MODEL,
            BATCH_KEY,
            lambda context: _read_and_answer(ref, session, memory, context, is_turned=is_turned),
            lambda answer: self._on_batch_scored(ref, answer),
            on_failed=lambda error: self._on_batch_answer(ref, _failure(error)),
        )

    def _on_batch_scored(self, ref: ImageRef, answer: Answer) -> None:
        self._hashes[ref, ref in self._store.state.turned_polarity] = answer.pixels_hash
        self._save(ref, answer)
        self._on_batch_answer(ref, answer.analysis)

    def _on_batch_answer(self, ref: ImageRef, answer: Analysis | ScoringFailed) -> None:
        self._store.apply(batch_advanced, ref, answer)
        if self._store.state.batch is not None:
            self._score_next()


def _are_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Tell whether two rows hold the same objects."""
    return len(one) == len(other) and all(part is before for part, before in zip(one, other, strict=True))


def _hash_place(picture: LoadedPicture) -> tuple[ImageRef, bool]:
    return picture.ref, picture.is_turned


def _read_and_answer(ref: ImageRef, session: Session, memory: Memory, context: Context, *, is_turned: bool) -> Answer:
    pixels = read_pixels(ref)
    context.check()
    return answer_to(turned_pixels(pixels) if is_turned else pixels, session, memory)


def _failure(error: CxrError) -> ScoringFailed:
    return ScoringFailed(error.message, error.hint)
