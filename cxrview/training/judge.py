"""Measure a finished package on labelled images that it did not learn from; torch is not needed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.manifest import InputSpec, Manifest, RangeRule
from cxrview.core.prepare import prepare, to_gray
from cxrview.core.results import FloatArray
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package
from cxrview.evaluation.evaluate import evaluate_cases
from cxrview.evaluation.page import to_html
from cxrview.evaluation.report import EvaluationReport, to_json, to_markdown
from cxrview.io.read import read_pixels
from cxrview.training.examples import Example, cases_of, read_collection
from cxrview.training.recipe import DataRecipe

# The baselines see what the network does not: the whole picture with its border, and gray levels as they were stored.
WHOLE = InputSpec(width=256, height=256, range_rule=RangeRule.BIT_DEPTH)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was measured, and the files that could not be read, each with its reason."""

    report: EvaluationReport
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    example: Example
    logits: FloatArray
    whole: npt.NDArray[np.uint8]
    aspect: float


def judge(
    package: Package,
    predictor: Predictor,
    data: Path,
    recipe: DataRecipe,
    *,
    is_external: bool,
    workers: int = 2,
    report: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Run a package over labelled data and measure it inside each source.

    Args:
        package: its labels are what is measured; labels of the data that are not among them need `recipe.label_map`.
        predictor: runs it.
        data: a table or folders, as for training.
        recipe: columns, filters and the meaning of labels.
        is_external: the images come from places that training never saw; it decides what the report calls them.
        workers: threads that read, prepare and run.
        report: told how far it is.

    Raises:
        DataError: no labelled image could be read.
    """
    labels = tuple(label.id for label in package.manifest.labels)
    collection = read_collection(data, replace(recipe, labels=labels), needs_every_label=False)
    for reason, count in sorted(collection.left_out.items(), key=lambda item: -item[1]):
        report(f"left out {count}: {reason}")
    split = "external" if is_external else "test"
    examples = [replace(example, split=split) for example in collection.examples]
    ones, problems = _run_all(examples, package.manifest, predictor, workers, report)
    if not ones:
        raise DataError("No labelled image could be read.", hint=problems[0] if problems else "", subject=str(data))
    measured = evaluate_cases(
        cases_of([one.example for one in ones]),
        np.stack([one.logits for one in ones]),
        # The hash in the manifest is that of the package's own split, not of these images.
        replace(package.manifest, split_sha256=""),
        grays=(one.whole for one in ones),
        aspects=[one.aspect for one in ones],
    )
    return Judged(measured, problems)


def write_judgement(folder: Path, judged: Judged) -> None:
    """Write `report.html`, `report.md`, `report.json` and, where files could not be read, `problems.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(to_html(judged.report), encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(judged.report), encoding="utf-8")
    (folder / "report.json").write_text(to_json(judged.report), encoding="utf-8")
    if judged.problems:
        with (folder / "problems.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([("problem",), *((problem,) for problem in judged.problems)])


def _run_all(
    examples: Sequence[Example], manifest: Manifest, predictor: Predictor, workers: int, report: Callable[[str], None]
) -> tuple[list[_One], tuple[str, ...]]:
    ones: list[_One] = []
    problems: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        for number, answer in enumerate(pool.map(partial(_run_one, manifest=manifest, predictor=predictor), examples), start=1):
            if isinstance(answer, _One):
                ones.append(answer)
            else:
                problems.append(answer)
            if number % 500 == 0:
                report(f"{number} of {len(examples)} images.")
    return ones, tuple(problems)


def _run_one(example: Example, *, manifest: Manifest, predictor: Predictor) -> _One | str:
    try:
        pixels: Pixels = read_pixels(ImageRef(example.path))
        (forward,) = predictor.run(prepare(pixels, manifest.input).tensor)
        whole = to_gray(pixels, WHOLE).gray
    except CxrError as error:
        return str(error.about(str(example.path)))
    return _One(example, forward.logits, whole, pixels.width / pixels.height)
