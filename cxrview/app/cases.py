"""The cases of a worklist, and columns over all of them, so that a hundred thousand are ordered and filtered at once; no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.batch.readings import Call
from cxrview.batch.row import ScoreRow, Status
from cxrview.batch.urgency import remarkable, urgency
from cxrview.batch.withheld import withheld_because
from cxrview.core.image import ImageRef
from cxrview.io.read import natural_key

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# What was called, as a number in columns.
CALL_CODES: Mapping[str, int] = {"": 0, Call.FINDING: 1, Call.NO_FINDING: 2, Call.UNSURE: 3}


@dataclass(frozen=True, slots=True)
class Case:
    """One image of a worklist, as small as it can be: there may be a hundred thousand.

    Attributes:
        key: what readings call it: path and frame.
        name: of the file, for lists.
        order: sorts by name as people count.
        lot: a number that has nothing to do with the image, the same every time; the order of blind reading.
        withheld: why the scores are kept back, as in the window; empty where they are not, and none of them stands here where they are.
        model_call: what the network says: a finding at or above its threshold, or none; None without scores.
        probabilities: in the order of the worklist's labels; empty when there are none.
        positives: positions of the labels that reach their threshold.
    """

    ref: ImageRef
    key: str
    name: str
    order: bytes
    lot: int
    error: str
    withheld: str
    view: str
    flags: tuple[str, ...]
    in_distribution: float | None
    top: int
    probabilities: tuple[float, ...]
    positives: tuple[int, ...]
    model_call: Call | None
    urgency: float

    @property
    def likeliest(self) -> float:
        """The probability of the likeliest label; -1 without scores."""
        return self.probabilities[self.top] if 0 <= self.top < len(self.probabilities) else -1.0


def case_of(row: ScoreRow, labels: Sequence[str], path: Path, member: str) -> Case:
    """Make a case of a score row; `path` and `member` name its file."""
    ref = ImageRef(path, member, row.frame - 1)
    key = str(ref)
    by_label = {score.label: score for score in row.scores}
    withheld = withheld_because(row)
    scores = [] if withheld else [by_label[label] for label in labels if label in by_label]
    name = member.rpartition("/")[2] if member else path.name
    is_read = row.status is Status.OK
    found = any(score.is_positive for score in remarkable(row))
    return Case(
        ref=ref,
        key=key,
        name=f"{name} #{row.frame}" if row.frame > 1 else name,
        order=natural_key(ref) + row.frame.to_bytes(4, "big"),
        lot=int.from_bytes(sha256(key.encode(errors="replace")).digest()[:7], "big"),
        error="" if is_read else row.error or "could not be scored",
        withheld=withheld,
        view=row.view,
        flags=row.flags,
        in_distribution=row.in_distribution,
        top=labels.index(row.top_label) if row.top_label in labels and not withheld else -1,
        probabilities=tuple(score.probability for score in scores),
        positives=tuple(place for place, score in enumerate(scores) if score.is_positive),
        model_call=(Call.FINDING if found else Call.NO_FINDING) if scores else None,
        urgency=urgency(row),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CaseColumns:
    """All cases as columns, (n,) each, in the order of the cases.

    Attributes:
        calls: the network's, by `CALL_CODES`.
        positives: (n, labels), true where a label reaches its threshold.
        flags: by flag, true where it is raised.
        texts: what a filter by name looks into.
        place_of: a case's place by its key.
    """

    urgency: FloatArray
    top: IntArray
    likeliest: FloatArray
    calls: IntArray
    lots: IntArray
    is_error: BoolArray
    is_flagged: BoolArray
    is_withheld: BoolArray
    positives: BoolArray
    flags: Mapping[str, BoolArray]
    texts: tuple[str, ...]
    place_of: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """All cases in the order they came, and the labels of their model.

    Attributes:
        labels: ids, as in the table.
        names: of the labels, for people; empty where nobody knows the model, and the ids must do.
        model: id and version of what scored them; empty where that is not known.
    """

    labels: tuple[str, ...] = ()
    all: tuple[Case, ...] = ()
    names: tuple[str, ...] = ()
    model: str = ""
    columns: CaseColumns = field(init=False)

    def __post_init__(self) -> None:
        """Make the columns."""
        object.__setattr__(self, "columns", _columns(self.all, len(self.labels), 0))

    def name_of(self, label: int) -> str:
        """Give a label's name by its place."""
        return self.names[label] if self.names else self.labels[label].replace("_", " ")

    def and_more(self, new: Sequence[Case]) -> Cases:
        """Give these cases and some that came after them."""
        made = Cases(self.labels, (), self.names, self.model)
        object.__setattr__(made, "all", (*self.all, *new))
        object.__setattr__(made, "columns", _joined(self.columns, _columns(new, len(self.labels), len(self.all)), len(self.all), len(new)))
        return made


def _columns(cases: Sequence[Case], labels: int, first: int) -> CaseColumns:
    count = len(cases)
    positives = np.zeros((count, labels), np.bool_)
    flags: dict[str, BoolArray] = {}
    for place, case in enumerate(cases):
        for label in case.positives:
            positives[place, label] = True
        for flag in case.flags:
            flags.setdefault(flag, np.zeros(count, np.bool_))[place] = True
    return CaseColumns(
        urgency=np.fromiter((case.urgency for case in cases), np.float64, count),
        top=np.fromiter((case.top for case in cases), np.int64, count),
        likeliest=np.fromiter((case.likeliest for case in cases), np.float64, count),
        calls=np.fromiter((CALL_CODES[case.model_call or ""] for case in cases), np.int64, count),
        lots=np.fromiter((case.lot for case in cases), np.int64, count),
        is_error=np.fromiter((bool(case.error) for case in cases), np.bool_, count),
        is_flagged=np.fromiter((bool(case.flags) for case in cases), np.bool_, count),
        is_withheld=np.fromiter((bool(case.withheld) for case in cases), np.bool_, count),
        positives=positives,
        flags=flags,
        texts=tuple(case.key.casefold() for case in cases),
        place_of={case.key: first + place for place, case in enumerate(cases)},
    )


def _joined(one: CaseColumns, two: CaseColumns, before: int, after: int) -> CaseColumns:
    none_before, none_after = np.zeros(before, np.bool_), np.zeros(after, np.bool_)
    return CaseColumns(
        urgency=np.concatenate([one.urgency, two.urgency]),
        top=np.concatenate([one.top, two.top]),
        likeliest=np.concatenate([one.likeliest, two.likeliest]),
        calls=np.concatenate([one.calls, two.calls]),
        lots=np.concatenate([one.lots, two.lots]),
        is_error=np.concatenate([one.is_error, two.is_error]),
        is_flagged=np.concatenate([one.is_flagged, two.is_flagged]),
        is_withheld=np.concatenate([one.is_withheld, two.is_withheld]),
        positives=np.concatenate([one.positives, two.positives]),
        flags={
            flag: np.concatenate([one.flags.get(flag, none_before), two.flags.get(flag, none_after)])
            for flag in sorted({*one.flags, *two.flags})
        },
        texts=(*one.texts, *two.texts),
        place_of={**one.place_of, **two.place_of},
    )
