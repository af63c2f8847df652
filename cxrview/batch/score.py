"""Many images through one model: a plain loop over worker threads that share one predictor; runs on any thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from cxrview.batch.ordered import in_order
from cxrview.batch.overlays import OverlayFolder, write_overlays
from cxrview.batch.row import ScoreRow, error_row, name_of, scored_row
from cxrview.core.errors import CxrError
from cxrview.core.flags import flags_of
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.prepare import prepare
from cxrview.core.results import Forward, ModelInput
from cxrview.engine.analyse import analysis_of
from cxrview.engine.base import Predictor
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
    """

    package: Package
    predictor: Predictor
    workers: int = 1
    batch_size: int = 1
    overlays: OverlayFolder | None = None
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """An image ready for the model."""

    ref: ImageRef
    pixels: Pixels
    model_input: ModelInput


def score_images(refs: Sequence[ImageRef], job: ScoreJob) -> Generator[tuple[ScoreRow, ...]]:
    """Give the rows of each batch of files, in the order of the files; a file with several frames gives a row for each.

    Whatever is wrong with one file becomes its row; nothing but an interruption stops the loop.
    """
    pieces = [tuple(refs[start : start + job.batch_size]) for start in range(0, len(refs), job.batch_size)]
    yield from in_order(partial(_score_piece, job), pieces, workers=job.workers)


def _score_piece(job: ScoreJob, refs: tuple[ImageRef, ...]) -> tuple[ScoreRow, ...]:
    rows: list[ScoreRow] = []
    waiting: list[_Prepared] = []
    for ref in refs:
        for each in _prepared_frames(job, ref):
            if isinstance(each, _Prepared):
                waiting.append(each)
            if len(waiting) == job.batch_size or isinstance(each, ScoreRow):
                rows += _score_prepared(job, waiting)
                waiting = []
            if isinstance(each, ScoreRow):
                rows.append(each)
    return (*rows, *_score_prepared(job, waiting))


def _prepared_frames(job: ScoreJob, ref: ImageRef) -> Iterator[_Prepared | ScoreRow]:
    """Give every frame of a file ready for the model, or the row that says why not."""
    first = _attempt(job, ref, partial(_prepare, job, ref))
    yield first
    frames = first.pixels.frames if isinstance(first, _Prepared) else 1
    for number in range(ref.frame + 1, frames):
        frame = replace(ref, frame=number)
        yield _attempt(job, frame, partial(_prepare, job, frame))


def _prepare(job: ScoreJob, ref: ImageRef) -> _Prepared:
    pixels = read_pixels(ref, limits=job.limits)
    return _Prepared(ref=ref, pixels=pixels, model_input=prepare(pixels, job.package.manifest.input))


def _score_prepared(job: ScoreJob, images: Sequence[_Prepared]) -> list[ScoreRow]:
    if not images:
        return []
    first = images[0]
    tensor = first.model_input.tensor if len(images) == 1 else np.concatenate([each.model_input.tensor for each in images])
    forwards = _attempt(job, first.ref, partial(job.predictor.run, tensor))
    if isinstance(forwards, ScoreRow):
        return [error_row(each.ref, forwards.error, forwards.model) for each in images]
    return [_attempt(job, each.ref, partial(_finish, job, each, forward)) for each, forward in zip(images, forwards, strict=True)]


def _finish(job: ScoreJob, image: _Prepared, forward: Forward) -> ScoreRow:
    analysis = analysis_of(forward, image.model_input, job.package, job.predictor, with_heatmaps=job.overlays is not None)
    if job.overlays is not None:
        write_overlays(job.overlays, image.ref, image.pixels, analysis)
    flags = tuple(str(flag) for flag in flags_of(image.pixels))
    return scored_row(image.ref, analysis, view=image.pixels.info.view, flags=flags)


def _attempt(job: ScoreJob, ref: ImageRef, work: Callable[[], Result]) -> Result | ScoreRow:
    """Do one step for one image; what goes wrong becomes its row."""
    model = name_of(job.package.manifest, job.package.sha256)
    try:
        return work()
    except CxrError as error:
        LOG.debug("%s", ref, exc_info=error)
        return error_row(ref, error.message, model)
    except Exception as error:  # the task runner of a batch: an unforeseen failure of one file is that file's row
        LOG.debug("%s", ref, exc_info=error)
        return error_row(ref, f"unforeseen failure: {type(error).__name__}: {error}", model)
