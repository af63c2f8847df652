"""Opens folders, files, archives and the built-in phantoms into the library, and asks it for the list that the browser wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cxrview.app.browser import Browser, BrowserMode, Filters, Indexing, Listing, RecentPath, Scope, Stock, listing_of, query_of
from cxrview.app.browsing import (
    current_row,
    current_unfolded,
    listing_known,
    prior_shown,
    rows_known,
    scope_opened,
    search_advanced,
    search_ended,
    search_resumed,
    search_started,
    stock_known,
)
from cxrview.app.controllers.shelf import Shelf, sentence
from cxrview.app.state import AppState, notice_given, reader_of
from cxrview.app.store import Store
from cxrview.app.tasks import Context
from cxrview.core.errors import CxrError, LibraryDamaged
from cxrview.core.image import ImageRef
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from cxrview.io.read import Problem
from cxrview.library.index import Indexed, Progress, check_files, index_paths
from cxrview.library.library import Library
from cxrview.library.records import Image, Query, View
from cxrview.library.search import asks_reader

INDEX_KEY = "index"
LIST_KEY = "list images"
OPEN_KEY = "list opened"
STOCK_KEY = "take stock"
PHANTOM_PX = (1400, 1400)
PHANTOMS = 6
FIRST_SEED = 1
MOST_RECENT = 8
# Rows that are fetched at once.
PAGE = 64
# While a folder is looked through, the list is renewed when it has grown by this share: fifty thousand images cost forty lists.
GROWTH = 0.1


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a list depends on."""

    opened: int
    query: Query
    is_grouped: bool


@dataclass(frozen=True, slots=True)
class _Opening:
    """Something to be looked through; `is_pending` until one of its images is listed."""

    scope: Scope
    prepare: Callable[[], None] = lambda: None
    is_pending: bool = True


class Studies:
    """Follows the state: the list is what filters, order and scope ask for."""

    def __init__(self, store: Store, shelf: Shelf, phantom_dir: Path) -> None:
        """Use `phantom_dir`, which may be deleted at any time, for the phantoms."""
        self._store = store
        self._shelf = shelf
        self._phantom_dir = phantom_dir
        self._asked: _Wanted | None = None
        self._is_listing = False
        self._is_stale = False
        self._opening: _Opening | None = None
        self._unfinished: list[_Opening] = []
        self._listed_at = 0
        self._stocked = 0
        self._listing: Listing | None = None
        self._pages: set[int] = set()
        self._is_scoring = False
        self._reader = ""
        self._scope = Scope()
        self._current: ImageRef | None = None

    def follow(self, state: AppState) -> None:
        """Ask for what the browser lacks."""
        if state.listing is not self._listing:
            self._listing = state.listing
            self._pages.clear()
        if state.current != self._current:
            self._current = state.current
            self._store.apply(current_unfolded)
        if not state.browser.opened:
            return
        if state.browser.opened != self._stocked:
            self._stocked = state.browser.opened
            self.take_stock()
            self._look()
        if state.openings and _wanted(state.browser, reader_of(state)) != self._asked:
            self._list()
        if state.browser.scope != self._scope:
            self._scope = state.browser.scope
            self.take_stock()
        if reader_of(state) != self._reader:  # what another model said is not this one's
            self._reader = reader_of(state)
            self._renew_rows()
            self.take_stock()
        was_scoring, self._is_scoring = self._is_scoring, state.batch is not None
        if was_scoring and not self._is_scoring:
            self.renew()

    # Opening.

    def open_paths(self, paths: Sequence[Path]) -> None:
        """List the images in these files, folders and archives, and bring the library up to date with them."""
        if paths:
            self._open(_Opening(Scope(title_of(paths), tuple(path.absolute() for path in paths))))

    def open_phantoms(self) -> None:
        """Draw the phantoms if they are not there yet, and list them."""
        folder = self._phantom_dir
        self._open(_Opening(Scope("phantoms", (folder,)), partial(draw_phantoms, folder)))

    def cancel(self) -> None:
        """Stop looking through folders; what was found stays."""
        self._unfinished.clear()
        self._opening = None
        self._shelf.cancel(INDEX_KEY)
        self._store.apply(search_ended)
        self._list()
        self.take_stock()

    def _open(self, opening: _Opening) -> None:
        """Begin at once; a folder that is being looked through goes on afterwards."""
        if self._opening is not None:
            self._unfinished.append(replace(self._opening, is_pending=False))
        self._opening = opening
        self._store.apply(search_started, opening.scope.title)
        if self._store.state.browser.opened:
            self._look()

    def _look(self) -> None:
        opening = self._opening
        if opening is None:
            return
        self._listed_at = 0
        self._list_pending()  # what the library knows already is shown at once
        self._shelf.index(
            INDEX_KEY,
            lambda library, context: _look_through(library, opening, context),
            lambda indexed: self._on_indexed(opening, indexed),
            on_failed=self._on_not_indexed,
            on_progress=self._on_progress,
        )

    def _on_progress(self, progress: object) -> None:
        assert isinstance(progress, Progress)
        self._store.apply(search_advanced, Indexing(progress.done, progress.total))
        if self._opening is not None and self._opening.is_pending:
            self._list_pending()
        elif progress.done - self._listed_at >= GROWTH * len(self._store.state.listing.shown):
            self._listed_at = progress.done
            self._list()

    def _on_indexed(self, opening: _Opening, indexed: Indexed) -> None:
        if self._opening is not None and self._opening.is_pending:
            nothing = _nothing_found(self._told(opening.scope.title), indexed)
            self._list_pending(lambda is_found: self._finish(self._problem_text(indexed) if is_found else nothing, indexed))
        else:
            self._finish(self._problem_text(indexed), indexed)

    def _finish(self, notice: str, indexed: Indexed) -> None:
        self._opening = None
        self._store.apply(search_ended, notice, indexed.others)
        self._list()
        self.take_stock()
        self._renew_rows()
        if self._unfinished:
            self._opening = self._unfinished.pop()
            self._store.apply(search_resumed, self._opening.scope.title)
            self._look()

    def _told(self, name: str) -> str:
        """Name a file or folder unless names are hidden: it is often named after a patient."""
        return "what was opened" if self._store.state.is_hiding_names else name

    def _problem_text(self, indexed: Indexed) -> str:
        if not indexed.problems:
            return ""
        first, count = indexed.problems[0], len(indexed.problems)
        told = "1 folder or archive" if count == 1 else f"{count:,} folders or archives"
        name = "" if self._store.state.is_hiding_names else f"{first.path.name}: "
        return f"{told} could not be opened: {name}{first.reason}"

    def _on_not_indexed(self, error: CxrError) -> None:
        if isinstance(error, LibraryDamaged):
            return  # it is being mended; then the folder is looked through again
        self._opening = None
        self._unfinished.clear()
        self._store.apply(search_ended, sentence(error))
        self._list()

    def _list_pending(self, then: Callable[[bool], None] = lambda _is_found: None) -> None:
        """Show what was found of what is being opened, if anything was, and say whether it was."""
        opening = self._opening
        if opening is None or not opening.is_pending:
            return
        browser = replace(self._store.state.browser, scope=_scope_of(opening.scope), filters=Filters())
        wanted = _wanted(browser, reader_of(self._store.state))

        def on_listed(listing: Listing) -> None:
            if self._opening is not None and self._opening.scope == opening.scope and self._opening.is_pending and listing.shown:
                self._opening = replace(self._opening, is_pending=False)
                self._asked = wanted
                self._store.apply(scope_opened, browser.scope, listing)
            then(bool(listing.shown))

        self._shelf.ask(OPEN_KEY, lambda library: _listing(library, wanted), on_listed, on_failed=self._on_not_indexed)

    def open_all(self) -> None:
        """List the whole library, and choose its first image."""
        self._opening = None
        self._shelf.cancel(INDEX_KEY)
        browser = replace(self._store.state.browser, scope=Scope(), filters=Filters())
        wanted = _wanted(browser, reader_of(self._store.state))

        def on_listed(listing: Listing) -> None:
            if listing.shown:
                self._asked = wanted
                self._store.apply(scope_opened, browser.scope, listing)

        self._shelf.ask(OPEN_KEY, lambda library: _listing(library, wanted), on_listed)

    # Listing.

    def _list(self) -> None:
        """Ask for the list; while one is being made, once more afterwards unless something else is wanted."""
        wanted = _wanted(self._store.state.browser, reader_of(self._store.state))
        if self._is_listing and wanted == self._asked:
            self._is_stale = True
            return
        self._asked, self._is_listing, self._is_stale = wanted, True, False
        self._shelf.ask(LIST_KEY, lambda library: _listing(library, wanted), self._on_listed, on_failed=self._on_not_listed)

    def _on_listed(self, listing: Listing) -> None:
        self._is_listing = False
        self._store.apply(listing_known, listing)
        if self._is_stale:
            self._list()

    def _on_not_listed(self, error: CxrError) -> None:
        self._is_listing = self._is_stale = False
        if not isinstance(error, LibraryDamaged):  # the rebuilt one is asked again
            self._store.apply(notice_given, sentence(error))

    def show(self, places: Sequence[int]) -> None:
        """Fetch the rows at these places of the list, a page at a time."""
        state = self._store.state
        ids, known = state.listing.ids, state.browser.rows.by_id
        for page in sorted({place // PAGE for place in places if 0 <= place < len(ids) and ids[place] not in known}):
            if page not in self._pages:
                self._pages.add(page)
                self._fetch(page, tuple(ids[page * PAGE : (page + 1) * PAGE]))

    def _fetch(self, page: int, ids: tuple[int, ...]) -> None:
        reader = reader_of(self._store.state)
        self._shelf.ask(f"rows {page}", lambda library: library.images(ids, reader=reader), self._store.bound(rows_known))

    def _renew_rows(self) -> None:
        known, reader = tuple(self._store.state.browser.rows.by_id), reader_of(self._store.state)
        self._shelf.ask("renew rows", lambda library: library.images(known, reader=reader), self._store.bound(rows_known))

    def renew(self) -> None:
        """Ask again for list, rows and choices: something was scored or written."""
        if self._store.state.browser.opened:
            self._list()
            self._renew_rows()
            self.take_stock()

    def take_stock(self) -> None:
        """Ask what there is to filter by, what was opened last, and what cannot be read."""
        scope, reader = self._store.state.browser.scope, reader_of(self._store.state)
        self._shelf.ask(STOCK_KEY, lambda library: _stock(library, scope, reader), self._store.bound(stock_known))

    def list_problems(self, tell: Callable[[tuple[Problem, ...]], None]) -> None:
        """Give every file, folder and archive of what is looked at that cannot be read, with the reason."""
        scope = self._store.state.browser.scope
        self._shelf.ask("list problems", lambda library: _problems(library, scope), tell)

    def show_prior(self) -> None:
        """Show an earlier image of the patient beside the chosen one; asked again, the one before that."""
        state = self._store.state
        image = current_row(state)
        if image is None or state.current is None:
            return
        current = state.current
        beside = state.grid.cells[1].current if len(state.grid.cells) == 2 and state.grid.active == 0 else None
        self._shelf.ask("prior", lambda library: prior_of(image, library.priors(image.id), beside), partial(self._on_prior, current))

    def _on_prior(self, current: ImageRef, prior: ImageRef | None) -> None:
        if self._store.state.current != current:
            return
        if prior is None:
            self._store.apply(notice_given, "The library holds no other image of this patient.")
        else:
            self._store.apply(prior_shown, prior)

    # What a person does with images of the list.

    def forget(self, ids: Sequence[int]) -> None:
        """Take images out of the library; their files stay."""
        chosen = tuple(ids)
        self._shelf.ask("forget", lambda library: library.forget(chosen), self._on_forgotten)

    def look_again(self) -> None:
        """Look whether the files of the list are still there, and for new ones."""
        scope = self._store.state.browser.scope
        if scope.paths:
            self._open(_Opening(scope, is_pending=False))
        else:
            self._shelf.ask("check files", check_files, lambda _changed: self.renew())

    def _on_forgotten(self, count: int) -> None:
        self._store.apply(
            notice_given, f"{count:,} {'image was' if count == 1 else 'images were'} forgotten; the files stay where they are."
        )
        self.renew()


def title_of(paths: Sequence[Path]) -> str:
    """Name what was opened in few words."""
    return (paths[0].name or str(paths[0])) if len(paths) == 1 else f"{len(paths)} files and folders"


def prior_of(image: Image, others: Sequence[Image], beside: ImageRef | None = None) -> ImageRef | None:
    """Choose the image to compare with: of another study, seen from the same side, earlier, and of these the newest.

    Args:
        image: the one that is compared.
        others: images of the same patient, the newest first.
        beside: what is compared with now; the one after it is chosen then.
    """

    def rank(other: Image) -> tuple[bool, bool, bool]:
        is_lateral = (other.view is View.LATERAL) is not (image.view is View.LATERAL)
        return other.study == image.study, is_lateral, bool(image.taken) and other.taken > image.taken

    ranked = [other.ref for other in sorted(others, key=rank) if not other.is_missing]
    if not ranked:
        return None
    return ranked[(ranked.index(beside) + 1) % len(ranked)] if beside in ranked else ranked[0]


def draw_phantoms(folder: Path) -> None:
    """Draw synthetic radiographs into `folder`, unless it is there already."""
    if not folder.is_dir():
        write_phantoms(folder, PHANTOMS, FIRST_SEED, kind=PhantomKind.MIXED, size=PHANTOM_PX)


def _scope_of(scope: Scope) -> Scope:
    """Give where the images of what was chosen lie: a DICOMDIR names files beside it."""
    return replace(scope, paths=tuple(path.parent if path.name.upper() == "DICOMDIR" else path for path in scope.paths))


def _wanted(browser: Browser, reader: str) -> _Wanted:
    """Say what is asked for; a list that is not about answers does not depend on whose they are."""
    query = query_of(browser, reader)
    return _Wanted(browser.opened, query if asks_reader(query) else replace(query, reader=None), browser.mode is BrowserMode.PATIENTS)


def _listing(library: Library, wanted: _Wanted) -> Listing:
    return listing_of(library.order(wanted.query, is_grouped=wanted.is_grouped))


def _look_through(library: Library, opening: _Opening, context: Context) -> Indexed:
    opening.prepare()
    return index_paths(library, opening.scope.paths, context=context)


def _stock(library: Library, scope: Scope, reader: str) -> Stock:
    return Stock(
        images=library.count(Query()),
        recent=tuple(RecentPath(path, path.exists()) for path in library.recent(MOST_RECENT)),
        choices=library.choices(reader=reader),
        problems=_unopened(library, scope),
        unreadable=library.count(Query(is_readable=False, below=scope.paths)),
        missing=library.count(Query(is_missing=True, below=scope.paths)),
    )


def _unopened(library: Library, scope: Scope) -> tuple[Problem, ...]:
    """Give the folders and archives of what is looked at that could not be looked into."""
    problems = library.problems()
    if not scope.paths:
        return problems
    return tuple(problem for problem in problems if any(problem.path.is_relative_to(path) for path in scope.paths))


def _problems(library: Library, scope: Scope) -> tuple[Problem, ...]:
    images = library.images(library.find(Query(is_readable=False, below=scope.paths)))
    return (*_unopened(library, scope), *(Problem(image.ref.path, image.reason) for image in images))


def _nothing_found(title: str, indexed: Indexed) -> str:
    if indexed.problems:
        return f"Nothing could be opened: {indexed.problems[0].reason}"
    others = indexed.others
    counted = f"; it holds {others:,} other {'file' if others == 1 else 'files'}" if others else ""
    return f"No radiograph was found in {title}{counted}."
