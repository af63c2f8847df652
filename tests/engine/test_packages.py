"""A package on disk is complete, unchanged and harmless, or it is refused with a sentence."""

from __future__ import annotations

import hashlib
import io
import shutil
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from cxrview.core.errors import CxrError, ManifestError, PackageError
from cxrview.core.manifest import Channels, HeatmapKind, Task
from cxrview.engine.fake import fake_package
from cxrview.engine.onnx_wire import has_external_data, model_bytes, node_bytes
from cxrview.engine.packages import (
    add_package,
    broken_packages,
    find_package,
    installed_packages,
    is_bundled,
    load_package,
    remove_package,
    verify_package,
    write_package,
)
from cxrview.io.places import places


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fake_package(tmp_path / "fake")
    return tmp_path / "fake"


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = tomllib.loads((folder / "model.toml").read_text())
    change(document)
    (folder / "model.toml").write_text(tomli_w.dumps(document))


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a file and its right hash, as somebody who means harm would."""
    (folder / name).write_bytes(content)
    edit(folder, lambda document: document["files"].update({name: hashlib.sha256(content).hexdigest()}))


def test_a_written_package_reads_back_whole(tmp_path: Path) -> None:
    package = fake_package(tmp_path / "fake", task=Task.MULTILABEL, size=(48, 32), channels=Channels.GRAY3)
    again = load_package(tmp_path / "fake")
    assert again.manifest == package.manifest
    assert again.sha256 == package.sha256 == hashlib.sha256((tmp_path / "fake/model.toml").read_bytes()).hexdigest()
    assert again.golden.inputs.shape == (2, 3, 32, 48)
    assert again.head is not None
    assert again.head.label_count == 4
    assert sorted(again.manifest.files) == ["CARD.md", "golden.npz", "head.safetensors", "model.onnx", "weights.safetensors"]


def test_a_package_without_heatmaps_needs_no_head(tmp_path: Path) -> None:
    package = fake_package(tmp_path / "fake", heatmap=HeatmapKind.NONE)
    assert package.head is None
    assert not (tmp_path / "fake/head.safetensors").exists()


def test_writing_never_replaces_unasked_and_leaves_nothing_half_done(tmp_path: Path, folder: Path) -> None:
    package = load_package(folder)
    parts: dict[str, Any] = {"graph": (folder / "model.onnx").read_bytes(), "golden": package.golden, "card": "", "head": package.head}
    with pytest.raises(PackageError, match="exists already"):
        write_package(folder, package.manifest, **parts)
    with pytest.raises(CxrError):
        write_package(tmp_path / "broken", replace(package.manifest, id="Not An Id"), **parts)
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "basedir") == ["fake"]
    replaced = write_package(folder, package.manifest, is_replacing=True, **parts)
    assert "weights.safetensors" not in replaced.manifest.files
    assert not (folder / "weights.safetensors").exists()


def test_a_guard_of_other_shapes_is_refused(folder: Path) -> None:
    from safetensors.numpy import save

    put(folder, "guard.safetensors", save({"mean": np.zeros(3, np.float32)}))
    with pytest.raises(PackageError, match="guard must hold"):
        load_package(folder)
    put(folder, "guard.safetensors", b"nothing")
    with pytest.raises(PackageError, match=r"guard\.safetensors cannot be read"):
        load_package(folder)


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz", "head.safetensors", "weights.safetensors", "CARD.md"])
def test_a_changed_file_is_refused_by_its_hash(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(PackageError, match=f"'{name}' is not the file") as caught:
        load_package(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["model.toml", "model.onnx", "golden.npz", "head.safetensors", "CARD.md"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PackageError, match=name):
        load_package(folder, verify=False)


@pytest.mark.parametrize("name", ["golden.npz", "head.safetensors", "CARD.md"])
def test_a_file_that_the_manifest_must_list_is_named(folder: Path, name: str) -> None:
    edit(folder, lambda document: document["files"].pop(name))
    with pytest.raises(PackageError, match=f"lacks '{name}'"):
        load_package(folder, verify=False)


def test_a_surplus_file_is_refused_but_not_what_a_system_leaves(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"")
    load_package(folder)
    (folder / "notes.txt").write_text("hello")
    with pytest.raises(PackageError, match=r"'notes\.txt' is in the folder, but not in model\.toml"):
        load_package(folder)


@pytest.mark.parametrize("name", ["weights.pt", "weights.pth", "head.pkl", "last.ckpt", "pytorch_model.bin", "x.PTH"])
def test_files_that_torch_pickles_into_are_refused_even_when_listed(folder: Path, name: str) -> None:
    put(folder, name, b"harmless")
    with pytest.raises(PackageError, match="may hold a pickle"):
        load_package(folder)


def test_a_pickle_under_another_name_is_refused(folder: Path) -> None:
    put(folder, "notes.txt", b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.")
    with pytest.raises(PackageError, match=r"'notes\.txt' holds a pickle"):
        load_package(folder)


def test_objects_in_the_golden_inputs_are_refused(folder: Path) -> None:
    np.savez(folder / "other.npz", inputs=np.array([{}], dtype=object), logits=np.zeros((1, 4), np.float32))
    put(folder, "golden.npz", (folder / "other.npz").read_bytes())
    (folder / "other.npz").unlink()
    with pytest.raises(PackageError, match=r"golden\.npz cannot be read"):
        load_package(folder, verify=False)


def test_golden_inputs_of_another_size_are_refused(folder: Path) -> None:
    np.savez(folder / "golden.npz", inputs=np.zeros((2, 1, 32, 32), np.float32), logits=np.zeros((2, 4), np.float32))
    with pytest.raises(PackageError, match="inputs are float32"):
        load_package(folder, verify=False)
    np.savez(folder / "golden.npz", inputs=np.zeros((2, 1, 64, 64), np.float32), logits=np.zeros((2, 3), np.float32))
    with pytest.raises(PackageError, match="logits are float32"):
        load_package(folder, verify=False)


def test_weights_kept_outside_the_graph_are_refused(folder: Path) -> None:
    location = b"\x0a\x08location\x12\x0c../../secret"
    entry = b"\x6a" + bytes([len(location)]) + location
    tensor = b"\x08\x01\x10\x01\x42\x01w" + entry + b"\x70\x01"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    evil = b"\x08\x08\x3a" + bytes([len(graph)]) + graph
    assert has_external_data(evil)
    put(folder, "model.onnx", evil)
    with pytest.raises(PackageError, match="external data"):
        load_package(folder)


def test_external_data_is_found_wherever_the_onnx_package_can_put_it(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], b"\0\0\0\0", raw=True)
    onnx.external_data_helper.set_external_data(value, "weights.data")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["c"], value=value)], "inner", [], [])
    hidden = onnx.helper.make_graph([onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)], "outer", [], [])
    assert has_external_data(onnx.helper.make_model(hidden).SerializeToString())
    function = onnx.helper.make_function("d", "f", [], ["c"], [onnx.helper.make_node("Constant", [], ["c"], value=value)], [])
    empty = onnx.helper.make_graph([], "empty", [], [])
    assert has_external_data(onnx.helper.make_model(empty, functions=[function]).SerializeToString())
    assert not has_external_data(onnx.helper.make_model(empty).SerializeToString())


@pytest.mark.parametrize("content", [b"not a graph at all", b"\x3a\xff\xff\xff\x7f", b"\x3a", b"\x80" * 20, b"\x0b"])
def test_bytes_that_are_no_onnx_file_are_refused(content: bytes) -> None:
    with pytest.raises(PackageError, match="ONNX"):
        has_external_data(content)


def test_a_graph_written_here_is_valid_to_the_onnx_package() -> None:
    onnx = pytest.importorskip("onnx")
    tensors = {"w": np.ones((300, 3), np.float32)}
    content = model_bytes([node_bytes("MatMul", ["w", "image"], ["logits"])], tensors, {"image": (3, "N")}, {"logits": (300, "N")})
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


def test_a_path_out_of_the_folder_is_refused(folder: Path) -> None:
    edit(folder, lambda document: document["files"].update({"../secret": "0" * 64}))
    with pytest.raises(ManifestError, match="does not lie inside"):
        load_package(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    shutil.move(folder / "CARD.md", secret)
    try:
        (folder / "CARD.md").symlink_to(secret)
    except OSError:
        pytest.skip("this system does not let us make links")
    with pytest.raises(PackageError, match="leads out of the package folder"):
        load_package(folder)


def test_an_unknown_field_in_the_file_is_refused_and_the_file_named(folder: Path) -> None:
    edit(folder, lambda document: document["input"].update(gamma=2.0))
    with pytest.raises(ManifestError, match=r"input\.gamma") as caught:
        load_package(folder)
    assert str(folder) in str(caught.value)


def test_broken_toml_is_a_sentence(folder: Path) -> None:
    (folder / "model.toml").write_bytes(b"\xff\xfe id =")
    with pytest.raises(ManifestError, match="not valid TOML"):
        load_package(folder)


def test_a_head_with_other_tensors_or_no_numbers_is_refused(folder: Path) -> None:
    from safetensors.numpy import save

    weight, bias = np.ones((4, 12), np.float32), np.ones(4, np.float32)
    for arrays, sentence in (
        ({"layers.0.weight": weight}, "must hold"),
        ({"layers.0.weight": weight, "layers.1.bias": bias}, r"lacks layers\.0"),
        ({"layers.0.weight": weight * np.nan, "layers.0.bias": bias}, "not finite"),
        ({"layers.0.weight": weight[:3].copy(), "layers.0.bias": bias[:3].copy()}, "3 logits for 4 labels"),
    ):
        (folder / "head.safetensors").write_bytes(save(arrays))
        with pytest.raises(PackageError, match=sentence):
            load_package(folder, verify=False)
    (folder / "head.safetensors").write_bytes(b"nothing")
    with pytest.raises(PackageError, match="cannot be read"):
        load_package(folder, verify=False)


def test_the_self_test_compares_with_the_golden_logits(folder: Path) -> None:
    package = load_package(folder)
    assert verify_package(package) < 1e-5
    wrong = replace(package, golden=replace(package.golden, logits=package.golden.logits + np.float32(0.01)))
    with pytest.raises(PackageError, match="self-test failed"):
        verify_package(wrong)


def test_a_package_is_added_found_listed_and_removed(folder: Path) -> None:
    assert "fake" not in [each.manifest.id for each in installed_packages()]
    added = add_package(folder)
    assert added.folder == places().models_dir / "fake"
    assert not is_bundled(added)
    assert "fake" in [each.manifest.id for each in installed_packages()]
    assert find_package("fake").sha256 == load_package(folder).sha256
    with pytest.raises(PackageError, match="installed already"):
        add_package(folder)
    remove_package("fake")
    assert not added.folder.exists()
    with pytest.raises(PackageError, match="not installed"):
        remove_package("fake")
    with pytest.raises(PackageError, match="no model 'fake' is installed"):
        find_package("fake")


def test_a_package_is_found_by_its_folder(folder: Path) -> None:
    assert find_package(folder).manifest.id == "fake"
    assert find_package(str(folder)).manifest.id == "fake"


def test_a_package_whose_self_test_fails_is_not_added(folder: Path, tmp_path: Path) -> None:
    package = load_package(folder)
    golden = replace(package.golden, logits=package.golden.logits + np.float32(1.0))
    graph = (folder / "model.onnx").read_bytes()
    write_package(tmp_path / "wrong", package.manifest, graph=graph, golden=golden, card="", head=package.head)
    with pytest.raises(PackageError, match="self-test failed"):
        add_package(tmp_path / "wrong")
    assert not (places().models_dir / "fake").exists()


def test_a_broken_package_is_listed_with_its_reason_and_hides_no_other(folder: Path) -> None:
    add_package(folder)
    shutil.copytree(folder, places().models_dir / "other")
    (places().models_dir / "other" / "CARD.md").unlink()
    assert "fake" in [each.manifest.id for each in installed_packages()]
    (broken,) = (each for each in broken_packages() if each.folder.name == "other")
    assert "CARD.md" in broken.reason


def test_a_torch_archive_under_another_name_is_refused(folder: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    put(folder, "weights.dat", buffer.getvalue())
    with pytest.raises(PackageError, match=r"'weights\.dat' holds a pickle"):
        load_package(folder)


def test_a_manifest_of_absurd_size_is_not_read(folder: Path) -> None:
    with (folder / "model.toml").open("ab") as file:
        file.truncate(5_000_000)
    with pytest.raises(PackageError, match="more than 4000000 bytes"):
        load_package(folder)


def test_a_network_that_cannot_be_run_is_a_sentence_that_names_the_package(folder: Path) -> None:
    graph = model_bytes([node_bytes("Abracadabra", ["image"], ["logits"])], {}, {"image": ("N", 1, 64, 64)}, {"logits": ("N", 4)})
    put(folder, "model.onnx", graph)
    with pytest.raises(PackageError, match="ONNX Runtime cannot open the network") as caught:
        verify_package(load_package(folder))
    assert str(folder) in str(caught.value)


def test_a_network_with_other_names_is_refused(folder: Path) -> None:
    put(folder, "model.onnx", model_bytes([node_bytes("Relu", ["x"], ["y"])], {}, {"x": ("N", 1, 64, 64)}, {"y": ("N", 1, 64, 64)}))
    with pytest.raises(PackageError, match="must take `image` and give `logits`"):
        verify_package(load_package(folder))


def test_a_network_that_gives_no_numbers_fails_its_self_test(folder: Path) -> None:
    nodes = [
        node_bytes("Log", ["image"], ["wild"]),
        node_bytes("Flatten", ["wild"], ["flat"], axis=1),
        node_bytes("MatMul", ["flat", "w"], ["logits"]),
    ]
    weights = {"w": np.ones((64 * 64, 4), np.float32)}
    put(folder, "model.onnx", model_bytes(nodes, weights, {"image": ("N", 1, 64, 64)}, {"logits": ("N", 4)}))
    with pytest.raises(PackageError, match="differ by inf"):
        verify_package(load_package(folder))
