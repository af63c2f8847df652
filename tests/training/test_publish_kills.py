"""A program that is killed while it publishes leaves no half-written model in the list."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxrview.engine.packages import broken_packages, find_package, installed_packages, is_bundled
from cxrview.training.compose import compose
from cxrview.training.dataset import Choices, build_data_set, write_table
from cxrview.training.run import train
from tests.training.intake import class_folders, folders, scanned
from tests.training.test_verdict import PLAN

PUBLISHING = """
import itertools, sys
from pathlib import Path
from cxrview.training.publish import Imprint, publish
for number in itertools.count():
    name = f"model-{sys.argv[2]}-{number}"
    publish(Path(sys.argv[1]), Imprint(name, name, "1.0.0", "", "For tests."))
    print(name, flush=True)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("publishing")
    found = scanned(folders(class_folders(root / "ward", 32)))
    data_set = build_data_set(found, Choices(distance=-1, val_fraction=0.25), is_multilabel=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRVIEW_BASEDIR", str(root / "basedir"))
        recipe = compose(data_set, PLAN)
        train(write_table(data_set, root / "run"), root / "run", recipe)
    return root / "run"


def _kill_while_publishing(run: Path, turn: int, delay_s: float) -> list[str]:
    """Let a process publish one model after the other, kill it after a while, and give the models that it said were done."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", PUBLISHING, str(run), str(turn)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        done = [process.stdout.readline().strip()]
        end = time.monotonic() + delay_s
        while time.monotonic() < end:
            time.sleep(0.002)
        process.kill()
        return [*done, *process.stdout.read().split()]


def _check(done: list[str]) -> None:
    assert broken_packages() == ()
    listed = {package.manifest.id for package in installed_packages() if not is_bundled(package)}
    assert set(done) <= listed
    for name in listed:
        assert find_package(name).manifest.title == name  # with every hash checked


@pytest.mark.parametrize("delay_s", [0.0, 0.13])
def test_a_kill_while_publishing_leaves_whole_models_only(run: Path, delay_s: float) -> None:
    _check(_kill_while_publishing(run, 0, delay_s))


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_twenty_kills_while_publishing_leave_whole_models_only(run: Path) -> None:
    chance = random.Random(11)
    done: list[str] = []
    for turn in range(20):
        done += _kill_while_publishing(run, turn, chance.uniform(0, 0.8))
        _check(done)
