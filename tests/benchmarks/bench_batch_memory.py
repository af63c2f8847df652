"""Memory of a batch over many files against one over few: `python -m tests.benchmarks.bench_batch_memory`.

Both processes of the command are watched while they score links to one small phantom.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cxrview.engine.fake import fake_package
from cxrview.io.phantom_files import write_phantoms

AT_MOST = 1.2


def peak_mb(files: int, scratch: Path, model: Path) -> float:
    """Score so many files; give the highest sum of both processes' peaks, in MB."""
    folder = scratch / str(files)
    (picture,) = write_phantoms(folder, 1, 0, kind="png", size=(64, 64))
    for number in range(files - 1):
        os.link(picture, folder / f"film-{number // 1000}-{number}.png")
    words = ["score", str(folder), "--model", str(model), "--engine", "onnx", "--no-lungs", "-q", "-o", str(scratch / f"{files}.csv")]
    process = subprocess.Popen([sys.executable, "-m", "cxrview", *words])
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for number in [process.pid, *_children(process.pid)]:
            peaks[number] = max(peaks.get(number, 0.0), _peak_of(number))
        time.sleep(0.2)
    if process.returncode != 0:
        raise SystemExit(f"the batch ended with {process.returncode}")
    return sum(peaks.values())


def _children(process: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(number) for number in listing.read_text().split()]
        except OSError:
            continue
    return found


def _peak_of(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def main() -> int:
    """Print both; the exit status is 1 when the required ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=50_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = fake_package(Path(scratch) / "model").folder
        few, many = (peak_mb(count, Path(scratch), model) for count in (asked.few, asked.many))
    print(f"{asked.few:,} files {few:.0f} MB, {asked.many:,} files {many:.0f} MB: {many / few:.2f} times")
    return 0 if many <= AT_MOST * few else 1


if __name__ == "__main__":
    sys.exit(main())
