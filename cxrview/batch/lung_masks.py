"""Lung masks of many images, written as one-bit PNG files named and sized as the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef
from cxrview.core.lungs import Lungs, lungs_mask
from cxrview.engine.lungs import LungFinder
from cxrview.io.atomic import replacing
from cxrview.io.read import frame_refs, read_pixels


@dataclass(frozen=True, slots=True)
class MaskWritten:
    """What became of one image.

    Attributes:
        path: of the mask; None when the image could not be read.
        problem: in a sentence; empty when all is well. A mask without lungs is written, black, and told here.
    """

    ref: ImageRef
    path: Path | None
    problem: str


def write_lung_masks(
    refs: Sequence[ImageRef],
    roots: Sequence[Path],
    folder: Path,
    finder: LungFinder,
    *,
    workers: int,
    done: Callable[[MaskWritten], None] = lambda _: None,
) -> tuple[MaskWritten, ...]:
    """Write a mask for every frame of every image below `folder`, where the image lies below its root.

    Args:
        refs: one for each file.
        roots: what the user named; names of masks are relative to the root that holds the image.
        folder: made when it is missing.
        finder: the lung network; called from `workers` threads at once.
        workers: threads.
        done: called after each image, in order.
    """
    frames = [frame for ref in refs for frame in _frames(ref)]
    names = mask_names(frames, roots)
    results = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda pair: _write_one(pair[0], folder / pair[1], finder), zip(frames, names, strict=True)):
            done(result)
            results.append(result)
    return tuple(results)


def mask_names(refs: Sequence[ImageRef], roots: Sequence[Path]) -> tuple[str, ...]:
    """Name the masks: the image's path below its root with `.png` for its suffix; the suffix stays where two would be called the same."""
    stems = [_relative(ref, roots) for ref in refs]
    short = [str(stem.with_suffix("")) + _frame_part(ref) + ".png" for stem, ref in zip(stems, refs, strict=True)]
    long = [str(stem) + _frame_part(ref) + ".png" for stem, ref in zip(stems, refs, strict=True)]
    count: dict[str, int] = {}
    for name in short:
        count[name] = count.get(name, 0) + 1
    return tuple(one if count[one] == 1 else other for one, other in zip(short, long, strict=True))


def one_bit_png(mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode a mask, (height, width), as a PNG of one bit a pixel, white where the mask is."""
    _, encoded = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return encoded.tobytes()


def lung_problem(lungs: Lungs) -> str:
    """Say what is wrong with the lungs of an image; empty when nothing is."""
    if not lungs.is_found:
        return "no lungs were found"
    return f"the lungs are cut off at the {' and '.join(lungs.cut_sides)}" if lungs.cut_sides else ""


def _write_one(ref: ImageRef, path: Path, finder: LungFinder) -> MaskWritten:
    try:
        lungs = finder.find(read_pixels(ref))
        with replacing(path) as temporary:
            temporary.write_bytes(one_bit_png(lungs_mask(lungs)))
    except (CxrError, OSError) as error:
        return MaskWritten(ref, None, error.message if isinstance(error, CxrError) else str(error.strerror or error))
    return MaskWritten(ref, path, lung_problem(lungs))


def _frames(ref: ImageRef) -> tuple[ImageRef, ...]:
    try:
        return frame_refs(ref)
    except CxrError:
        return (ref,)  # the reason is told when it is read


def _relative(ref: ImageRef, roots: Sequence[Path]) -> Path:
    inside = [root for root in roots if root.is_dir() and ref.path.is_relative_to(root)]
    base = ref.path.relative_to(max(inside, key=lambda root: len(root.parts))) if inside else Path(ref.path.name)
    if not ref.member:
        return base
    parts = [part for part in Path(ref.member.replace("\\", "/")).parts if part not in ("..", "/", ".")]
    return base.with_suffix("").joinpath(*parts)


def _frame_part(ref: ImageRef) -> str:
    return f"_{ref.frame + 1}" if ref.frame else ""
