"""One picture's answer in the model lane: from memory, from the library, else from the model."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cxrview.app.answers import view_seen
from cxrview.app.controllers.kept import Kept
from cxrview.app.controllers.models import Session
from cxrview.app.state import RecalledAnalysis
from cxrview.core.errors import LibraryError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.prepare import to_gray
from cxrview.core.results import Analysis, Finding
from cxrview.engine.analyse import analyse, with_flags_of_file
from cxrview.library.library import Library
from cxrview.library.records import Result
from cxrview.library.results import pixel_hash, result_of

OpenLibrary = Callable[[], Library | None]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model says of a picture; `is_new` when it ran for it. `pixels_hash` finds the picture again, `reader` names who answered."""

    pixels_hash: str
    reader: str
    analysis: Analysis
    is_new: bool


SaveAnswer = Callable[[ImageRef, Answer], None]


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What was answered before.

    Attributes:
        kept: in this session.
        library: what was answered in earlier ones, where a library is open; asked in the model lane.
        save: keeps a new answer there; called on the main thread.
    """

    kept: Kept
    library: OpenLibrary = lambda: None
    save: SaveAnswer = lambda _ref, _answer: None


def answer_key(pixels_hash: str, session: Session) -> Hashable:
    """Name an answer: of which picture, by which model, run by what."""
    return ("answer", pixels_hash, session.reader, session.predictor.engine, session.predictor.device, session.target)


def answer_to(pixels: Pixels, session: Session, memory: Memory, *, needs_maps: bool = False) -> Answer:
    """Give the answer for a picture; one from the library has no heatmaps, so it does not do when they are needed."""
    digest = pixel_hash(pixels)
    key = answer_key(digest, session)
    kept = memory.kept.analysis(key)
    if kept is not None:
        return Answer(digest, session.reader, kept, is_new=False)
    recalled = None if needs_maps else _recalled(pixels, digest, session, memory)
    if recalled is not None:
        return Answer(digest, session.reader, recalled, is_new=False)
    analysis = analysed(pixels, session)
    memory.kept.keep_analysis(key, analysis)
    return Answer(digest, session.reader, analysis, is_new=True)


def analysed(pixels: Pixels, session: Session) -> Analysis:
    """Let the model read, and note beside its answer what is unusual about the file."""
    lungs = None if session.lungs is None else session.lungs.find(pixels)
    analysis = analyse(pixels, session.package, session.predictor, heatmap_target=session.target, lungs=lungs)
    return with_flags_of_file(analysis, pixels)


def save_answer(ref: ImageRef, answer: Answer, library: Library) -> None:
    """Keep an answer in the library, with the image where that is indexed.

    Raises:
        LibraryError: it cannot be written.
    """
    image = library.image_of(ref)
    result = result_of(answer.analysis, answer.pixels_hash, reader=answer.reader, view=view_seen(answer.analysis))
    library.save_result(image.id if image is not None else 0, result)


def _recalled(pixels: Pixels, digest: str, session: Session, memory: Memory) -> RecalledAnalysis | None:
    library = memory.library()
    if library is None:
        return None
    try:
        result = library.find_result(digest, session.reader)
    except LibraryError:
        return None  # the same fault is told when the new answer is saved
    return None if result is None else _from_result(pixels, result, session)


def _from_result(pixels: Pixels, result: Result, session: Session) -> RecalledAnalysis | None:
    """Make an answer of what the library kept; None where something else ran than runs now."""
    manifest = session.package.manifest
    same_run = (result.engine, result.device) == (session.predictor.engine, session.predictor.device)
    if not same_run or [score.label for score in result.scores] != [label.id for label in manifest.labels]:
        return None
    findings = tuple(
        Finding(label, score.logit, score.probability, threshold.probability)
        for label, score, threshold in zip(manifest.labels, result.scores, manifest.thresholds, strict=True)
    )
    return RecalledAnalysis(
        model_id=result.model_id,
        model_version=result.model_version,
        model_sha256=result.model_hash,
        engine=result.engine,
        device=result.device,
        frame=to_gray(pixels, manifest.input).frame,
        findings=findings,
        heatmaps=(),
        flags=result.flags,
        in_distribution=result.in_distribution,
        facts=pixels.facts,
        view=result.view,
    )
