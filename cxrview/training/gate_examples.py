"""The pictures that teach a gate: frontal films, laterals, what is no chest, and frontal films turned and inverted."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import CxrError, DataError
from cxrview.core.image import ImageRef
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import to_gray
from cxrview.io.read import read_pixels

COLUMNS = ("file", "view", "source", "role", "group_id", "age")
QUESTION_NAMES = {
    "not_chest": "Not a chest radiograph",
    "lateral": "Lateral view",
    "inverted": "Dark and bright exchanged",
    "turned": "Turned or upside down",
    "child": "Child",
    "ap": "AP view",
}
IDS = tuple(QUESTION_NAMES)


class Change(StrEnum):
    """What is done to a frontal film to make a picture that must be refused."""

    NONE = "none"
    INVERTED = "inverted"
    TURNED_LEFT = "turned left"
    TURNED_RIGHT = "turned right"
    UPSIDE_DOWN = "upside down"


@dataclass(frozen=True, slots=True)
class GateExample:
    """One picture of the table.

    Attributes:
        answers: one for each question, 1 yes, 0 no, -1 not known.
        is_external: from a source that is never learned from.
    """

    path: Path
    source: str
    group: str
    answers: tuple[int, ...]
    is_external: bool

    @property
    def is_frontal(self) -> bool:
        """Tell whether it is a frontal chest film."""
        return self.answers[IDS.index("not_chest")] == 0 and self.answers[IDS.index("lateral")] == 0


@dataclass(frozen=True, slots=True, eq=False)
class GatePictures:
    """Prepared pictures, (N, H, W) uint8, in the order of their examples."""

    examples: tuple[GateExample, ...]
    gray: npt.NDArray[np.uint8]


def read_gate_table(table: Path, children_below: float) -> tuple[GateExample, ...]:
    """Read a table with the columns `file`, `view`, `source`, `role`, `group_id` and `age`.

    Raises:
        DataError: a column is missing, or there is nothing but frontal films.
    """
    with table.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"The table has no column '{missing[0]}'.", hint=f"A gate needs {', '.join(COLUMNS)}.", subject=str(table))
        rows = [row for row in reader if row["role"] != "duplicate"]
    examples = tuple(
        GateExample(
            table.parent / row["file"],
            row["source"],
            row["group_id"],
            _answers(row, children_below),
            row["role"] in ("external", "shares_hannover"),
        )
        for row in rows
    )
    if all(example.is_frontal for example in examples):
        raise DataError(
            "The table holds nothing but frontal films.", hint="A gate learns from what is to be refused too.", subject=str(table)
        )
    return examples


def load_gate_pictures(examples: Sequence[GateExample], spec: InputSpec, report: Callable[[str], None] = lambda _: None) -> GatePictures:
    """Read and prepare every picture; one that cannot be read is left out and told.

    Raises:
        DataError: not one could be read.
    """
    kept: list[GateExample] = []
    grays: list[npt.NDArray[np.uint8]] = []
    for number, example in enumerate(examples, start=1):
        try:
            grays.append(to_gray(read_pixels(ImageRef(example.path)), spec).gray)
        except CxrError as error:
            report(f"  left out: {error.about(str(example.path))}")
            continue
        kept.append(example)
        if number % 1000 == 0:
            report(f"{number} of {len(examples)} images read.")
    if not kept:
        raise DataError("Not one image could be read.", hint="Check the paths in the table.")
    return GatePictures(tuple(kept), np.stack(grays))


def changed(gray: npt.NDArray[np.uint8], change: Change) -> npt.NDArray[np.uint8]:
    """Make the picture (H, W), or pictures (N, H, W), that a change gives."""
    if change is Change.INVERTED:
        return np.asarray(255 - gray, np.uint8)
    turns = {Change.TURNED_LEFT: 1, Change.UPSIDE_DOWN: 2, Change.TURNED_RIGHT: 3}.get(change, 0)
    return np.ascontiguousarray(np.rot90(gray, turns, axes=(-2, -1)))


def answers_after(example: GateExample, change: Change) -> tuple[int, ...]:
    """Give the answers for a frontal film after a change; what the change hides is not known."""
    if change is Change.NONE:
        return example.answers
    known = {"not_chest": 0, "inverted": int(change is Change.INVERTED), "turned": int(change is not Change.INVERTED)}
    return tuple(known.get(question, -1) for question in IDS)


def _answers(row: dict[str, str], children_below: float) -> tuple[int, ...]:
    if row["role"] == "non_chest":
        return tuple(1 if question == "not_chest" else -1 for question in IDS)
    is_lateral = row["role"] == "lateral" or row["view"].lower().startswith("lat")
    known = {
        "not_chest": 0,
        "lateral": int(is_lateral),
        "inverted": 0,
        "turned": -1 if is_lateral else 0,
        "child": _is_child(row, children_below),
        "ap": -1 if is_lateral else {"PA": 0, "AP": 1, "AP_supine": 1}.get(row["view"], -1),
    }
    return tuple(known[question] for question in IDS)


def _is_child(row: dict[str, str], children_below: float) -> int:
    """Take the age; where there is none, the role, and what the table says of the source's patients."""
    try:
        return int(float(row["age"]) < children_below)
    except ValueError:
        if row["role"] == "child":
            return 1
    return 0 if row.get("adult_or_pediatric", "").startswith("adult") else -1
