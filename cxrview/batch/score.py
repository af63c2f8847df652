"""Images through one model: read, prepare, run, row; whatever is wrong with one image becomes its row. Runs on any thread."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from cxrview.batch.ordered import in_order
from cxrview.batch.outputs import writing_to
from cxrview.batch.overlays import OverlayFolder, write_overlays
from cxrview.batch.pictures import small_pictures
from cxrview.batch.plan import Pictures
from cxrview.batch.row import ScoreRow, error_row, name_of, scored_row
from cxrview.core.errors import BatchStopped, CxrError
from cxrview.core.heatmap import fractions_inside
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.lung_input import prepare_with_lungs
from cxrview.core.lungs import Lungs, lungs_mask
from cxrview.core.results import Analysis, Forward, ModelInput
from cxrview.engine.analyse import analysis_of, polarity_checked, with_flags_of_file
from cxrview.engine.base import Predictor
from cxrview.engine.lungs import LungFinder
from cxrview.engine.packages import Package
from cxrview.io.limits import DEFAULT_LIMITS, Limits
from cxrview.io.read import read_pixels

Result = TypeVar("Result")

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreJob:
    """What to do with every image.

    Attributes:
        workers: threads, each reading, preparing and scoring.
        batch_size: images in one forward pass.
        overlays: where to draw heatmaps; None for nowhere.
        lungs: finds the lungs, for models that see them alone and for the heat inside them; None to do without.
        pictures: small pictures to make of every image that has a score.
    """

    package: Package
    predictor: Predictor
    workers: int = 1
    batch_size: int = 1
    overlays: OverlayFolder | None = None
    lungs: LungFinder | None = None
    pictures: Pictures = Pictures.NONE
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out for one image, or for one frame of a file.

    Attributes:
        place: of its file among those that were given.
        thumbnail: what `small_pictures` gives.
        is_missing: the file could not be opened at all: it or its disk may be gone.
    """

    place: int
    row: ScoreRow
    thumbnail: bytes = b""
    is_missing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """An image ready for the model."""

    place: int
    ref: ImageRef
    pixels: Pixels
    model_input: ModelInput
    lungs: Lungs | None


OnBegin = Callable[[int, ImageRef], None]


def score_images(refs: Sequence[ImageRef], job: ScoreJob) -> Generator[tuple[ScoreRow, ...]]:
    """Give the rows of each batch of files, in the order of the files; a file with several frames gives a row for each.

    Whatever is wrong with one file becomes its row; nothing but an interruption stops the loop.
    """
    size = max(1, min(job.batch_size, len(refs) // job.workers))
    pieces = [tuple(refs[start : start + size]) for start in range(0, len(refs), size)]
    for scored in in_order(partial(score_piece, job), pieces, workers=job.workers):
        yield tuple(each.row for each in scored)


def score_piece(job: ScoreJob, refs: Sequence[ImageRef], on_begin: OnBegin = lambda _place, _ref: None) -> tuple[Scored, ...]:
    """Score some files on this thread, in order.

    Args:
        job: how.
        refs: the files, by their first frame.
        on_begin: hears before each frame which file's turn it is.
    """
    done: list[Scored] = []
    waiting: list[_Prepared] = []
    for place, ref in enumerate(refs):
        for each in _prepared_frames(job, place, ref, on_begin):
            if isinstance(each, _Prepared):
                waiting.append(each)
            if len(waiting) == job.batch_size or isinstance(each, Scored):
                done += _score_prepared(job, waiting)
                waiting = []
            if isinstance(each, Scored):
                done.append(each)
    return (*done, *_score_prepared(job, waiting))


def _prepared_frames(job: ScoreJob, place: int, ref: ImageRef, on_begin: OnBegin) -> Iterator[_Prepared | Scored]:
    """Give every frame of a file ready for the model, or the row that says why not."""
    on_begin(place, ref)
    first = _attempt(job, place, ref, partial(_prepare, job, place, ref))
    yield first
    frames = first.pixels.frames if isinstance(first, _Prepared) else 1
    for number in range(ref.frame + 1, frames):
        frame = replace(ref, frame=number)
        on_begin(place, frame)
        yield _attempt(job, place, frame, partial(_prepare, job, place, frame))


def _prepare(job: ScoreJob, place: int, ref: ImageRef) -> _Prepared:
    pixels = read_pixels(ref, limits=job.limits)
    lungs = job.lungs.find(pixels) if job.lungs is not None else None
    return _Prepared(place, ref, pixels, prepare_with_lungs(pixels, job.package.manifest.input, lungs), lungs)


def _score_prepared(job: ScoreJob, images: Sequence[_Prepared]) -> list[Scored]:
    if not images:
        return []
    first = images[0]
    tensor = first.model_input.tensor if len(images) == 1 else np.concatenate([each.model_input.tensor for each in images])
    forwards = _attempt(job, first.place, first.ref, partial(job.predictor.run, tensor))
    if isinstance(forwards, Scored):
        return [Scored(each.place, error_row(each.ref, forwards.row.error, forwards.row.model)) for each in images]
    return [
        _attempt(job, each.place, each.ref, partial(_finish, job, each, forward)) for each, forward in zip(images, forwards, strict=True)
    ]


def _finish(job: ScoreJob, image: _Prepared, forward: Forward) -> Scored:
    has_lungs = image.lungs is not None and image.lungs.is_found
    analysis = analysis_of(
        forward,
        image.model_input,
        job.package,
        job.predictor,
        with_heatmaps=has_lungs or job.pictures is not Pictures.NONE or job.overlays is not None,
        lungs=image.lungs,
    )
    analysis = with_flags_of_file(polarity_checked(analysis, image.pixels, job.package, job.predictor), image.pixels)
    if job.overlays is not None:
        with writing_to(job.overlays.folder):
            write_overlays(job.overlays, image.ref, image.pixels, analysis)
    row = scored_row(image.ref, analysis, view=image.pixels.info.view, flags=analysis.flags, heat_in_lungs=_heat_in_lungs(analysis))
    return Scored(image.place, row, small_pictures(job.pictures, image.pixels, analysis))


def _heat_in_lungs(analysis: Analysis) -> dict[str, float | None]:
    """Give the fraction of each label's heat that lies in the lungs; None where it has none or no lungs were found."""
    if analysis.lungs is None or not analysis.lungs.is_found or not analysis.heatmaps:
        return {}
    fractions = fractions_inside(analysis.heatmaps, lungs_mask(analysis.lungs), analysis.frame)
    return {
        heatmap.label.id: None if math.isnan(fraction) else fraction for heatmap, fraction in zip(analysis.heatmaps, fractions, strict=True)
    }


def _attempt(job: ScoreJob, place: int, ref: ImageRef, work: Callable[[], Result]) -> Result | Scored:
    """Do one step for one image; what goes wrong becomes its row, unless no image would do better.

    Raises:
        BatchStopped: nothing can be written any more.
    """
    model = name_of(job.package.manifest, job.package.sha256)
    try:
        return work()
    except BatchStopped:
        raise
    except CxrError as error:
        LOG.debug("%s", ref, exc_info=error)
        return Scored(place, error_row(ref, error.message, model), is_missing=isinstance(error.__cause__, OSError))
    except Exception as error:  # the task runner of a batch: an unforeseen failure of one file is that file's row
        LOG.debug("%s", ref, exc_info=error)
        return Scored(place, error_row(ref, f"unforeseen failure: {type(error).__name__}: {error}", model))
