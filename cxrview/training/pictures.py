"""The images of a training, decoded and prepared once and kept as one array."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.frame import Frame
from cxrview.core.image import ImageRef
from cxrview.core.lung_input import needs_lungs
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import to_channels, to_gray
from cxrview.engine.lungs import LungFinder, open_lungs
from cxrview.io.places import places
from cxrview.io.read import read_pixels
from cxrview.training.examples import Example
from cxrview.training.lung_source import NO_LUNGS, KnownLungs, LungSource, lungs_for
from cxrview.training.mask_examples import mask_at_model

HELD_TWICE = 2  # all pictures, and the training part of them once more
CACHE_FORMAT = 4  # raise it when `prepare` gives other pictures for the same contract
ROWS_AT_ONCE, COLUMNS_AT_ONCE = 64, 4096  # of a table of all pairs of hashes: 2 MiB, which stays in the processor's cache
MOST_LIKE = 64  # pairs kept of one picture; a thousand blank pictures would make half a million
HASH_SIDE = 16  # perceptual hashes of 16 × 16 bits


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Everything read from the files.

    Attributes:
        stack: (N, C, H, W) uint8, as `prepare` makes it before normalisation.
        aspect: (N,) width / height of the original.
        sha256: of each file, hexadecimal.
        hashes: (N, 256) bool, perceptual hashes.
        lungs: (N, H, W) uint8, 1 where a lung is, 0 all over where none was found; None when the contract asks for no lungs.
    """

    stack: npt.NDArray[np.uint8]
    aspect: npt.NDArray[np.float32]
    sha256: tuple[str, ...]
    hashes: npt.NDArray[np.bool_]
    lungs: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """The examples that could be read, their pictures in the same order, and why others could not."""

    examples: tuple[Example, ...]
    pictures: Pictures
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    channels: npt.NDArray[np.uint8]
    aspect: float
    sha256: str
    bits: npt.NDArray[np.bool_]
    lungs: LungSource = LungSource.NOT_ASKED
    lung_mask: npt.NDArray[np.uint8] | None = None


def load_pictures(
    examples: Sequence[Example], spec: InputSpec, *, workers: int = 2, report: Callable[[str], None] = lambda _: None
) -> Loaded:
    """Read and prepare every example through the program's own path, or take them from the cache.

    The cache is keyed by the input contract and by name, size and time of every file.

    Raises:
        DataError: not one image could be read, or there is not memory enough for them all.
    """
    finder = open_lungs(threads=1, workers=workers) if needs_lungs(spec) else None
    _refuse_too_many(len(examples), spec)
    cache = places().cache_dir / "training" / f"{_key(examples, spec, finder)}.npz"
    if cache.is_file():
        report(f"{len(examples)} images from the cache.")
        return _from_cache(cache, examples)
    made: list[_One | str] = []
    with ThreadPoolExecutor(workers) as pool:
        for number, one in enumerate(pool.map(_read_one, examples, repeat(spec), repeat(finder)), start=1):
            made.append(one)
            if number % 500 == 0:
                report(f"{number} of {len(examples)} images read.")
    if needs_lungs(spec):
        report(_where_lungs_came_from([one.lungs for one in made if isinstance(one, _One)]))
    good = [number for number, one in enumerate(made) if isinstance(one, _One)]
    problems = tuple(one for one in made if isinstance(one, str))
    if not good:
        raise DataError("Not one image could be read.", hint=problems[0] if problems else "")
    ones = [one for one in made if isinstance(one, _One)]
    pictures = Pictures(
        np.stack([one.channels for one in ones]),
        np.array([one.aspect for one in ones], dtype=np.float32),
        tuple(one.sha256 for one in ones),
        np.stack([one.bits for one in ones]),
        np.stack([one.lung_mask for one in ones if one.lung_mask is not None]) if needs_lungs(spec) else None,
    )
    _to_cache(cache, pictures, good, problems)
    return Loaded(tuple(examples[number] for number in good), pictures, problems)


def _refuse_too_many(count: int, spec: InputSpec) -> None:
    """Say so where the images do not fit into memory; the system would end the training without a word."""
    needed, free = HELD_TWICE * count * spec.channels.planes * spec.width * spec.height, free_memory()
    if 0 < free < needed:
        raise DataError(
            f"{count} images of {spec.width} × {spec.height} px need {needed / 2**30:.1f} GB of memory; {free / 2**30:.1f} GB are free.",
            hint="Take fewer images or a smaller size (input.width, input.height), or close other programs.",
        )


def free_memory() -> int:
    """Tell how many bytes of memory this machine has left for programs; 0 where it does not say (Linux says)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(found[0][1]) if found else 0


def chosen_pictures(pictures: Pictures, index: npt.NDArray[np.intp]) -> Pictures:
    """Take the pictures at `index`, in that order."""
    return Pictures(
        pictures.stack[index],
        pictures.aspect[index],
        tuple(pictures.sha256[number] for number in index),
        pictures.hashes[index],
        None if pictures.lungs is None else pictures.lungs[index],
    )


def near_duplicates(pictures: Pictures, distance: int) -> tuple[tuple[int, int], ...]:
    """Find pairs of pictures whose perceptual hashes differ by at most `distance` of 256 bits; none when negative."""
    return same_pictures(pictures.hashes, distance)


def same_pictures(
    hashes: npt.NDArray[np.bool_], distance: int, *, report: Callable[[int], None] = lambda _: None
) -> tuple[tuple[int, int], ...]:
    """Find pairs of rows of perceptual hashes, (N, 256), that differ by at most `distance` bits; none when negative.

    A picture that many earlier ones look like is paired with the first `MOST_LIKE` of them. `report` is told how many rows were
    compared with all later ones; it may raise to stop.
    """
    if distance < 0:
        return ()
    words = np.packbits(hashes, axis=1).view(np.uint64)
    pairs: list[tuple[int, int]] = []
    paired = np.zeros(len(words), np.int64)
    for start in range(0, len(words), ROWS_AT_ONCE):
        report(start)
        rows = words[start : start + ROWS_AT_ONCE]
        for place in range(start, len(words), COLUMNS_AT_ONCE):
            found: npt.NDArray[np.intp] = _alike(rows, words[place : place + COLUMNS_AT_ONCE], distance) + np.array((start, place))
            for row, column in found[found[:, 0] < found[:, 1]].tolist():
                if paired[column] < MOST_LIKE:
                    paired[column] += 1
                    pairs.append((row, column))
    return tuple(sorted(pairs))


def _alike(rows: npt.NDArray[np.uint64], columns: npt.NDArray[np.uint64], distance: int) -> npt.NDArray[np.intp]:
    """Give the (k, 2) places of rows and columns that differ by at most `distance` bits; half of the words rule most of them out."""
    half = np.bitwise_count(rows[:, None, 0] ^ columns[:, 0]) + np.bitwise_count(rows[:, None, 1] ^ columns[:, 1])
    places = np.argwhere(half <= distance)
    differing = np.bitwise_count(rows[places[:, 0]] ^ columns[places[:, 1]]).sum(axis=1, dtype=np.int64)
    alike: npt.NDArray[np.intp] = places[differing <= distance]
    return alike


def _read_one(example: Example, spec: InputSpec, finder: LungFinder | None) -> _One | str:
    path = example.path
    try:
        pixels = read_pixels(ImageRef(path))
        known = lungs_for(pixels, example.mask, finder) if needs_lungs(spec) else NO_LUNGS
        made = to_gray(pixels, spec, lung_box=known.box, lung_mask=known.mask)
    except CxrError as error:
        return str(error.about(str(path)))
    gray = made.gray
    return _One(
        to_channels(gray, spec),
        pixels.width / pixels.height,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        perceptual_hash(gray),
        known.source,
        _lungs_at_model(known, made.frame) if needs_lungs(spec) else None,
    )


def _lungs_at_model(known: KnownLungs, frame: Frame) -> npt.NDArray[np.uint8]:
    if known.mask is None:
        return np.zeros((frame.model_height, frame.model_width), np.uint8)
    return mask_at_model(known.mask.astype(np.uint8), frame)


def perceptual_hash(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Give the (256,) bits of a picture that change little when it is resized, recoded or brightened."""
    import imagehash
    from PIL import Image

    return np.asarray(imagehash.phash(Image.fromarray(gray), hash_size=HASH_SIDE).hash, dtype=np.bool_).ravel()


def _where_lungs_came_from(sources: Sequence[LungSource]) -> str:
    counts = {source: sources.count(source) for source in (LungSource.MASK, LungSource.FOUND, LungSource.MISSING)}
    return "Lungs: " + ", ".join(f"{count} {source}" for source, count in counts.items()) + "."


def _key(examples: Sequence[Example], spec: InputSpec, finder: LungFinder | None) -> str:
    digest = hashlib.sha256(f"{CACHE_FORMAT} {spec!r} {finder.package.sha256 if finder else ''}".encode())
    files = [example.path for example in examples]
    if needs_lungs(spec):
        files += [example.mask for example in examples if example.mask is not None]
    for path in files:
        status = path.stat()
        digest.update(f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _to_cache(path: Path, pictures: Pictures, good: Sequence[int], problems: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.partial.npz")
    arrays: dict[str, npt.NDArray[Any]] = {  # Any: of every type
        "stack": pictures.stack,
        "aspect": pictures.aspect,
        "sha256": np.array(pictures.sha256),
        "hashes": pictures.hashes,
        "good": np.array(good),
        "problems": np.array(problems, dtype=np.str_),
    }
    if pictures.lungs is not None:
        arrays["lungs"] = pictures.lungs
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def _from_cache(path: Path, examples: Sequence[Example]) -> Loaded:
    with np.load(path, allow_pickle=False) as stored:
        pictures = Pictures(
            stored["stack"],
            stored["aspect"],
            tuple(str(text) for text in stored["sha256"]),
            stored["hashes"],
            stored["lungs"] if "lungs" in stored.files else None,
        )
        good, problems = stored["good"], tuple(str(text) for text in stored["problems"])
    return Loaded(tuple(examples[int(number)] for number in good), pictures, problems)
