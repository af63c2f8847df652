"""What could not be looked into, apart from all that reads: the window knows it before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be looked into."""

    path: Path
    reason: str
