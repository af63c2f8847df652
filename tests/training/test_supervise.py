"""Runs that are paused, stopped, killed, starved and robbed of their data end as if nothing had been, or say why in a sentence."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cxrview.core.errors import CxrError, DataError
from cxrview.engine.packages import broken_packages, installed_packages, is_bundled, load_package
from cxrview.io.places import program_command
from cxrview.training import supervise
from cxrview.training.control import Wish, read_step, read_wish, write_wish
from cxrview.training.events import read_events
from cxrview.training.recipe import Recipe, recipe_document
from cxrview.training.status import RunState, list_runs, read_status, write_job
from cxrview.training.supervise import ALIVE_NAME, is_alive, train_supervised

PATIENCE_S = 240.0


def _best(run: Path) -> float:
    best = read_status(run).best
    assert best is not None
    return best.monitor


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of floats depend on how many threads share them; the children have one as well."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def undisturbed(one_thread: None, films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRVIEW_BASEDIR", str(run.parent / "basedir"))
        train_supervised(films, run, _recipe())
    return run


def _recipe() -> Recipe:
    from cxrview.training.recipe import load_recipe

    return load_recipe(str(Path(__file__).parent / "small.toml"))


class Child:
    """`cxrview train` as a process of its own."""

    def __init__(self, films: Path, run: Path, recipe: Path) -> None:
        words = [*program_command(), "train", str(films), "-o", str(run), "--recipe", str(recipe), "--quiet"]
        words += ["--resume"] if run.exists() else []
        self.run = run
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def wait_for(self, has_come: Callable[[], bool]) -> bool:
        """Wait until something has come, or the process has ended; tell whether it has come."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None and not has_come():
            time.sleep(0.002)
        return has_come()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


def _count(run: Path, kind: str) -> int:
    return sum(event["event"] == kind for event in read_events(run / "events.jsonl"))


def test_a_killed_run_resumes_to_the_same_best_metric(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    run, recipe = tmp_path / "run", tmp_path / "small.toml"
    recipe.write_text(recipe_document(_recipe()))
    moments: tuple[Callable[[], bool], ...] = (
        lambda: (run / "split.csv").is_file(),  # before the first checkpoint: it begins anew
        lambda: _count(run, "epoch") > 1,
        lambda: _count(run, "fitted") > 0,  # while the best weights are exported and judged
    )
    for has_come in moments:
        child = Child(films, run, recipe)
        assert child.wait_for(has_come)
        child.kill()
        assert read_status(run).state in (RunState.CUT_OFF, RunState.DONE)
        assert not is_alive(run)
    child = Child(films, run, recipe)
    assert child.process.wait(PATIENCE_S) == 0
    assert read_status(run).state is RunState.DONE
    assert _best(run) == pytest.approx(_best(undisturbed), abs=1e-6)
    assert (run / "report" / "scores.csv").read_text() == (undisturbed / "report" / "scores.csv").read_text()


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_twenty_kills_at_random_moments_change_nothing(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(recipe_document(_recipe()))
    began = time.monotonic()
    whole = Child(films, tmp_path / "whole", recipe)
    assert whole.process.wait(PATIENCE_S) == 0
    duration = time.monotonic() - began
    chance = random.Random(4)
    for number in range(20):
        run = tmp_path / f"run-{number}"
        child = Child(films, run, recipe)
        end = time.monotonic() + chance.uniform(0, duration)
        child.wait_for(lambda end=end: time.monotonic() >= end)  # type: ignore[misc]
        child.kill()
        assert broken_packages() == ()
        assert all(is_bundled(package) for package in installed_packages())  # nothing of a run is listed before it is published
        if (run / "package" / "model.toml").is_file():
            load_package(run / "package")  # a draft or the finished one, but whole
        child = Child(films, run, recipe)
        assert child.process.wait(PATIENCE_S) == 0
        assert _best(run) == pytest.approx(_best(undisturbed), abs=1e-6)


def test_a_pause_changes_nothing(films: Path, undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    seen: list[bool] = []

    def let_go_on() -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            step = read_step(run)
            if step is not None and step.is_paused:
                seen.append(read_status(run).step is None)  # this process is the one that trains: to itself it is not "another"
                write_wish(run, Wish.RUN)
                return
            time.sleep(0.01)

    def pause_after_the_first(sentence: str) -> None:
        if sentence.startswith("epoch 1/"):
            write_wish(run, Wish.PAUSE)

    waiter = threading.Thread(target=let_go_on)
    waiter.start()
    train_supervised(films, run, _recipe(), report=pause_after_the_first)
    waiter.join()
    assert seen
    assert (run / "report" / "scores.csv").read_text() == (undisturbed / "report" / "scores.csv").read_text()


def test_a_run_that_is_stopped_keeps_its_best_weights(films: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    def stop_after_the_first(sentence: str) -> None:
        if sentence.startswith("epoch 1/"):
            write_wish(run, Wish.STOP)

    package = train_supervised(films, run, _recipe(), report=stop_after_the_first)
    assert (package / "model.toml").is_file()
    status = read_status(run)
    assert status.state is RunState.DONE
    assert len(status.epochs) == 2
    assert status.planned_epochs == 4


def test_memory_that_runs_out_halves_the_batch(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = supervise.train

    def starved(data: Path, run: Path, recipe: Recipe, **rest: object) -> Path:
        if recipe.fit.batch > 4:
            (run / "plan.json").write_text("{}")
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")
        return real(data, run, recipe, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(supervise, "train", starved)
    recipe = replace(_recipe(), fit=replace(_recipe().fit, epochs=1))
    told: list[str] = []
    train_supervised(films, tmp_path / "run", recipe, report=told.append)
    assert "Memory ran out: the batch is halved to 4, and the run goes on." in told
    assert read_status(tmp_path / "run").message.startswith("Memory ran out")
    assert "batch = 4" in (tmp_path / "run" / "recipe.toml").read_text()


def test_memory_that_suffices_for_nothing_is_told(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object, **__: object) -> Path:
        raise MemoryError

    monkeypatch.setattr(supervise, "train", starved)
    with pytest.raises(DataError, match="smallest batch"):
        train_supervised(films, tmp_path / "run", _recipe())


def test_a_full_disk_is_told_and_the_run_can_go_on(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"

    def full(*_: object, **__: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(run / "checkpoints" / "last.ckpt"))

    with monkeypatch.context() as patch:
        patch.setattr(supervise, "train", full)
        with pytest.raises(DataError, match="The disk is full"):
            train_supervised(films, run, _recipe())
    write_job(run, title="Run", data=films, recipe=run / "recipe.toml")
    (status,) = list_runs(tmp_path)
    assert status.state is RunState.FAILED
    assert "The disk is full" in status.message
    train_supervised(films, run, replace(_recipe(), fit=replace(_recipe().fit, epochs=1)), resume=True)
    assert read_status(run).state is RunState.DONE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.campaign
def test_a_disk_that_really_fills_up_is_told_and_the_run_goes_on_when_there_is_space(films: Path, small_disk: Path, tmp_path: Path) -> None:
    run, recipe = small_disk / "run", tmp_path / "small.toml"
    recipe.write_text(recipe_document(replace(_recipe(), fit=replace(_recipe().fit, epochs=2))))
    words = [*program_command(), "train", str(films), "-o", str(run), "--recipe", str(recipe), "--quiet"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "The disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    ended = subprocess.run([*words, "--resume"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert read_status(run).state is RunState.DONE


def test_data_that_vanish_during_a_training_are_named_and_the_run_goes_on_when_they_are_back(films: Path, tmp_path: Path) -> None:
    own = tmp_path / "films"
    shutil.copytree(films.parent, own)
    table, run = own / films.name, tmp_path / "run"

    def rob(sentence: str) -> None:
        if sentence.startswith("epoch 4/"):
            own.rename(tmp_path / "elsewhere")

    with pytest.raises(CxrError, match="gone"):
        train_supervised(table, run, _recipe(), report=rob)
    assert read_status(run).state is RunState.FAILED
    (tmp_path / "elsewhere").rename(own)
    train_supervised(table, run, _recipe(), resume=True)
    assert read_status(run).state is RunState.DONE


def test_two_processes_do_not_train_one_run(films: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ALIVE_NAME).write_text(str(os.getppid()))
    with pytest.raises(DataError, match="another process"):
        train_supervised(films, run, _recipe())


def test_a_process_that_died_is_not_taken_for_alive(tmp_path: Path) -> None:
    process = subprocess.Popen([*program_command(), "--version"], stdout=subprocess.DEVNULL)
    process.wait()
    (tmp_path / ALIVE_NAME).write_text(str(process.pid))
    assert not is_alive(tmp_path)
    (tmp_path / ALIVE_NAME).write_text("nonsense")
    assert not is_alive(tmp_path)


def test_wishes_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    assert read_wish(tmp_path) is Wish.RUN
    (tmp_path / "control").write_text("dance")
    assert read_wish(tmp_path) is Wish.RUN
    assert read_step(tmp_path) is None
