"""A first look at every image of a data set, before anything is learned from it; torch is not needed."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.flags import Flag, flags_of
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.prepare import to_gray
from cxrview.evaluation.baselines import BORDER_PX, SIDE_SAMPLES, border_features
from cxrview.io.read import read_pixels
from cxrview.training.judge import WHOLE
from cxrview.training.pictures import HASH_SIDE, perceptual_hash, same_pictures
from cxrview.training.sources import Entry

THUMB_PX, SMALL_THUMB_PX = 96, 48
MOST_LARGE_THUMBS = 20_000  # more are kept small, so that they fit into memory
BINS = 32
HASH_BITS = HASH_SIDE * HASH_SIDE
BORDER_VALUES = 4 * BORDER_PX * SIDE_SAMPLES
AHEAD = 64  # images in work at once; more would keep pixels of images nobody waits for


class Problem(StrEnum):
    """What can be wrong with an image of a data set."""

    UNREADABLE = "unreadable"
    SMALL = "too small"
    LATERAL = "lateral view"
    NOT_CHEST = "not a chest radiograph"
    INVERTED = "black and white exchanged"
    TURNED = "turned by a quarter or a half"
    CHILD = "child"
    COPY = "exact copy of another image"
    NEAR_COPY = "nearly the same picture as another"
    CONTRADICTION = "the same picture with another label"


# What nobody wants in a training set; the others are told, and left in unless asked.
USUALLY_LEFT_OUT = (
    *(Problem.UNREADABLE, Problem.SMALL, Problem.LATERAL, Problem.NOT_CHEST, Problem.INVERTED, Problem.TURNED),
    *(Problem.COPY, Problem.CONTRADICTION),
)
# What the file says of itself, and what a network that looks at it says.
MEANING = {
    Flag.VERY_SMALL: Problem.SMALL,
    Flag.LATERAL: Problem.LATERAL,
    Flag.LOOKS_LATERAL: Problem.LATERAL,
    Flag.NOT_CHEST: Problem.NOT_CHEST,
    Flag.NOT_RADIOGRAPH: Problem.NOT_CHEST,
    Flag.LOOKS_NOT_CHEST: Problem.NOT_CHEST,
    Flag.LOOKS_INVERTED: Problem.INVERTED,
    Flag.LOOKS_TURNED: Problem.TURNED,
    Flag.CHILD: Problem.CHILD,
    Flag.LOOKS_CHILD: Problem.CHILD,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the file of an entry says.

    Attributes:
        reason: why it cannot be read; empty when it can.
        patient_id: of the DICOM header.
        view, sex, age: of the table, else of the DICOM header.
        aspect: width / height.
        mean, std: of the gray levels, 0 to 1, before any stretching of their range.
    """

    entry: Entry
    reason: str = ""
    patient_id: str = ""
    view: str = ""
    sex: str = ""
    age: str = ""
    sha256: str = ""
    width: int = 0
    height: int = 0
    aspect: float = 1.0
    mean: float = 0.0
    std: float = 0.0
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """All that was seen; arrays have a row for each of `seen`, zeros where an image cannot be read.

    Attributes:
        thumbs: (N, 96, 96) uint8, 48 px in large sets, whole pictures squeezed to squares, bright = dense.
        hashes: (N, 256) bool, perceptual.
        borders: (N, D) float16, the outermost pixels, see `evaluation.baselines.border_features`.
        histograms: (N, 32) float32, shares of the gray levels.
        same: pairs of rows with nearly the same picture.
    """

    seen: tuple[Seen, ...]
    thumbs: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.bool_]
    borders: npt.NDArray[np.float16]
    histograms: npt.NDArray[np.float32]
    same: tuple[tuple[int, int], ...]

    @property
    def readable(self) -> npt.NDArray[np.intp]:
        """Rows of the images that could be read."""
        return np.flatnonzero(np.array([not seen.reason for seen in self.seen], np.bool_))


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of so many images were looked at, or, in the second part, compared with all others."""

    done: int
    total: int
    is_comparing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    seen: Seen
    thumb: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.bool_]
    border: npt.NDArray[np.float16]
    histogram: npt.NDArray[np.float32]


def scan(
    entries: Sequence[Entry],
    *,
    distance: int = 24,
    gate: Callable[[Pixels], tuple[Flag, ...]] = lambda _: (),
    workers: int = 2,
    report: Callable[[Progress], None] = lambda _: None,
) -> Scan:
    """Look at every image once.

    Args:
        entries: what to look at.
        distance: perceptual hashes that differ by at most so many of 256 bits are nearly the same picture; -1 for no search.
        gate: says what an image looks like, as `engine.gate.Gate.look`; called from several threads.
        workers: threads.
        report: told how far it is; it may raise to stop.

    Raises:
        DataError: there is nothing to look at, or not one image can be read.
    """
    side = THUMB_PX if len(entries) <= MOST_LARGE_THUMBS else SMALL_THUMB_PX
    seen: list[Seen] = []
    # Filled row by row: a list of small arrays, stacked at the end, would need the room twice.
    thumbs = np.zeros((len(entries), side, side), np.uint8)
    hashes = np.zeros((len(entries), HASH_BITS), np.bool_)
    borders = np.zeros((len(entries), BORDER_VALUES), np.float16)
    histograms = np.zeros((len(entries), BINS), np.float32)
    with ThreadPoolExecutor(workers, thread_name_prefix="cxrview-scan") as pool:
        for row, one in enumerate(_in_order(pool, entries, side, gate)):
            seen.append(one.seen)
            thumbs[row], hashes[row], borders[row], histograms[row] = one.thumb, one.bits, one.border, one.histogram
            if len(seen) % 16 == 0 or len(seen) == len(entries):
                report(Progress(len(seen), len(entries)))
    readable = np.flatnonzero(np.array([not each.reason for each in seen], np.bool_))
    if not len(readable):
        raise DataError("Not one image could be read.", hint=seen[0].reason if seen else "")
    pairs = same_pictures(hashes[readable], distance, report=lambda row: report(Progress(row, len(readable), is_comparing=True)))
    same = tuple((int(readable[first]), int(readable[second])) for first, second in pairs)
    return Scan(tuple(seen), thumbs, hashes, borders, histograms, same)


def problems_of(scan: Scan) -> dict[Problem, tuple[int, ...]]:
    """Give the rows of each problem; of copies all but the first one of each picture are named, of contradictions all."""
    found: dict[Problem, set[int]] = {problem: set() for problem in Problem}
    by_content: dict[str, list[int]] = defaultdict(list)
    for row, seen in enumerate(scan.seen):
        if seen.reason:
            found[Problem.UNREADABLE].add(row)
            continue
        for flag in seen.flags:
            if flag in MEANING:
                found[MEANING[flag]].add(row)
        if is_lateral(seen.view):
            found[Problem.LATERAL].add(row)
        by_content[seen.sha256].append(row)
    for rows in by_content.values():
        found[Problem.COPY].update(rows[1:])
        if len({scan.seen[row].entry.labels for row in rows}) > 1:
            found[Problem.CONTRADICTION].update(rows)
    for first, second in scan.same:
        if scan.seen[first].sha256 != scan.seen[second].sha256:
            found[Problem.NEAR_COPY].add(second)
            if scan.seen[first].entry.labels != scan.seen[second].entry.labels:
                found[Problem.CONTRADICTION].update((first, second))
    return {problem: tuple(sorted(rows)) for problem, rows in found.items()}


def is_lateral(view: str) -> bool:
    """Tell whether a view, as a table or a DICOM file words it, is from the side."""
    return view.strip().upper() in {"LL", "RL", "LATERAL", "LAT", "L", "LLD", "RLD"}


def _in_order(pool: ThreadPoolExecutor, entries: Sequence[Entry], side: int, gate: Callable[[Pixels], tuple[Flag, ...]]) -> Iterator[_One]:
    """Look at images in threads, a bounded number ahead, and give them in their order."""
    rest = iter(entries)
    waiting: deque[Future[_One]] = deque(pool.submit(_look, entry, side, gate) for entry in islice(rest, AHEAD))
    try:
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(_look, entry, side, gate) for entry in islice(rest, 1))
    finally:
        for future in waiting:
            future.cancel()


def _look(entry: Entry, side: int, gate: Callable[[Pixels], tuple[Flag, ...]]) -> _One:
    try:
        content = entry.path.read_bytes()
        pixels = read_pixels(ImageRef(entry.path))
        gray = to_gray(pixels, WHOLE).gray
        flags = (*flags_of(pixels), *gate(pixels))
    except (CxrError, OSError) as error:
        reason = f"{error.message} {error.hint}".strip() if isinstance(error, CxrError) else f"{error.strerror or 'It cannot be read'}."
        return _unreadable(Seen(entry, reason), side)
    info = pixels.info
    scaled = gray / np.float32(255)
    seen = Seen(
        entry,
        patient_id=info.patient_id,
        view=entry.view or info.view,
        sex=entry.sex or info.patient_sex,
        age=entry.age or info.patient_age,
        sha256=hashlib.sha256(content).hexdigest(),
        width=pixels.width,
        height=pixels.height,
        aspect=pixels.width / pixels.height,
        mean=float(scaled.mean()),
        std=float(scaled.std()),
        flags=flags,
    )
    shares = (np.bincount(gray.reshape(-1) >> 3, minlength=BINS) / gray.size).astype(np.float32)
    thumb = cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA)
    return _One(seen, thumb.astype(np.uint8), perceptual_hash(gray), border_features(gray).astype(np.float16), shares)


def _unreadable(seen: Seen, side: int) -> _One:
    thumb = np.zeros((side, side), np.uint8)
    border, histogram = np.zeros(BORDER_VALUES, np.float16), np.zeros(BINS, np.float32)
    return _One(seen, thumb, np.zeros(HASH_BITS, np.bool_), border, histogram)
