"""Labelled images from elsewhere, brought into the words of a finished model."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from cxrview.core.errors import DataError
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package
from cxrview.evaluation.report import EvaluationReport
from cxrview.io.atomic import write_text
from cxrview.training.dataset import years
from cxrview.training.judge import judge, write_judgement
from cxrview.training.label_ids import label_id
from cxrview.training.recipe import DataRecipe
from cxrview.training.sources import list_sources, suggest_source

TABLE_NAME = "images.csv"


def judge_elsewhere(
    package: Package, predictor: Predictor, place: Path, folder: Path, *, report: Callable[[str], None] = lambda _: None
) -> EvaluationReport:
    """Measure a model on a folder or table of labelled images that training never saw, and leave the report in `folder`.

    Classes are matched by their names; images of classes that the model does not know are left out.

    Raises:
        DataError: not one class is the model's, or nothing can be read.
    """
    table = _write_table(package, place, folder)
    codes = {row["label"] for row in csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))}
    recipe = DataRecipe(
        labels=tuple(label.id for label in package.manifest.labels),
        label_map={code: tuple(part for part in code.split("+") if part != "none") for code in sorted(codes)},
    )
    judged = judge(package, predictor, table, recipe, is_external=True, report=report)
    write_judgement(folder, judged)
    return judged.report


def _write_table(package: Package, place: Path, folder: Path) -> Path:
    listed = list_sources([suggest_source(place)])
    ids = {label.name.casefold(): label.id for label in package.manifest.labels} | {label.id: label.id for label in package.manifest.labels}
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("file", "label", "patient_id", "source", "view", "sex", "age"))
    strange: set[str] = set()
    count = 0
    is_one_against_rest = len(package.manifest.labels) == 1
    for entry in listed.entries:
        known = {found for label in entry.labels if (found := ids.get(label.casefold()) or ids.get(label_id(label)))}
        if entry.labels and not known and not is_one_against_rest:
            strange |= entry.labels
            continue
        code = "+".join(sorted(known)) or "none"
        writer.writerow((entry.path, code, entry.patient, entry.source, entry.view, entry.sex, years(entry.age)))
        count += 1
    if not count:
        names = ", ".join(label.name for label in package.manifest.labels)
        raise DataError(
            f"None of the classes here ({', '.join(sorted(strange)[:4])}) is one of the model's ({names}).",
            hint="Name the folders or labels as in training.",
            subject=str(place),
        )
    path = folder / TABLE_NAME
    try:
        write_text(path, stream.getvalue())
    except OSError as error:
        raise DataError(f"The table of images cannot be written ({error.strerror}).", hint="Free some space.", subject=str(path)) from error
    return path
