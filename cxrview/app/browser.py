"""What the study browser shows: a list of the library in order, what narrows it, and the rows and thumbnails that were fetched; no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.image import ImageRef
from cxrview.io.problem import Problem
from cxrview.library.order import Group, Order
from cxrview.library.records import Choices, Image, Query, Sort, View

# Some screens full: enough to scroll back without waiting.
KEPT_ROWS = 800
# 16 KB each.
KEPT_THUMBNAILS = 600


class BrowserMode(StrEnum):
    """How the list is shown."""

    PATIENTS = "patients"
    PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the library is looked at.

    Attributes:
        paths: folders, files and archives; none for the whole library.
    """

    title: str = "All images"
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list; what is left as it is narrows nothing.

    Attributes:
        text: words, of which every one begins a word of the image's texts.
        first_date, last_date: `YYYYMMDD`.
        label: the top label of the newest result.
        least_score: of the top label, 0 to 1.
    """

    text: str = ""
    first_date: str = ""
    last_date: str = ""
    view: View | None = None
    modality: str = ""
    label: str = ""
    least_score: float | None = None
    flag: str = ""
    is_read: bool | None = None
    is_starred: bool | None = None
    has_note: bool | None = None
    is_missing: bool | None = None
    is_readable: bool | None = None

    @property
    def count(self) -> int:
        """How many conditions there are beside the text."""
        plain = replace(Filters(), text=self.text)
        return sum(getattr(self, item.name) != getattr(plain, item.name) for item in fields(self))


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The images of the browser in its order; the keys for next and previous walk them.

    Attributes:
        shown: the images. places: position of each, so that nobody searches fifty thousand of them.
        ids: in the library. groups: their patients, while the list is shown by patient.
        patients: how many different ones there are.
    """

    shown: Sequence[ImageRef] = ()
    places: Mapping[ImageRef, int] = field(default_factory=dict)
    ids: Sequence[int] = ()
    groups: Sequence[Group] = ()
    patients: int = 0

    def place_of(self, ref: ImageRef | None) -> int:
        """Give the place of an image among the shown ones, for a further frame that of its file; -1 when it is not shown."""
        if ref is None:
            return -1
        return self.places.get(ref, self.places.get(replace(ref, frame=0), -1))

    def group_at(self, place: int) -> Group | None:
        """Give the patient whose images a place lies among; None while the list is not grouped."""
        low, high = 0, len(self.groups)
        while low < high:
            middle = (low + high) // 2
            if self.groups[middle].stop <= place:
                low = middle + 1
            else:
                high = middle
        return self.groups[low] if low < len(self.groups) and place >= 0 else None


def listing_of(order: Order) -> Listing:
    """Take a list of the library."""
    return Listing(order.refs, order.places, order.ids, order.groups, order.patients)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the library tells of the images that were looked at last, by id."""

    by_id: Mapping[int, Image] = field(default_factory=dict)

    def with_images(self, images: Sequence[Image]) -> Rows:
        """Add or renew some; the oldest go."""
        merged = {**self.by_id, **{image.id: image for image in images}}
        excess = len(merged) - KEPT_ROWS
        return Rows(dict(list(merged.items())[excess:]) if excess > 0 else merged)


Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnails:
    """Small pictures of the images that were looked at last, by id: (rows, columns) uint8; None where there cannot be one."""

    by_id: Mapping[int, Gray | None] = field(default_factory=dict)

    def with_pictures(self, pictures: Mapping[int, Gray | None]) -> Thumbnails:
        """Add some; the oldest go."""
        merged = {**self.by_id, **pictures}
        excess = len(merged) - KEPT_THUMBNAILS
        return Thumbnails(dict(list(merged.items())[excess:]) if excess > 0 else merged)


@dataclass(frozen=True, slots=True)
class Indexing:
    """How far the folder that is being looked through is: `done` of the `total` images found so far are in the library."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RecentPath:
    """Something that was opened before; `is_there` tells whether it still lies there."""

    path: Path
    is_there: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What the library tells of itself.

    Attributes:
        images: how many there are in all.
        recent: what was opened last, the newest first.
        problems: folders and archives of the scope that could not be looked into.
        unreadable: how many images of the scope cannot be read.
        missing: how many images of the scope were not there when they were last looked for.
    """

    images: int = 0
    recent: tuple[RecentPath, ...] = ()
    choices: Choices = field(default_factory=lambda: Choices((), (), (), ()))
    problems: tuple[Problem, ...] = ()
    unreadable: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Browser:
    """The study browser.

    Attributes:
        opened: how often the library was opened, a damaged one more than once; 0 until it can be asked.
        unfolded: patients whose images are listed one by one.
        others: files that were no pictures, of what was opened last.
        indexing: None when nothing is being looked through.
    """

    opened: int = 0
    mode: BrowserMode = BrowserMode.PATIENTS
    scope: Scope = field(default_factory=Scope)
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.ADDED
    is_descending: bool = False
    unfolded: frozenset[int] = frozenset()
    rows: Rows = field(default_factory=Rows)
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    stock: Stock = field(default_factory=Stock)
    others: int = 0
    indexing: Indexing | None = None


def query_of(browser: Browser, reader: str) -> Query:
    """Give what the library is asked for; labels, scores and flags are those of one model, named by `reader`."""
    filters = browser.filters
    return Query(
        text=filters.text,
        first_date=filters.first_date,
        last_date=filters.last_date,
        views=(filters.view,) if filters.view else (),
        modalities=(filters.modality,) if filters.modality else (),
        label=filters.label,
        least_score=filters.least_score,
        flag=filters.flag,
        is_read=filters.is_read,
        is_starred=filters.is_starred,
        has_note=filters.has_note,
        is_missing=filters.is_missing,
        is_readable=filters.is_readable,
        reader=reader,
        below=browser.scope.paths,
        sort=browser.sort,
        is_descending=browser.is_descending,
    )
