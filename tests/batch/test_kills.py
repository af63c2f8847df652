"""Batches killed at random moments: the table is the one of an undisturbed run, no row lost, none twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.io.phantom_files import write_phantoms

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is told its children by the system only there")
SUFFIXES = (".csv", ".jsonl", ".parquet")
# No table is worth more tries than this; without progress from kill to kill the harness would go on for ever.
MOST_TRIES = 400


@dataclass(frozen=True, slots=True)
class Killed:
    """How often a batch was killed before its table was there: the whole command, and the process that scores alone."""

    commands: int
    workers: int


@dataclass(frozen=True, slots=True)
class Whole:
    """What an undisturbed run gives, and the time it takes here and now: kills come within it."""

    table: bytes
    seconds: float


def make_films(folder: Path, files: int) -> Path:
    """Many pictures of few: links, one of several frames, an archive, broken ones."""
    write_phantoms(folder, 2, 0, kind="mixed", size=(96, 96))
    originals = sorted(folder.iterdir())
    for number in range(files):
        original = originals[number % 2]
        os.link(original, folder / f"film-{number}{original.suffix}")
    frames = [np.full((96, 96), level, np.uint8) + np.eye(96, dtype=np.uint8) * 90 for level in range(0, 120, 3)]
    assert cv2.imwritemulti(str(folder / "frames.tif"), frames)
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        for number in range(50):
            archive.write(originals[number % 2], f"member-{number}{originals[number % 2].suffix}")
    for number in range(20):
        (folder / f"broken-{number}.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * number)
    return folder


def command(folder: Path, model: Path, table: Path) -> list[str]:
    words = ["score", str(folder), "--model", str(model), "--no-lungs", "--engine", "onnx", "-o", str(table), "-q", "--workers", "2"]
    return [sys.executable, "-m", "cxrview", *words]


def finish_despite_kills(folder: Path, model: Path, table: Path, wanted: Whole, chance: random.Random) -> Killed:
    """Run the same command again and again, killing it at random moments, until the table is there."""
    longest = 0.8 * wanted.seconds
    commands = workers = 0
    for _ in range(MOST_TRIES):
        with subprocess.Popen(command(folder, model, table), start_new_session=True) as process:
            while process.poll() is None:
                try:
                    process.wait(timeout=chance.uniform(0.1 * longest, longest))
                except subprocess.TimeoutExpired:
                    if chance.random() < 0.25:
                        workers += _kill_children(process.pid)
                    else:
                        commands += 1
                        process.send_signal(signal.SIGKILL)
                        process.wait()
        if process.returncode in (0, 1):
            return Killed(commands, workers)
        # 3: whoever kills the process that scores three times before it has begun is told to look for the reason.
        assert process.returncode in (-signal.SIGKILL, 3), f"the command ended by itself with {process.returncode}"
        # Killed after the table was complete and before its journal was gone: then it is the table already.
        assert not table.exists() or table.read_bytes() == wanted.table
    pytest.fail("no table after so many tries")


def _kill_children(parent: int) -> int:
    killed = 0
    for listing in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            numbers = [int(number) for number in listing.read_text().split()]
        except OSError:
            continue
        for number in numbers:
            try:
                os.kill(number, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
    return killed


def reference(folder: Path, model: Path, table: Path) -> Whole:
    """The table of a run that nobody disturbs, and how long it took."""
    begun = time.monotonic()
    done = subprocess.run(command(folder, model, table), check=False, timeout=600)
    assert done.returncode == 1
    return Whole(table.read_bytes(), time.monotonic() - begun)


def kill_until(least: int, model: Path, where: Path, *, seed: int, files: int, suffixes: tuple[str, ...]) -> Killed:
    """Kill at least so often, over as many batches as that takes."""
    chance = random.Random(seed)
    folder = make_films(where / "films", files)
    wanted = {suffix: reference(folder, model, where / f"whole{suffix}") for suffix in suffixes}
    shortest = min(each.seconds for each in wanted.values())
    wanted = {suffix: Whole(each.table, shortest) for suffix, each in wanted.items()}
    commands = workers = batch = 0
    while commands + workers < least:
        suffix = suffixes[batch % len(suffixes)]
        table = where / f"killed-{batch}" / f"scores{suffix}"
        killed = finish_despite_kills(folder, model, table, wanted[suffix], chance)
        assert table.read_bytes() == wanted[suffix].table, f"batch {batch} of seed {seed} differs"
        assert sorted(path.name for path in table.parent.iterdir()) == sorted([table.name, "scores.run.json"])
        shutil.rmtree(table.parent)
        commands, workers, batch = commands + killed.commands, workers + killed.workers, batch + 1
        print(f"{batch} batches, {commands} kills of the command, {workers} of the process that scores", flush=True)
    return Killed(commands, workers)


def test_a_batch_killed_a_few_times_ends_in_the_same_table(fake_model: Path, tmp_path: Path) -> None:
    killed = kill_until(3, fake_model, tmp_path, seed=1, files=300, suffixes=(".csv",))
    assert killed.commands + killed.workers >= 3


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_two_hundred_kills(fake_model: Path, tmp_path: Path) -> None:
    killed = kill_until(200, fake_model, tmp_path, seed=2, files=600, suffixes=SUFFIXES)
    assert killed.commands > 50
    assert killed.workers > 10
