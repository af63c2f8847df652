"""The engine that runs is the fastest one that is here and agrees with the reference; the choice explains itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import EngineUnavailable, PackageError, UsageError
from cxrview.core.manifest import Architecture, PrecisionCheck
from cxrview.core.scores import probabilities
from cxrview.engine import present
from cxrview.engine.choose import Choice, open_predictor, survey
from cxrview.engine.fake import fake_package
from cxrview.engine.packages import Package
from cxrview.engine.selftest import PROBABILITY_TOLERANCE, probability_difference, validation_objection

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake")


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type] - None means: cannot be imported


def probability_gap(choice: Choice, package: Package) -> float:
    return probability_difference(package, choice.predictor)


def test_the_survey_names_every_engine_and_says_why_one_is_missing() -> None:
    statuses = survey()
    assert {(each.name, each.device) for each in statuses} == {
        ("onnx", "cuda"),
        ("torch", "cuda"),
        ("openvino", "cpu bf16"),
        ("openvino", "cpu"),
        ("onnx", "cpu"),
        ("torch", "cpu"),
    }
    for each in statuses:
        assert each.is_available == (each.reason == "")
    reference = next(each for each in statuses if (each.name, each.device) == ("onnx", "cpu"))
    assert reference.is_available
    assert reference.version


def test_openvino_in_float32_is_taken_only_by_name(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    from cxrview.engine import openvino

    monkeypatch.setattr(openvino, "has_bfloat16", lambda: False)
    assert open_predictor(package).predictor.engine == "onnx"
    named = open_predictor(package, engine="openvino").predictor
    assert (named.engine, named.device) == ("openvino", "cpu")


def with_bf16(package: Package, largest: float) -> Package:
    return replace(package, manifest=replace(package.manifest, precisions=(PrecisionCheck("bf16", largest, 100),)))


@pytest.mark.parametrize(("largest", "device"), [(0.009, "cpu bf16"), (0.011, "cpu")])
def test_bf16_is_used_only_where_it_stayed_within_a_hundredth_on_the_validation_images(
    package: Package, monkeypatch: pytest.MonkeyPatch, largest: float, device: str
) -> None:
    if present.against_openvino_float32():
        pytest.skip("OpenVINO is not installed")
    monkeypatch.setattr(present, "against_openvino_bfloat16", lambda: "")
    choice = open_predictor(with_bf16(package, largest), engine="openvino")
    assert choice.predictor.device == device
    assert any("on 100 validation images a probability in bf16" in reason for reason in choice.reasons) == (device == "cpu")


def test_bf16_that_nobody_measured_is_not_used_but_to_be_measured(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    if present.against_openvino_float32():
        pytest.skip("OpenVINO is not installed")
    monkeypatch.setattr(present, "against_openvino_bfloat16", lambda: "")
    choice = open_predictor(package)
    assert (choice.predictor.engine, choice.predictor.device) == ("onnx", "cpu")
    assert any("nobody has compared bf16 with float32" in reason for reason in choice.reasons)
    assert open_predictor(package, engine="openvino", is_to_be_measured=True).predictor.device == "cpu bf16"


def test_every_network_of_a_package_must_have_been_measured(package: Package) -> None:
    pair = replace(package, members=(with_bf16(package, 0.001), package))
    assert "nobody has compared" in validation_objection(pair, "bf16")
    assert validation_objection(replace(pair, members=(with_bf16(package, 0.001),) * 2), "bf16") == ""


def test_auto_without_openvino_is_onnx_runtime_and_says_what_to_install(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    without("openvino", monkeypatch)
    choice = open_predictor(package)
    assert (choice.predictor.engine, choice.predictor.device) == ("onnx", "cpu")
    assert any('pip install "cxrview[openvino]"' in reason for reason in choice.reasons)
    assert choice.reasons[-1].startswith("Using onnx on cpu: it is the reference")


def test_an_engine_asked_for_by_name_that_is_not_here_is_refused_with_what_to_install(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("openvino", monkeypatch)
    with pytest.raises(EngineUnavailable, match=r'openvino was asked for .*pip install "cxrview\[openvino\]"'):
        open_predictor(package, engine="openvino")
    without("torch", monkeypatch)
    with pytest.raises(EngineUnavailable, match=r'torch was asked for .*pip install "cxrview\[train\]"'):
        open_predictor(package, engine="torch")


def test_cuda_asked_for_by_name_without_a_card_is_refused(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "_has_nvidia_driver", lambda: False)
    with pytest.raises(EngineUnavailable, match="cuda was asked for"):
        open_predictor(package, device="cuda")
    with pytest.raises(EngineUnavailable, match=r"openvino on cuda was asked for .* no such combination"):
        open_predictor(package, engine="openvino", device="cuda")


def test_words_that_name_nothing_are_a_usage_error(package: Package) -> None:
    with pytest.raises(UsageError, match="no engine 'abacus'"):
        open_predictor(package, engine="abacus")
    with pytest.raises(UsageError, match="no device 'tpu'"):
        open_predictor(package, device="tpu")


def test_the_fake_engine_is_used_only_when_named(package: Package) -> None:
    assert open_predictor(package).predictor.engine != "fake"
    assert open_predictor(package, engine="fake").predictor.engine == "fake"


def test_the_self_test_refuses_a_model_that_does_not_give_its_golden_answers(package: Package) -> None:
    wrong = replace(package, golden=replace(package.golden, logits=package.golden.logits[::-1].copy()))
    for engine in ("auto", "onnx", "fake"):
        with pytest.raises(PackageError, match=r"self-test failed|differ by"):
            open_predictor(wrong, engine=engine)


def test_openvino_agrees_with_the_reference(package: Package) -> None:
    pytest.importorskip("openvino")
    choice = open_predictor(package, engine="openvino", threads=1, workers=2)
    assert choice.predictor.engine == "openvino"
    assert probability_gap(choice, package) <= PROBABILITY_TOLERANCE
    (first, second) = choice.predictor.run(package.golden.inputs)
    assert first.features is not None
    assert first.features.shape == (12, 8, 8)
    again, _ = choice.predictor.run(package.golden.inputs[::-1].copy())
    np.testing.assert_array_equal(again.logits, second.logits)
    assert not np.array_equal(first.logits, second.logits)
    choice.predictor.close()


def test_openvino_refuses_an_input_of_the_wrong_size_with_a_sentence(package: Package) -> None:
    pytest.importorskip("openvino")
    predictor = open_predictor(package, engine="openvino").predictor
    with pytest.raises(PackageError, match="OpenVINO cannot run the network on this input"):
        predictor.run(np.zeros((1, 2, 9, 9), np.float32))


@pytest.mark.parametrize("most_bytes", [2**30, 1], ids=["a network each", "one network for all"])
def test_several_threads_have_their_own_requests(package: Package, most_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    from cxrview.engine import openvino

    monkeypatch.setattr(openvino, "MOST_BYTES_OF_GRAPHS", most_bytes)
    predictor = open_predictor(package, engine="openvino", threads=1, workers=4).predictor
    batches = [np.random.default_rng(seed).normal(0, 1, (1, 1, 64, 64)).astype(np.float32) for seed in range(24)]
    alone = [predictor.run(batch)[0].logits for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = [answer[0].logits for answer in pool.map(predictor.run, batches)]
    np.testing.assert_array_equal(np.stack(alone), np.stack(together))


def test_a_precision_that_disagrees_is_not_used_and_the_next_one_is(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    from cxrview.engine.openvino import OpenVinoPredictor

    monkeypatch.setattr(present, "against_openvino_bfloat16", lambda: "")
    honest = OpenVinoPredictor.run

    def run_off(self: OpenVinoPredictor, batch: np.ndarray) -> object:
        answers = honest(self, batch)
        return tuple(replace(each, logits=each.logits[::-1].copy()) for each in answers) if "bf16" in self.device else answers

    monkeypatch.setattr(OpenVinoPredictor, "run", run_off)
    choice = open_predictor(with_bf16(package, 0.001), engine="openvino")
    assert choice.predictor.device == "cpu"
    assert any("Not openvino on cpu bf16" in reason and f"{PROBABILITY_TOLERANCE:g} is allowed" in reason for reason in choice.reasons)


def test_openvino_reports_to_nobody_and_writes_nothing_home(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    script = """
        import sys, socket
        def watch(event, arguments):
            if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
                print("OFFENCE", event, arguments[1:] or arguments)
        sys.addaudithook(watch)
        from cxrview.engine.openvino import version
        version()
        import openvino.tools.ovc.telemetry_utils as used
        print("MODULE", used.tm.__name__)
    """
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "GITHUB_ACTIONS"}} | {
        "HOME": str(home),
        "USERPROFILE": str(home),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=environment, cwd=ROOT, check=True
    )
    assert "OFFENCE" not in done.stdout
    assert "telemetry_stub" in done.stdout
    assert not list(home.iterdir())


def test_torch_rebuilds_the_network_and_agrees(make_package: Callable[..., Package]) -> None:
    package = make_package(Architecture("cnn-pooled"))
    choice = open_predictor(package, engine="torch", device="cpu")
    assert (choice.predictor.engine, choice.predictor.device) == ("torch", "cpu")
    (first, _) = choice.predictor.run(package.golden.inputs)
    np.testing.assert_allclose(
        probabilities(first.logits, package.manifest), probabilities(package.golden.logits[0], package.manifest), atol=1e-5
    )


def test_a_package_without_torch_weights_says_so(make_package: Callable[..., Package], package: Package) -> None:
    whole = make_package(Architecture("cnn-pooled"))
    bare = replace(whole, manifest=replace(whole.manifest, architecture=None))
    with pytest.raises(EngineUnavailable, match=r"no weights\.safetensors with an architecture"):
        open_predictor(bare, engine="torch")
    with pytest.raises(EngineUnavailable, match="no network called 'fake'"):
        open_predictor(package, engine="torch")


def test_weights_of_another_network_are_refused(make_package: Callable[..., Package]) -> None:
    whole = make_package(Architecture("cnn-pooled"))
    other = replace(whole, manifest=replace(whole.manifest, architecture=Architecture("cnn-pooled", head_hidden=(3,))))
    with pytest.raises(PackageError, match="does not fit the architecture cnn-pooled"):
        open_predictor(other, engine="torch")


def test_importing_the_choice_loads_no_runtime() -> None:
    heavy = ("torch", "onnxruntime", "openvino", "timm", "safetensors", "pytorch_grad_cam")
    script = f"import sys, cxrview.engine.choose, cxrview.engine.explain; print([each for each in {heavy} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
