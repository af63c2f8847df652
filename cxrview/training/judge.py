"""Measure and audit a finished package on labelled images that it did not learn from; torch is not needed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.manifest import InputSpec, RangeRule
from cxrview.core.prepare import to_gray
from cxrview.core.results import FloatArray
from cxrview.engine.base import Predictor
from cxrview.engine.lungs import LungFinder, open_lungs
from cxrview.engine.packages import Package
from cxrview.evaluation.audits import Boxes, audit_cases, audit_explanations
from cxrview.evaluation.cases import Case, score_cases
from cxrview.evaluation.compare import Comparison, compare
from cxrview.evaluation.evaluate import evaluate_cases
from cxrview.evaluation.page import to_html
from cxrview.evaluation.pdf import to_pdf
from cxrview.evaluation.readings import LungArea, Reading, prepared, read_case
from cxrview.evaluation.report import EvaluationReport, to_json, to_markdown
from cxrview.io.read import read_pixels
from cxrview.training.examples import Example, cases_of, read_collection
from cxrview.training.lung_source import lungs_for
from cxrview.training.recipe import DataRecipe

# The baselines see what the network does not: the whole picture with its border, and gray levels as they were stored.
WHOLE = InputSpec(width=256, height=256, range_rule=RangeRule.BIT_DEPTH)
# What a table with a split column may say of images that the network learned from.
LEARNED_FROM = ("train", "val")
NOT_NAMED = "not named"
MOST_AUDITED = 100


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was measured, and the files that could not be read, each with its reason."""

    report: EvaluationReport
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """A model to compare with, open; `is_variant` says that it is the same model in another form (engine, precision)."""

    words: str
    package: Package
    predictor: Predictor
    is_variant: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """What to ask beyond how often the network is right.

    Attributes:
        is_audited: take lungs and letters away, probe sources, test the maps.
        finder: an open lung network; masks that came with the images go first; None for none.
        others: models on the same images.
        boxes: what was drawn on images.
    """

    is_audited: bool = False
    finder: LungFinder | None = None
    others: tuple[Other, ...] = ()
    boxes: Boxes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """What is measured, and what the network learned from."""

    measured: tuple[Example, ...]
    learned: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """An image for the baselines alone."""

    example: Example
    whole: npt.NDArray[np.uint8]
    aspect: float


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    example: Example
    logits: FloatArray
    whole: npt.NDArray[np.uint8]
    aspect: float
    reading: Reading | None
    others: tuple[FloatArray, ...]


def judge(
    package: Package,
    predictor: Predictor,
    data: Path,
    recipe: DataRecipe,
    *,
    is_external: bool,
    external: Sequence[Path] = (),
    split_of: Mapping[str, str] | None = None,
    questions: Questions | None = None,
    workers: int = 2,
    report: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Run a package over labelled data and measure it inside each source.

    Where `recipe.columns.split` names a column of the table, or `split_of` says it, images of `train` and `val` are left out; those of
    `train` serve the baselines, which learn from them inside each source as they do in the report of a training.

    Args:
        package: its labels are what is measured; labels of the data that are not among them need `recipe.label_map`.
        predictor: runs it.
        data: a table or folders, as for training.
        recipe: columns, filters and the meaning of labels.
        is_external: the images come from places that training never saw; it decides what the report calls them.
        external: more tables or folders, from such places.
        split_of: path, from the folder of the table, to `train`, `val`, `test` or `external`, as a run's `split.csv` has it; images
            that it does not name, or that were learned from, are left out.
        questions: what else to ask; by default nothing.
        workers: threads that read, prepare and run.
        report: told how far it is.

    Raises:
        DataError: no labelled image could be read.
    """
    asked = questions or Questions()
    found = _examples(package, data, recipe, report, is_external=is_external, split_of=split_of or {})
    examples = list(found.measured)
    for place in external:
        examples += _examples(package, place, recipe, report, is_external=True).measured
    ones, problems = _run_all(examples, package, predictor, asked, workers, report)
    if not ones:
        raise DataError("No labelled image could be read.", hint=problems[0] if problems else "", subject=str(data))
    cases = cases_of([one.example for one in ones])
    shown = _for_baselines(found.learned, workers, report)
    measured = evaluate_cases(
        [*cases, *cases_of([one.example for one in shown])],
        np.concatenate([np.stack([one.logits for one in ones]), np.zeros((len(shown), len(package.manifest.labels)), np.float32)]),
        # The hash in the manifest is that of the package's own split, not of these images.
        replace(package.manifest, split_sha256=""),
        grays=[*(one.whole for one in ones), *(one.whole for one in shown)],
        aspects=[*(one.aspect for one in ones), *(one.aspect for one in shown)],
    )
    return Judged(_with_audits(measured, cases, ones, package, predictor, asked, report), problems)


def audit_run(
    measured: EvaluationReport,
    examples: Sequence[Example],
    package: Package,
    predictor: Predictor,
    *,
    workers: int = 2,
    report: Callable[[str], None] = lambda _: None,
) -> EvaluationReport:
    """Add the audits to what a training measured, on its test and external images; lungs as in `judge`.

    At most a hundred images of each truth and source take part, so that a long training does not end in a long wait. Where
    the audit cannot be run (a broken lung network), the reason is reported and the measurement stands without it.

    Args:
        measured: of the same package on the same examples.
        examples: of all splits.
        package: with the calibration that was measured.
        predictor: runs it.
        workers: threads that read, prepare and run.
        report: told how far it is.
    """
    finder = None
    try:
        finder = open_lungs(engine="onnx", device="cpu", threads=1, workers=workers)
        asked = Questions(is_audited=True, finder=finder)
        ones, _ = _run_all(_sample(examples), package, predictor, asked, workers, report)
        if not ones:
            return measured
        return _with_audits(measured, cases_of([one.example for one in ones]), ones, package, predictor, asked, report)
    except CxrError as error:
        report(f"The audit could not be run: {error}")
        return measured
    finally:
        if finder is not None:
            finder.close()


def write_judgement(folder: Path, judged: Judged) -> None:
    """Write `report.html`, `.pdf`, `.md` and `.json` and, where files could not be read, `problems.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(to_html(judged.report), encoding="utf-8")
    (folder / "report.pdf").write_bytes(to_pdf(judged.report))
    (folder / "report.md").write_text(to_markdown(judged.report), encoding="utf-8")
    (folder / "report.json").write_text(to_json(judged.report), encoding="utf-8")
    if judged.problems:
        with (folder / "problems.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([("problem",), *((problem,) for problem in judged.problems)])


def _examples(
    package: Package,
    data: Path,
    recipe: DataRecipe,
    report: Callable[[str], None],
    *,
    is_external: bool,
    split_of: Mapping[str, str] | None = None,
) -> _Examples:
    labels = tuple(label.id for label in package.manifest.labels)
    collection = read_collection(data, replace(recipe, labels=labels), needs_every_label=False)
    for reason, count in sorted(collection.left_out.items(), key=lambda item: -item[1]):
        report(f"left out {count}: {reason}")
    examples = collection.examples
    if split_of:
        root = data if data.is_dir() else data.parent
        examples = tuple(replace(each, split=split_of.get(_name_in(root, each.path), NOT_NAMED)) for each in examples)
    has_splits = bool(split_of or recipe.columns.split)
    kept = [each for each in examples if not has_splits or each.split not in (*LEARNED_FROM, NOT_NAMED)]
    if len(kept) < len(examples):
        report(f"left out {len(examples) - len(kept)}: the split has them for training, or does not name them")
    measured = tuple(replace(each, split="external" if is_external or each.split == "external" else "test") for each in kept)
    return _Examples(measured, tuple(each for each in examples if has_splits and each.split == "train"))


def _for_baselines(learned: Sequence[Example], workers: int, report: Callable[[str], None]) -> list[_Shown]:
    """Read the training images; those that cannot be read teach nothing."""
    if learned:
        report(f"Reading {len(learned)} training images for the baselines.")
    with ThreadPoolExecutor(workers) as pool:
        return [shown for shown in pool.map(_shown, learned) if shown is not None]


def _shown(example: Example) -> _Shown | None:
    try:
        pixels = read_pixels(ImageRef(example.path))
        return _Shown(example, to_gray(pixels, WHOLE).gray, pixels.width / pixels.height)
    except CxrError:
        return None


def _sample(examples: Sequence[Example]) -> list[Example]:
    """Take up to a hundred test and external images of each label and source, by chance, the same each time, in their order."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for place, example in enumerate(examples):
        if example.split in ("test", "external"):
            kinds.setdefault((example.split, example.source, example.label), []).append(place)
    rng = np.random.default_rng(0)
    chosen = [place for _, places in sorted(kinds.items()) for place in rng.permutation(places)[:MOST_AUDITED].tolist()]
    return [examples[place] for place in sorted(chosen)]


def _name_in(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _with_audits(
    measured: EvaluationReport,
    cases: Sequence[Case],
    ones: Sequence[_One],
    package: Package,
    predictor: Predictor,
    asked: Questions,
    report: Callable[[str], None],
) -> EvaluationReport:
    readings = [one.reading for one in ones if one.reading is not None]
    if not asked.is_audited or len(readings) < len(ones):
        return measured

    def load(place: int) -> tuple[Pixels, LungArea | None]:
        pixels = read_pixels(ImageRef(ones[place].example.path))
        return pixels, _lungs(ones[place].example, pixels, asked.finder)

    tested = audit_explanations(cases, load, package, predictor, measured.settings, boxes=asked.boxes, report=report)
    contrasts = [result.contrast for result in measured.contrasts]
    audits = audit_cases(
        cases,
        readings,
        package.manifest,
        contrasts,
        measured.settings,
        explanations=tested,
        comparisons=_comparisons(measured, cases, ones, package, asked),
    )
    return replace(measured, audits=audits)


def _comparisons(
    measured: EvaluationReport, cases: Sequence[Case], ones: Sequence[_One], package: Package, asked: Questions
) -> tuple[Comparison, ...]:
    own = score_cases(cases, np.stack([one.logits for one in ones]), package.manifest)
    thresholds = [threshold.probability for threshold in package.manifest.thresholds]
    contrasts = [result.contrast for result in measured.contrasts]
    return tuple(
        compare(
            own,
            score_cases(cases, np.stack([one.others[place] for one in ones]), other.package.manifest),
            thresholds,
            contrasts,
            other=other.words,
            is_variant=other.is_variant,
            settings=measured.settings,
        )
        for place, other in enumerate(asked.others)
    )


def _run_all(
    examples: Sequence[Example],
    package: Package,
    predictor: Predictor,
    asked: Questions,
    workers: int,
    report: Callable[[str], None],
) -> tuple[list[_One], tuple[str, ...]]:
    ones: list[_One] = []
    problems: list[str] = []
    run_one = partial(_run_one, package=package, predictor=predictor, asked=asked)
    with ThreadPoolExecutor(workers) as pool:
        for number, answer in enumerate(pool.map(run_one, examples), start=1):
            if isinstance(answer, _One):
                ones.append(answer)
            else:
                problems.append(answer)
            if number % 500 == 0:
                report(f"{number} of {len(examples)} images.")
    return ones, tuple(problems)


def _run_one(example: Example, *, package: Package, predictor: Predictor, asked: Questions) -> _One | str:
    try:
        pixels: Pixels = read_pixels(ImageRef(example.path))
        lungs = _lungs(example, pixels, asked.finder)
        reading = read_case(pixels, package, predictor, lungs) if asked.is_audited else None
        logits = reading.logits if reading is not None else _logits(pixels, package, predictor, lungs)
        others = tuple(_logits(pixels, other.package, other.predictor, lungs) for other in asked.others)
        whole = to_gray(pixels, WHOLE).gray
    except CxrError as error:
        return str(error.about(str(example.path)))
    return _One(example, logits, whole, pixels.width / pixels.height, reading, others)


def _logits(pixels: Pixels, package: Package, predictor: Predictor, lungs: LungArea | None) -> FloatArray:
    (forward,) = predictor.run(prepared(pixels, package.manifest.input, lungs).tensor)
    return forward.logits


def _lungs(example: Example, pixels: Pixels, finder: LungFinder | None) -> LungArea | None:
    known = lungs_for(pixels, example.mask, finder)
    return None if known.mask is None or known.box is None else LungArea(known.mask, known.box)
