"""Everything the training wizard shows, as one frozen record, and the pure transitions between two of them; no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.evaluation.probe import Confounding
from cxrview.evaluation.report import EvaluationReport
from cxrview.training.compose import FieldRow, Plan
from cxrview.training.dataset import Choices, DataSet
from cxrview.training.estimate import Estimate
from cxrview.training.glimpse import Glimpse
from cxrview.training.look import Look
from cxrview.training.patients import PatternPreview
from cxrview.training.preview import Preview
from cxrview.training.publish import Imprint
from cxrview.training.range_test import RangeResult
from cxrview.training.rivals import Rival
from cxrview.training.scan import Problem, Progress, Scan
from cxrview.training.sources import Listed, Source
from cxrview.training.spreadsheet import Sheet
from cxrview.training.status import RunState, RunStatus
from cxrview.training.tally import CountSheet
from cxrview.training.verdict import Verdict


class Page(StrEnum):
    """The pages, in order."""

    DATA = "Data"
    SPLIT = "Split"
    LOOK = "Look"
    MODEL = "Model"
    TRAIN = "Train"
    JUDGE = "Judge"
    PUBLISH = "Publish"


@dataclass(frozen=True, slots=True)
class Busy:
    """Work under way: what, in words, and how far; a total of 0 where that is not known."""

    what: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """What a run shows of itself beside its figures; `stamp` holds the times of the files it was read from."""

    run: Path
    stamp: tuple[int, ...]
    range_test: RangeResult | None
    glimpse: Glimpse | None


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """The model on images from elsewhere: of which place, and what was found."""

    place: Path
    report: EvaluationReport


@dataclass(frozen=True, slots=True, eq=False)
class CasePicture:
    """A judged image with its heatmap, (h, w, 3) uint8 RGB, and words of what it is and was called; `case` indexes the verdict's cases."""

    case: int
    path: Path
    words: str
    picture: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """What looking through the sources gave."""

    listed: Listed
    scan: Scan
    problems: Mapping[Problem, tuple[int, ...]]
    counts: CountSheet
    values: Mapping[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A data set with its counts, and how often the results on its test split were opened before."""

    data_set: DataSet
    counts: CountSheet
    looks: int


@dataclass(frozen=True, slots=True)
class Wizard:
    """The wizard, whole.

    Attributes:
        sheets: first rows of each source's table.
        listed, scan: what the sources name, and what was seen of it; None until then, and again when a source changes.
        problems: rows of the scan by what is wrong with them.
        counts: images by class, view and source. values: what there is of each kind of thing, see `tally.values_of`.
        split_counts: images by class and split. test_looks: how often the results on this very test split were opened before.
        data_problem: why there is no data set.
        pattern: what the pattern for patients finds; None without a pattern.
        preview: one image as the network sees it. preview_place: which of those that take part, counted on and round.
        scanning, probing, looking, estimating, judging, publishing: work under way; None when there is none.
        fields: of the recipe that the plan comes to. plan_words: what that recipe is, for people.
        learning: of the shown run.
        runs: all of them, the oldest first. shown: the folder of the one that is looked at.
        looks: how often the test split of the shown verdict was looked at.
        rivals: other finished runs. figures: of the shown run, as publications give them.
        imprint: what the model is to be called; published: id of the model that the shown run became.
        can_train: torch is installed.
        notice: one sentence for the person; empty when there is nothing to say.
    """

    page: Page = Page.DATA
    sources: tuple[Source, ...] = ()
    sheets: Mapping[Path, Sheet] = field(default_factory=dict)
    listed: Listed | None = None
    scan: Scan | None = None
    problems: Mapping[Problem, tuple[int, ...]] = field(default_factory=dict)
    counts: CountSheet | None = None
    values: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)
    data_set: DataSet | None = None
    data_problem: str = ""
    split_counts: CountSheet | None = None
    test_looks: int = 0
    pattern: PatternPreview | None = None
    pattern_problem: str = ""
    confounding: Confounding | None = None
    look: Look | None = None
    preview: Preview | None = None
    preview_place: int = 0
    previewing: Busy | None = None
    plan: Plan = field(default_factory=Plan)
    fields: tuple[FieldRow, ...] = ()
    plan_words: str = ""
    plan_problem: str = ""
    title: str = "My model"
    estimate: Estimate | None = None
    estimate_problem: str = ""
    scanning: Busy | None = None
    probing: Busy | None = None
    looking: Busy | None = None
    estimating: Busy | None = None
    judging: Busy | None = None
    publishing: Busy | None = None
    runs: tuple[RunStatus, ...] = ()
    shown: Path | None = None
    learning: Learning | None = None
    verdict: Verdict | None = None
    looks: int = 0
    rivals: tuple[Rival, ...] = ()
    figures: str = ""
    external: External | None = None
    marked: frozenset[int] = frozenset()
    imprint: Imprint | None = None
    published: str = ""
    can_train: bool = True
    notice: str = ""

    @property
    def shown_run(self) -> RunStatus | None:
        """The run that is looked at."""
        return next((run for run in self.runs if run.folder == self.shown), None)

    @property
    def busy_run(self) -> RunStatus | None:
        """The run that a process works on."""
        return next((run for run in self.runs if run.state.is_busy), None)


def differs(old: Wizard, new: Wizard) -> bool:
    """Tell whether two states show anything differently; fields that are the same object are not compared inside."""
    pairs = ((getattr(old, item.name), getattr(new, item.name)) for item in fields(Wizard))
    return any(before is not after and before != after for before, after in pairs)


def can_open(state: Wizard, page: Page) -> bool:
    """Tell whether a page has anything to show."""
    match page:
        case Page.DATA:
            return True
        case Page.SPLIT | Page.LOOK:
            return state.scan is not None
        case Page.MODEL:
            return state.data_set is not None and state.data_set.is_usable
        case Page.TRAIN:
            return bool(state.runs)
        case Page.JUDGE | Page.PUBLISH:
            run = state.shown_run
            return run is not None and run.state is RunState.DONE


def why_not(state: Wizard, page: Page) -> str:
    """Say why a page has nothing to show yet; empty when it has."""
    if can_open(state, page):
        return ""
    match page:
        case Page.SPLIT | Page.LOOK:
            return "Add images and look through them first."
        case Page.MODEL:
            leaks = state.data_set is not None
            return "The split leaks: mend it, or write down why it is used." if leaks else state.data_problem or "Split the images first."
        case Page.TRAIN:
            return "Start a training on the page Model first."
        case _:
            return "A training must be done first."


def page_opened(state: Wizard, page: Page) -> Wizard:
    """Turn to a page, or say why not."""
    reason = why_not(state, page)
    return replace(state, notice=reason) if reason else replace(state, page=page, notice="")


def page_stepped(state: Wizard, step: int) -> Wizard:
    """Turn to the next page or back."""
    pages = list(Page)
    place = pages.index(state.page) + step
    return page_opened(state, pages[place]) if 0 <= place < len(pages) else state


def sources_chosen(state: Wizard, sources: tuple[Source, ...]) -> Wizard:
    """Change the sources; what was seen of them before is forgotten."""
    return replace(
        state,
        sources=sources,
        listed=None,
        scan=None,
        problems={},
        counts=None,
        values={},
        choices=replace(state.choices, labels=(), keep={}, excluded=frozenset()),
        data_set=None,
        data_problem="",
        split_counts=None,
        pattern=None,
        pattern_problem="",
        confounding=None,
        look=None,
        preview=None,
        estimate=None,
        notice="",
    )


def source_added(state: Wizard, source: Source, sheet: Sheet | None) -> Wizard:
    """Add a source; one of a name that is taken gets a number."""
    taken = {each.name for each in state.sources}
    name, number = source.name, 2
    while name in taken:
        name, number = f"{source.name} {number}", number + 1
    added = sources_chosen(state, (*state.sources, replace(source, name=name)))
    return replace(added, sheets={**state.sheets, source.place: sheet}) if sheet is not None else added


def source_changed(state: Wizard, place: int, source: Source) -> Wizard:
    """Put a changed source in the place of one."""
    if state.sources[place] == source and dict(state.sources[place].keep) == dict(source.keep):
        return state
    return sources_chosen(state, tuple(source if number == place else each for number, each in enumerate(state.sources)))


def source_removed(state: Wizard, place: int) -> Wizard:
    """Take a source out."""
    return sources_chosen(state, tuple(each for number, each in enumerate(state.sources) if number != place))


def scan_progressed(state: Wizard, progress: Progress) -> Wizard:
    """Show how far the scan is."""
    what = "Looking for copies" if progress.is_comparing else "Looking through the images"
    return replace(state, scanning=Busy(what, progress.done, progress.total))


def scan_done(state: Wizard, seen: Scanned) -> Wizard:
    """Take what was seen."""
    return replace(
        state,
        scanning=None,
        listed=seen.listed,
        scan=seen.scan,
        problems=seen.problems,
        counts=seen.counts,
        values=seen.values,
        confounding=None,
        look=None,
        estimate=None,
        notice="",
    )


def data_set_built(state: Wizard, built: Built) -> Wizard:
    """Take a data set."""
    return replace(
        state,
        data_set=built.data_set,
        data_problem="",
        split_counts=built.counts,
        test_looks=built.looks,
        estimate=None,
        estimate_problem="",
    )


def data_set_refused(state: Wizard, problem: str) -> Wizard:
    """Take the reason why there is no data set."""
    return replace(state, data_set=None, data_problem=problem, split_counts=None, estimate=None, estimate_problem="")


def image_excluded(state: Wizard, row: int) -> Wizard:
    """Leave an image out by hand, or take it in again."""
    if state.scan is None:
        return state
    path = state.scan.seen[row].entry.path
    return replace(state, choices=replace(state.choices, excluded=state.choices.excluded ^ {path}))


def runs_read(state: Wizard, runs: tuple[RunStatus, ...], learning: Learning | None = None) -> Wizard:
    """Take the runs as their folders tell them; the newest is shown when none was chosen."""
    shown = shown_of(runs, state.shown)
    return replace(state, runs=runs, shown=shown, learning=learning if learning is not None and learning.run == shown else None)


def shown_of(runs: tuple[RunStatus, ...], wanted: Path | None) -> Path | None:
    """Tell which run is shown: the one that is wanted, else the newest."""
    return wanted if any(run.folder == wanted for run in runs) else (runs[-1].folder if runs else None)


def run_shown(state: Wizard, folder: Path) -> Wizard:
    """Look at another run."""
    if folder == state.shown:
        return state
    return replace(
        state, shown=folder, learning=None, verdict=None, external=None, imprint=None, published="", marked=frozenset(), notice=""
    )


def case_marked(state: Wizard, case: int) -> Wizard:
    """Mark a case as labelled wrongly, or take the mark back."""
    return replace(state, marked=state.marked ^ {case})


def notice_given(state: Wizard, notice: str) -> Wizard:
    """Tell the person something."""
    return replace(state, notice=notice)
