"""A worklist: scored images in the order in which a person should look at them, what the person said, how far it is; no Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from cxrview.app.cases import CALL_CODES, BoolArray, Case, CaseColumns, Cases, IntArray
from cxrview.batch.readings import Call, Opinion, ReadingFigures, figures_of

ANY = ""


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
    WITHHELD = "scores withheld"
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
    """Scoring that is under way; `rate` in files a second since it began."""

    done: int = 0
    files: int = 0
    text: str = ""
    rate: float = 0.0

    @property
    def seconds_left(self) -> float:
        """How long it will go on at this rate; not a number before one is known."""
        return (self.files - self.done) / self.rate if self.rate > 0.0 else math.nan


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


def cases_opened(state: Worklist, source: Path | None, cases: Cases, readings: Readings) -> Worklist:
    """Show the cases of a table, with what was said of them before."""
    return _arranged(replace(state, source=source, cases=cases, readings=readings, current=-1, notice=""))


def cases_came(state: Worklist, new: Sequence[Case]) -> Worklist:
    """Take cases that were scored meanwhile; the chosen one stays chosen."""
    return _arranged(replace(state, cases=state.cases.and_more(new))) if new else state


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
    place_of, cases = state.cases.columns.place_of, state.cases.all
    return figures_of([(cases[place_of[key]].model_call, said) for key, said in state.readings.by_key.items() if key in place_of])


def all_flags(state: Worklist) -> tuple[str, ...]:
    """Give every flag that occurs."""
    return tuple(sorted(state.cases.columns.flags))


def _arranged(state: Worklist) -> Worklist:
    """Filter and order the cases."""
    said = _said(state)
    places = np.flatnonzero(_is_shown(state, said))
    return replace(state, shown=_ordered(state, places, said))


def _said(state: Worklist) -> IntArray:
    """Give the reader's last word on each case, by `CALL_CODES`."""
    place_of = state.cases.columns.place_of
    said = np.zeros(len(state.cases.all), np.int64)
    for key, opinions in state.readings.by_key.items():
        if key in place_of:
            said[place_of[key]] = CALL_CODES[opinions[-1].call]
    return said


def _ordered(state: Worklist, places: IntArray, said: IntArray) -> tuple[int, ...]:
    columns, cases = state.cases.columns, state.cases.all
    if state.is_blind:  # an order that says nothing, and is the same every time
        return tuple(places[np.argsort(columns.lots[places], kind="stable")].tolist())
    if state.sort is SortBy.NAME:
        return tuple(sorted(places.tolist(), key=lambda place: cases[place].order, reverse=state.is_descending))
    keys = {
        SortBy.URGENCY: (columns.urgency,),
        SortBy.TOP: (columns.likeliest, columns.top),
        SortBy.PROBABILITY: (columns.likeliest,),
        SortBy.READING: (said,),
    }[state.sort]
    sign = -1 if state.is_descending else 1
    return tuple(places[np.lexsort([sign * key[places] for key in keys])].tolist())


def _is_shown(state: Worklist, said: IntArray) -> BoolArray:
    columns, wanted = state.cases.columns, state.filter
    shown = np.ones(len(state.cases.all), np.bool_)
    for word in wanted.text.casefold().split():
        shown &= np.fromiter([word in text for text in columns.texts], np.bool_, len(columns.texts))
    if wanted.reading is not ReadState.ANY:
        shown &= _has_reading(columns, said, wanted.reading)
    fits = _has_status(columns, wanted.status)
    if wanted.label in state.cases.labels:
        fits = fits & columns.positives[:, state.cases.labels.index(wanted.label)]
    if wanted.flag:
        fits = fits & columns.flags.get(wanted.flag, np.zeros(len(shown), np.bool_))
    # What the network says of a case must not show by what is left out before the reader has spoken.
    return shown & (fits | (said == 0)) if state.is_blind else shown & fits


def _has_reading(columns: CaseColumns, said: IntArray, wanted: ReadState) -> BoolArray:
    match wanted:
        case ReadState.UNREAD:
            return np.asarray(said == CALL_CODES[""], np.bool_)
        case ReadState.READ:
            return np.asarray(said != CALL_CODES[""], np.bool_)
        case ReadState.UNSURE:
            return np.asarray(said == CALL_CODES[Call.UNSURE], np.bool_)
        case ReadState.AGAINST:
            is_sure = (said == CALL_CODES[Call.FINDING]) | (said == CALL_CODES[Call.NO_FINDING])
            return np.asarray(is_sure & (columns.calls != CALL_CODES[""]) & (said != columns.calls), np.bool_)
    return np.ones(len(said), np.bool_)


def _has_status(columns: CaseColumns, wanted: StatusFilter) -> BoolArray:
    match wanted:
        case StatusFilter.POSITIVE:
            return np.asarray(columns.calls == CALL_CODES[Call.FINDING], np.bool_)
        case StatusFilter.NEGATIVE:
            return np.asarray(columns.calls == CALL_CODES[Call.NO_FINDING], np.bool_)
        case StatusFilter.WITHHELD:
            return columns.is_withheld
        case StatusFilter.ERROR:
            return columns.is_error
        case StatusFilter.FLAGGED:
            return columns.is_flagged
    return np.ones(len(columns.calls), np.bool_)


def running_text(running: Running) -> str:
    """Tell how far the scoring is, how fast it goes and how long it will go on."""
    if running.text:
        return running.text
    told = f"{running.done:,} of {running.files:,} files scored"
    return f"{told}, {running.rate:.3g} a second, {left_text(running.seconds_left)}" if running.rate > 0.0 else told


def left_text(seconds: float) -> str:
    """Give a time that is left, as exactly as it can be known."""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def seconds_text(seconds: float) -> str:
    """Give a time for people; a dash where there is none."""
    return "–" if math.isnan(seconds) else f"{seconds:.0f} s"
