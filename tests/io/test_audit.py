"""The audit log grows by whole lines and knows pictures by their pixels alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrview.core.image import ImageInfo, Pixels, read_only
from cxrview.io.audit import AuditEntry, AuditEvent, append_entry, image_sha256, now


def pixels(value: int = 7) -> Pixels:
    return Pixels(read_only(np.full((4, 6), value, np.uint16)), 12)


def test_lines_are_added_and_none_is_changed(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    append_entry(folder, AuditEntry("2026-01-01T00:00:00+00:00", AuditEvent.RESULT_SHOWN, result={"tb": 0.5}, detail="é\nx"))
    first = (folder / "audit.jsonl").read_bytes()
    append_entry(folder, AuditEntry(now(), AuditEvent.EXPORT))
    whole = (folder / "audit.jsonl").read_bytes()
    assert whole.startswith(first)
    lines = [json.loads(line) for line in whole.decode().splitlines()]
    assert [line["event"] for line in lines] == ["result-shown", "export"]
    assert lines[0]["result"] == {"tb": 0.5}
    assert lines[0]["detail"] == "é\nx"


def test_a_picture_is_known_by_its_pixels_and_not_by_its_patient() -> None:
    named = replace(pixels(), info=ImageInfo(patient_name="Doe"))
    assert image_sha256(named) == image_sha256(pixels())
    assert image_sha256(pixels(8)) != image_sha256(pixels())
    wide = Pixels(read_only(np.full((6, 4), 7, np.uint16)), 12)
    assert image_sha256(wide) != image_sha256(pixels())
