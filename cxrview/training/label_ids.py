"""Labels as people write them, and the ids that packages, columns and options know."""

from __future__ import annotations

import hashlib
import re


def label_id(text: str) -> str:
    """Turn a label as people write it into an id: lower case letters, digits, `_` and `-`."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", text.strip().lower()).strip("-_")
    return plain[:64] or f"label-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def is_label_id(text: str) -> bool:
    """Tell whether a text can stand for a label as it is."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", text) is not None
