"""Networks in a process of their own: the same answers, errors as sentences, a fresh start after a crash, and no process left behind."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import EngineUnavailable, PackageError, UsageError
from cxrview.core.manifest import Combination
from cxrview.core.phantom import as_pixels, phantom
from cxrview.engine import choose
from cxrview.engine.apart import EngineProcess, open_predictor
from cxrview.engine.composite import CompositePredictor, write_composite
from cxrview.engine.fake import fake_package
from cxrview.engine.lungs import open_lungs
from cxrview.engine.messages import read_message, write_message
from cxrview.engine.packages import load_package

PATIENCE_S = 60.0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="watches processes as Linux lets one")
HOLDS_ON = "import sys; sys.stdin.buffer.raw.read(1); print(flush=True); sys.stdin.buffer.read()"
"""A process that hears a request and never answers."""


@pytest.fixture
def process() -> Iterator[EngineProcess]:
    process = EngineProcess()
    yield process
    process.close()


def test_answers_are_those_of_the_engine_here(process: EngineProcess, fake_model: Path) -> None:
    package = load_package(fake_model)
    there, here = open_predictor(package, process=process, engine="onnx"), choose.open_predictor(package, engine="onnx")
    assert (there.predictor.engine, there.predictor.device, there.reasons) == (here.predictor.engine, here.predictor.device, here.reasons)
    for one, other in zip(there.predictor.run(package.golden.inputs), here.predictor.run(package.golden.inputs), strict=True):
        assert one.features is not None
        assert other.features is not None
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-6)
        np.testing.assert_allclose(one.features, other.features, atol=1e-6)
        assert not one.logits.flags.writeable
    here.predictor.close()
    there.predictor.close()


def test_the_members_of_a_composite_model_answer_one_by_one(process: EngineProcess, tmp_path: Path) -> None:
    members = {name: fake_package(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two"))}
    words = {"card": "# Two\n", "model_id": "two", "title": "Two", "version": "1.0.0", "intended_use": "Tests."}
    package = write_composite(tmp_path / "both", members, combine=Combination.MEAN_LOGIT, **words)  # type: ignore[arg-type]
    predictor = open_predictor(package, process=process, engine="onnx").predictor
    assert isinstance(predictor, CompositePredictor)
    (first, *_) = predictor.run(package.golden.inputs)
    np.testing.assert_allclose(first.logits, package.golden.logits[0], atol=1e-4)
    for part, member in zip(first.parts, package.members, strict=True):
        alone = choose.open_predictor(member, engine="onnx").predictor
        np.testing.assert_allclose(part.logits, alone.run(package.golden.inputs)[0].logits, atol=1e-6)


def test_the_lung_network_can_run_there(process: EngineProcess) -> None:
    there, here = open_lungs(opener=partial(open_predictor, process=process), has_gate=False), open_lungs(has_gate=False)
    assert there is not None
    assert here is not None
    film = as_pixels(phantom(1, size=(300, 300)))
    np.testing.assert_array_equal(there.find(film).mask, here.find(film).mask)
    there.close()
    here.close()


def test_what_goes_wrong_there_is_said_here(process: EngineProcess, tmp_path: Path) -> None:
    package = fake_package(tmp_path / "fake")
    with pytest.raises(UsageError, match="no engine 'quantum'"):
        open_predictor(package, process=process, engine="quantum")
    (package.folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(PackageError, match=r"model\.onnx"):
        open_predictor(package, process=process)
    assert process.process_id


@linux_only
def test_a_crash_gives_a_sentence_and_the_next_picture_a_new_process(process: EngineProcess, fake_model: Path) -> None:
    package = load_package(fake_model)
    predictor = open_predictor(package, process=process, engine="onnx").predictor
    first = process.process_id
    watched = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert select.select([watched], [], [], PATIENCE_S)[0]
    os.close(watched)
    with pytest.raises(EngineUnavailable, match=r"ended unexpectedly \(signal 9\)"):
        predictor.run(package.golden.inputs)
    (answer, *_) = predictor.run(package.golden.inputs)
    np.testing.assert_allclose(answer.logits, package.golden.logits[0], atol=1e-4)
    assert process.process_id not in (0, first)


def test_closing_does_not_wait_for_what_runs(fake_model: Path) -> None:
    process = EngineProcess((sys.executable, "-c", HOLDS_ON))
    heard: list[BaseException] = []

    def ask() -> None:
        try:
            open_predictor(load_package(fake_model), process=process)
        except EngineUnavailable as error:
            heard.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not process.process_id:
        asking.join(0.01)
    process.close()
    asking.join(PATIENCE_S)
    assert len(heard) == 1
    assert process.process_id == 0
    with pytest.raises(EngineUnavailable, match="being closed"):
        process.ask({"do": "open"})


def test_closing_a_model_starts_no_process(process: EngineProcess, fake_model: Path) -> None:
    predictor = open_predictor(load_package(fake_model), process=process, engine="onnx").predictor
    process.close()
    predictor.close()
    assert process.process_id == 0


def test_a_process_that_cannot_be_started_is_a_sentence(fake_model: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be started"):
        open_predictor(load_package(fake_model), process=EngineProcess((str(tmp_path / "missing"),)))


@linux_only
def test_it_ends_when_the_program_that_asks_is_killed(fake_model: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from cxrview.engine.apart import EngineProcess, open_predictor
from cxrview.engine.packages import load_package
process = EngineProcess()
choice = open_predictor(load_package(Path({str(fake_model)!r})), process=process, engine="onnx")
print(process.process_id, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        number = int(asker.stdout.readline())
        watched = os.pidfd_open(number)
        asker.kill()
        ended, _, _ = select.select([watched], [], [], PATIENCE_S)
        os.close(watched)
    assert ended


def test_a_message_arrives_as_it_was_sent_or_not_at_all() -> None:
    arrays = (np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.zeros((2, 0), np.float32))
    reading, writing = os.pipe()
    with io.FileIO(reading, "rb") as source, io.FileIO(writing, "wb") as sink:
        write_message(sink, {"do": "run"}, arrays)
        message = read_message(source)
        assert message is not None
        assert message.words == {"do": "run"}
        for sent, got in zip(arrays, message.arrays, strict=True):
            np.testing.assert_array_equal(sent, got)
        write_message(sink, {"do": "run"}, arrays)
        whole = os.read(reading, 10_000)
        os.write(writing, whole[:-1])
        sink.close()
        assert read_message(source) is None
