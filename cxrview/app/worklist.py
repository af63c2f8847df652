"""A worklist: scored images in the order in which a person should look at them, what the person said, how far it is; no Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from cxrview.batch.readings import Call, Opinion, ReadingFigures, figures_of
from cxrview.batch.row import ScoreRow, Status
from cxrview.batch.urgency import remarkable, urgency
from cxrview.core.image import ImageRef

ANY = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One image of a worklist, as small as it can be: there may be a hundred thousand.

    Attributes:
        name: of the file, for lists.
        model_call: what the network says: a finding at or above its threshold, or none; empty when it could not read the image.
        probabilities: in the order of the worklist's labels; empty when there are none.
        positives: positions of the labels that reach their threshold.
    """

    ref: ImageRef
    name: str
    error: str
    view: str
    flags: tuple[str, ...]
    in_distribution: float | None
    top: int
    probabilities: tuple[float, ...]
    positives: tuple[int, ...]
    model_call: Call | None
    urgency: float

    @property
    def key(self) -> str:
        """What readings call it: path and frame."""
        return str(self.ref)


class ReadState(StrEnum):
    """Which cases are shown, by what the person has said."""

    ANY = "all cases"
    UNREAD = "not read yet"
    READ = "read"
    AGAINST = "against the network"
    UNSURE = "unsure"


class StatusFilter(StrEnum):
    """Which cases are shown, by what became of them."""

    ANY = "any status"
    POSITIVE = "with a finding"
    NEGATIVE = "without a finding"
    ERROR = "could not be scored"
    FLAGGED = "flagged"


class SortBy(StrEnum):
    """What cases are ordered by."""

    URGENCY = "urgency"
    NAME = "name"
    TOP = "finding"
    PROBABILITY = "probability"
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is shown; empty texts and the first choices stand for everything."""

    text: str = ""
    label: str = ANY
    flag: str = ANY
    status: StatusFilter = StatusFilter.ANY
    reading: ReadState = ReadState.ANY


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What the person said of each case, by its key, in the order it was said."""

    by_key: Mapping[str, tuple[Opinion, ...]] = field(default_factory=dict)

    def last(self, case: Case) -> Opinion | None:
        """Give the last word on a case."""
        said = self.by_key.get(case.key)
        return said[-1] if said else None


@dataclass(frozen=True, slots=True)
class Running:
    """Scoring that is under way."""

    done: int = 0
    files: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """All cases in the order they came, and the labels of their model."""

    labels: tuple[str, ...] = ()
    all: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Worklist:
    """The whole page.

    Attributes:
        source: the table that the cases come from; None for none.
        shown: places in `cases.all`, filtered and ordered.
        current: place of the chosen case; -1 for none.
        is_blind: the reader says first what is seen, and only then what the network says is shown.
        running: scoring that is under way; None for none.
        notice: one sentence for the person.
    """

    source: Path | None = None
    cases: Cases = field(default_factory=Cases)
    shown: tuple[int, ...] = ()
    current: int = -1
    filter: Filter = field(default_factory=Filter)
    sort: SortBy = SortBy.URGENCY
    is_descending: bool = True
    readings: Readings = field(default_factory=Readings)
    is_blind: bool = False
    running: Running | None = None
    notice: str = ""


def case_of(row: ScoreRow, labels: Sequence[str], path: Path, member: str) -> Case:
    """Make a case of a score row; `path` and `member` name its file."""
    ref = ImageRef(path, member, row.frame - 1)
    by_label = {score.label: score for score in row.scores}
    scores = [by_label[label] for label in labels if label in by_label]
    name = member.rpartition("/")[2] if member else path.name
    is_scored = row.status is Status.OK
    found = any(score.is_positive for score in remarkable(row))
    return Case(
        ref=ref,
        name=f"{name} #{row.frame}" if row.frame > 1 else name,
        error="" if is_scored else row.error or "could not be scored",
        view=row.view,
        flags=row.flags,
        in_distribution=row.in_distribution,
        top=labels.index(row.top_label) if row.top_label in labels else -1,
        probabilities=tuple(score.probability for score in scores),
        positives=tuple(place for place, score in enumerate(scores) if score.is_positive),
        model_call=(Call.FINDING if found else Call.NO_FINDING) if is_scored else None,
        urgency=urgency(row),
    )


def cases_opened(state: Worklist, source: Path | None, cases: Cases, readings: Readings) -> Worklist:
    """Show the cases of a table, with what was said of them before."""
    return _arranged(replace(state, source=source, cases=cases, readings=readings, current=-1, notice=""))


def cases_came(state: Worklist, new: Sequence[Case]) -> Worklist:
    """Take cases that were scored meanwhile; the chosen one stays chosen."""
    return _arranged(replace(state, cases=Cases(state.cases.labels, (*state.cases.all, *new)))) if new else state


def filter_chosen(state: Worklist, wanted: Filter) -> Worklist:
    """Show what the filter lets through."""
    return state if wanted == state.filter else _arranged(replace(state, filter=wanted))


def sort_chosen(state: Worklist, by: SortBy, *, is_descending: bool) -> Worklist:
    """Order the cases; in blind reading their order must not tell what the network thinks."""
    return _arranged(replace(state, sort=by, is_descending=is_descending))


def blindness_toggled(state: Worklist) -> Worklist:
    """Begin or end to read before the network is revealed."""
    return _arranged(replace(state, is_blind=not state.is_blind))


def case_chosen(state: Worklist, place: int) -> Worklist:
    """Choose a case by its place in `cases.all`."""
    return replace(state, current=place)


def case_stepped(state: Worklist, step: int) -> Worklist:
    """Choose the case so many further down, stopping at the ends."""
    if not state.shown:
        return state
    row = row_of(state)
    target = 0 if row < 0 else min(len(state.shown) - 1, max(0, row + step))
    return case_chosen(state, state.shown[target])


def next_unread(state: Worklist) -> Worklist:
    """Choose the next case that nobody has said anything of; stay where there is none."""
    row = row_of(state)
    order = (*state.shown[row + 1 :], *state.shown[: max(row, 0)])
    found = next((place for place in order if state.readings.last(state.cases.all[place]) is None), None)
    return state if found is None else case_chosen(state, found)


def opinion_given(state: Worklist, key: str, opinion: Opinion) -> Worklist:
    """Take what the person said of a case; what was said before stays on record."""
    said = (*state.readings.by_key.get(key, ()), opinion)
    return replace(state, readings=Readings({**state.readings.by_key, key: said}))


def run_advanced(state: Worklist, running: Running | None, notice: str = "") -> Worklist:
    """Tell how far the scoring is."""
    return replace(state, running=running, notice=notice or state.notice)


def notice_given(state: Worklist, text: str) -> Worklist:
    """Tell the person something, or nothing."""
    return replace(state, notice=text)


# What is seen.


def row_of(state: Worklist) -> int:
    """Give the row of the chosen case among those shown; -1 when it is not among them."""
    try:
        return state.shown.index(state.current)
    except ValueError:
        return -1


def current_case(state: Worklist) -> Case | None:
    """Give the chosen case."""
    return state.cases.all[state.current] if 0 <= state.current < len(state.cases.all) else None


def is_veiled(state: Worklist, case: Case) -> bool:
    """Tell whether what the network says of a case is not to be seen yet."""
    return state.is_blind and case.key not in state.readings.by_key


def figures(state: Worklist) -> ReadingFigures:
    """Measure reader and network against each other over the cases that were read."""
    pairs = [(case.model_call, state.readings.by_key[case.key]) for case in state.cases.all if case.key in state.readings.by_key]
    return figures_of([(call, said) for call, said in pairs if call is not None])


def all_flags(state: Worklist) -> tuple[str, ...]:
    """Give every flag that occurs."""
    return tuple(sorted({flag for case in state.cases.all for flag in case.flags}))


def _arranged(state: Worklist) -> Worklist:
    shown = [place for place, case in enumerate(state.cases.all) if _is_shown(state, case)]
    cases = state.cases.all
    if state.is_blind:  # an order that says nothing, and is the same every time
        shown.sort(key=lambda place: sha256(cases[place].key.encode(errors="replace")).digest())
    elif state.sort is SortBy.URGENCY:
        shown.sort(key=lambda place: cases[place].urgency, reverse=state.is_descending)
    elif state.sort is SortBy.NAME:
        shown.sort(key=lambda place: cases[place].key.casefold(), reverse=state.is_descending)
    elif state.sort is SortBy.TOP:
        shown.sort(key=lambda place: (cases[place].top, top_probability(cases[place])), reverse=state.is_descending)
    elif state.sort is SortBy.PROBABILITY:
        shown.sort(key=lambda place: top_probability(cases[place]), reverse=state.is_descending)
    else:
        shown.sort(key=lambda place: _reading_rank(state, cases[place]), reverse=state.is_descending)
    return replace(state, shown=tuple(shown))


def top_probability(case: Case) -> float:
    """Give the probability of the likeliest label; -1 without scores."""
    return case.probabilities[case.top] if 0 <= case.top < len(case.probabilities) else -1.0


def _reading_rank(state: Worklist, case: Case) -> tuple[int, str]:
    last = state.readings.last(case)
    return (0, "") if last is None else (1, str(last.call))


def _is_shown(state: Worklist, case: Case) -> bool:
    wanted = state.filter
    if wanted.text and not all(word in case.key.casefold() for word in wanted.text.casefold().split()):
        return False
    if wanted.reading is not ReadState.ANY and not _has_reading(state, case, wanted.reading):
        return False
    if is_veiled(state, case):  # what the network says must not show by what is left out
        return True
    if wanted.label and not any(state.cases.labels[place] == wanted.label for place in case.positives):
        return False
    if wanted.flag and wanted.flag not in case.flags:
        return False
    return _has_status(case, wanted.status)


def _has_reading(state: Worklist, case: Case, wanted: ReadState) -> bool:
    last = state.readings.last(case)
    if wanted is ReadState.UNREAD:
        return last is None
    if last is None:
        return False
    if wanted is ReadState.UNSURE:
        return last.call is Call.UNSURE
    is_against = last.call is not Call.UNSURE and case.model_call is not None and last.call is not case.model_call
    return wanted is ReadState.READ or is_against


def _has_status(case: Case, wanted: StatusFilter) -> bool:
    match wanted:
        case StatusFilter.POSITIVE:
            return case.model_call is Call.FINDING
        case StatusFilter.NEGATIVE:
            return case.model_call is Call.NO_FINDING
        case StatusFilter.ERROR:
            return bool(case.error)
        case StatusFilter.FLAGGED:
            return bool(case.flags)
    return True


def seconds_text(seconds: float) -> str:
    """Give a time for people; a dash where there is none."""
    return "–" if math.isnan(seconds) else f"{seconds:.0f} s"
