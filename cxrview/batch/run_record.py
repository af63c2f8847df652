"""The record that stands beside a table: what was asked, what ran, on what machine, and how long it took."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import cxrview
from cxrview.batch.journal import Counts
from cxrview.batch.supervisor import Ready
from cxrview.engine.packages import Package

RUNTIMES = ("numpy", "opencv-python-headless", "imagecodecs", "pydicom", "onnxruntime", "openvino", "torch", "pyarrow", "ray")


def run_record(command: Sequence[str], package: Package, ready: Ready, counts: Counts, statuses: Mapping[str, int], seconds: float) -> str:
    """Write the record as JSON; `seconds` is the time of all runs that the table took."""
    manifest = package.manifest
    record = {
        "program": f"cxrview {cxrview.__version__}",
        "command": list(command),
        "folder": str(Path.cwd()),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {"id": manifest.id, "title": manifest.title, "version": manifest.version, "sha256": package.sha256},
        "engine": {"name": ready.engine, "device": ready.device, "reasons": list(ready.reasons), "has_lungs": ready.has_lungs},
        "workers": ready.workers,
        "batch_size": ready.batch_size,
        "machine": machine(),
        "versions": versions(),
        "counts": {
            "files": counts.files,
            "rows": counts.rows,
            "ok": statuses.get("ok", 0),
            "error": statuses.get("error", 0),
            "others": counts.others,
        },
        "timing": {"seconds": round(seconds, 3), "rows_per_second": round(counts.rows / seconds, 3) if seconds > 0 else None},
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def machine() -> dict[str, object]:
    """Describe this machine, without its name."""
    return {"system": platform.platform(), "processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}


def versions() -> dict[str, str]:
    """Give the version of Python and of each runtime that is installed."""
    found = {"python": platform.python_version()}
    for name in RUNTIMES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
