"""What a person says of scored images: kept as it is said, one line each, and measured against the network."""

from __future__ import annotations

import csv
import json
import math
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from cxrview.batch.names import to_utf8
from cxrview.core.errors import DataError
from cxrview.evaluation.agreement import cohens_kappa
from cxrview.evaluation.interval import Interval, wilson
from cxrview.io.atomic import replacing

# A reader who takes longer than this has left the room.
LONGEST_S = 600.0
COLUMNS = ("case", "call", "agrees", "is_blind", "note", "seconds", "at", "first_call", "first_is_blind", "changes")


class Call(StrEnum):
    """What a reader, or the network, says of an image."""

    FINDING = "finding"
    NO_FINDING = "no finding"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What was said, once.

    Attributes:
        is_blind: it was said before the network was revealed.
        model_call: what the network said; empty where it could not read the image.
        seconds: from the moment the image was chosen.
        at: ISO 8601, UTC.
    """

    call: Call
    is_blind: bool
    model_call: str
    note: str
    seconds: float
    at: str


@dataclass(frozen=True, slots=True)
class ReadingFigures:
    """Reader and network over the cases that were read.

    Attributes:
        kappa: of the reader's last calls and the network's, without those that are unsure; NaN without any.
        blind_kappa: the same of first calls that were said blind.
        sensitivity, specificity: of the network, with the reader's word for the truth: the blind one where there is one.
        changed: cases whose call was changed after the network was revealed.
        median_s: time for a case, first opinions only.
    """

    read: int
    unsure: int
    agreed: int
    kappa: float
    blind: int
    blind_kappa: float
    sensitivity: Interval
    specificity: Interval
    changed: int
    median_s: float


def figures_of(cases: Sequence[tuple[Call | None, Sequence[Opinion]]]) -> ReadingFigures:
    """Measure over cases, each with the network's call, None where it has none, and what the reader said of it, in order."""
    read = [(model, said) for model, said in cases if said]
    both = [(model, said) for model, said in read if model is not None]
    last = [(model, said[-1].call) for model, said in both if said[-1].call is not Call.UNSURE]
    sure_blind = [(model, said[0].call) for model, said in both if said[0].is_blind and said[0].call is not Call.UNSURE]
    words = [(model, said[0].call if said[0].is_blind else said[-1].call) for model, said in both]
    with_finding = [model is Call.FINDING for model, word in words if word is Call.FINDING]
    without = [model is Call.NO_FINDING for model, word in words if word is Call.NO_FINDING]
    times = [said[0].seconds for _, said in read if said[0].seconds <= LONGEST_S]
    return ReadingFigures(
        read=len(read),
        unsure=sum(said[-1].call is Call.UNSURE for _, said in read),
        agreed=sum(model is call for model, call in last),
        kappa=_kappa(last),
        blind=sum(said[0].is_blind for _, said in read),
        blind_kappa=_kappa(sure_blind),
        sensitivity=wilson(sum(with_finding), len(with_finding)),
        specificity=wilson(sum(without), len(without)),
        changed=sum(said[0].is_blind and said[-1].call is not said[0].call for _, said in read),
        median_s=statistics.median(times) if times else math.nan,
    )


def _kappa(pairs: Sequence[tuple[Call, Call]]) -> float:
    return cohens_kappa([str(model) for model, _ in pairs], [str(call) for _, call in pairs])


def readings_path(table: Path) -> Path:
    """Say where the readings of a table stand."""
    return table.with_name(f"{table.stem}.readings.jsonl")


def append_opinion(path: Path, case: str, opinion: Opinion) -> None:
    """Add a line; when this returns the disk has it.

    Raises:
        DataError: it could not be written.
    """
    line = json.dumps({"case": case, **_values(opinion)}, ensure_ascii=True)
    try:
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _unwritten("what was said could not be kept", path, error) from error


def load_opinions(path: Path) -> dict[str, tuple[Opinion, ...]]:
    """Read all that was said; a last line that was cut short is left out.

    Raises:
        DataError: the file is something else.
    """
    if not path.exists():
        return {}
    found: dict[str, list[Opinion]] = {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            opinion = Opinion(
                Call(values["call"]), bool(values["is_blind"]), values["model_call"], values["note"], values["seconds"], values["at"]
            )
            found.setdefault(values["case"], []).append(opinion)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise DataError(f"line {number} of the readings cannot be read.", hint="Move the file away.", subject=str(path)) from error
    return {case: tuple(said) for case, said in found.items()}


def export_readings(target: Path, opinions: Mapping[str, Sequence[Opinion]], order: Iterable[str]) -> int:
    """Write a CSV with a row for each case that was read, in the given order; gives how many.

    Raises:
        DataError: it could not be written.
    """
    try:
        return _export(target, opinions, order)
    except OSError as error:
        raise _unwritten("the readings could not be written", target, error) from error


def _unwritten(what: str, path: Path, error: OSError) -> DataError:
    reason = (error.strerror or type(error).__name__).lower()
    return DataError(f"{what}: {reason}.", hint="Make room there, or work on a copy of the table elsewhere.", subject=str(path))


def _export(target: Path, opinions: Mapping[str, Sequence[Opinion]], order: Iterable[str]) -> int:
    count = 0
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for case in order:
            said = opinions.get(case)
            if said:
                writer.writerow(_row(case, said))
                count += 1
    return count


def _row(case: str, said: Sequence[Opinion]) -> list[object]:
    first, last = said[0], said[-1]
    agrees = "" if last.call is Call.UNSURE or not last.model_call else int(last.call == last.model_call)
    changes = sum(one.call is not two.call for one, two in pairwise(said))
    note = next((each.note for each in reversed(said) if each.note), "")
    blind = (int(last.is_blind), note, f"{first.seconds:.1f}", last.at, str(first.call), int(first.is_blind), changes)
    return [to_utf8(case), str(last.call), agrees, *blind]


def _values(opinion: Opinion) -> dict[str, object]:
    return {
        "call": str(opinion.call),
        "is_blind": opinion.is_blind,
        "model_call": opinion.model_call,
        "note": opinion.note,
        "seconds": round(opinion.seconds, 2),
        "at": opinion.at,
    }
