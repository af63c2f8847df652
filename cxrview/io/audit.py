"""The audit log: one JSON line for each result shown, override, export and acceptance, without names of patients or files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cxrview.core.image import Pixels

FILE_NAME = "audit.jsonl"


class AuditEvent(StrEnum):
    """What happened."""

    NOTICE_ACCEPTED = "notice-accepted"
    RESULT_SHOWN = "result-shown"
    OVERRIDE = "override"
    POLARITY = "polarity"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log.

    Attributes:
        when: UTC, ISO 8601.
        image_sha256: of the stored pixels, so that nobody is named; empty when no image is meant.
        result: probability for each label id.
        thresholds: for each label id, where the person moved it.
        detail: what was overridden or exported, in words.
    """

    when: str
    event: AuditEvent
    image_sha256: str = ""
    model: str = ""
    model_version: str = ""
    model_sha256: str = ""
    engine: str = ""
    device: str = ""
    result: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""


def now() -> str:
    """Give this moment as it stands in the log."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def image_sha256(pixels: Pixels) -> str:
    """Give the hash of the stored pixels with their shape and depth; the same picture in another file has the same one."""
    digest = hashlib.sha256(f"{pixels.values.shape} {pixels.values.dtype.str}".encode())
    digest.update(pixels.values.data)
    return digest.hexdigest()


def append_entry(log_dir: Path, entry: AuditEntry) -> None:
    """Add a line to the log in one write, and the folder when it is missing."""
    log_dir.mkdir(parents=True, exist_ok=True)
    line = json.dumps(dataclasses.asdict(entry), ensure_ascii=False, separators=(",", ":"))
    with (log_dir / FILE_NAME).open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(line + "\n")
