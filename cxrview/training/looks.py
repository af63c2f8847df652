"""How often the test split of a data set was looked at: a number that grows with each look is less and less a test."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from cxrview.core.errors import DataError
from cxrview.io.atomic import write_text
from cxrview.io.places import places

FILE_NAME = "test-looks.json"


def frozen_test_hash(split: Path) -> str:
    """Give the SHA-256 of the contents of a `split.csv`'s test images, whatever they are called and wherever they lie."""
    with split.open(encoding="utf-8", newline="") as stream:
        return test_hash([row["sha256"] for row in csv.DictReader(stream) if row["split"] == "test"])


def test_hash(contents: Sequence[str]) -> str:
    """Give the SHA-256 of a test split, from those of its files."""
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def looks_at(test_sha256: str) -> int:
    """Tell how often the results on a test split were opened so far."""
    return _read(_path()).get(test_sha256, 0)


def note_look(test_sha256: str) -> int:
    """Note one more look and give the number of looks, this one included.

    Raises:
        DataError: it cannot be written down.
    """
    path = _path()
    looks = _read(path)
    looks[test_sha256] = looks.get(test_sha256, 0) + 1
    try:
        write_text(path, json.dumps(looks, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise DataError(
            f"The counter of looks cannot be written ({error.strerror}).", hint="Free some space.", subject=str(path)
        ) from error
    return looks[test_sha256]


def looks_sentence(looks: int) -> str:
    """Say what the number of looks means."""
    if looks <= 1:
        return "This is the first look at this test split: the figures are what they seem."
    if looks <= 3:
        return f"This test split was looked at {looks} times. What was changed in between was also chosen by it."
    return f"This test split was looked at {looks} times: it has become a part of training. Only images from elsewhere test it now."


def _path() -> Path:
    return places().data_dir / FILE_NAME


def _read(path: Path) -> dict[str, int]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): int(value) for key, value in stored.items()} if isinstance(stored, dict) else {}
