"""Model packages: folders that explain themselves, written and read with every file's hash; and which of them are installed."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.core.composite import check_members
from cxrview.core.errors import CxrError, ManifestError, PackageError
from cxrview.core.guard import Guard, guard_arrays, guard_from
from cxrview.core.heatmap import ALGEBRA_KINDS, Dense, Head
from cxrview.core.image import read_only
from cxrview.core.manifest import Manifest
from cxrview.core.manifest_toml import MANIFEST_NAME, is_inside_name, manifest_document, parse_manifest
from cxrview.core.results import FloatArray
from cxrview.engine.onnx_wire import has_external_data
from cxrview.io.places import places, resource

GOLDEN_NAME = "golden.npz"
HEAD_NAME = "head.safetensors"
WEIGHTS_NAME = "weights.safetensors"
GUARD_NAME = "guard.safetensors"
CARD_NAME = "CARD.md"

Arrays = Mapping[str, npt.NDArray[np.generic]]

# A manifest is a page or two of text; more is not a manifest.
_MAX_MANIFEST_BYTES = 4_000_000
_PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".bin", ".npy"})
_LEFT_BY_SYSTEMS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Small inputs, (N, C, H, W) float32, and the logits, (N, L) float32, that the reference engine gives for them."""

    inputs: FloatArray
    logits: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Package:
    """A model package that was read and checked.

    Attributes:
        head: what heatmaps are computed from; None for models whose heatmaps need gradients or occlusion, or that have none.
        sha256: of `model.toml`, which holds the hash of every other file; it stands for the whole package.
        guard: what tells how far an image lies from those of training; None where the package has none.
        members: the networks of a composite package, in the manifest's order; they have no golden inputs but their own.
    """

    folder: Path
    manifest: Manifest
    head: Head | None
    sha256: str
    golden: Golden
    guard: Guard | None = None
    members: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A folder among the models that could not be read, and why."""

    folder: Path
    reason: str


def write_package(
    folder: Path,
    manifest: Manifest,
    *,
    graph: bytes,
    golden: Golden,
    card: str,
    head: Head | None = None,
    weights: Arrays | None = None,
    guard: Guard | None = None,
    is_replacing: bool = False,
) -> Package:
    """Write a complete package, then read it back; `manifest.files` is filled in here.

    The folder appears whole or not at all. An existing one is an error, unless `is_replacing`.
    """
    from safetensors.numpy import save

    if folder.exists() and not is_replacing:
        raise PackageError("the folder exists already.", hint="Choose another one, or remove it first.", subject=str(folder))
    contents = {manifest.graph: graph, GOLDEN_NAME: _golden_bytes(golden), CARD_NAME: card.encode()}
    if head is not None:
        contents[HEAD_NAME] = _head_bytes(head)
    for name, arrays in ((WEIGHTS_NAME, weights), (GUARD_NAME, None if guard is None else guard_arrays(guard))):
        if arrays is not None:
            contents[name] = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
    return _written(folder, manifest, contents)


def write_composite_files(
    folder: Path, manifest: Manifest, members: Sequence[Package], *, golden: Golden, card: str, is_replacing: bool = False
) -> Package:
    """Write a composite package around copies of its members, then read it back; see `engine.composite.write_composite`."""
    if folder.exists() and not is_replacing:
        raise PackageError("the folder exists already.", hint="Choose another one, or remove it first.", subject=str(folder))
    if manifest.composite is None:
        raise PackageError("the manifest names no members.", subject=manifest.id)
    contents = {GOLDEN_NAME: _golden_bytes(golden), CARD_NAME: card.encode()}
    for member, package in zip(manifest.composite.members, members, strict=True):
        for name in (MANIFEST_NAME, *package.manifest.files):
            contents[f"{member.name}/{name}"] = (package.folder / name).read_bytes()
    return _written(folder, manifest, contents)


def _written(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Package:
    complete = replace(manifest, files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})
    with _appearing_whole(folder) as making:
        for name, content in contents.items():
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).write_bytes(content)
        (making / MANIFEST_NAME).write_bytes(_manifest_bytes(complete))
        load_package(making)
    return load_package(folder, verify=False)


def load_package(folder: Path, *, verify: bool = True) -> Package:
    """Read a package and refuse it for a stated reason where it is broken or unsafe; `verify` also checks every hash.

    Raises:
        PackageError: a missing, surplus, changed or forbidden file.
        ManifestError: a wrong field in `model.toml`.
    """
    try:
        return _load(folder, is_verifying=verify)
    except (PackageError, ManifestError) as error:
        raise error.about(str(folder)) from error.__cause__


def read_graph(package: Package) -> bytes:
    """Read the network, checking once more that it is the one the manifest names."""
    return _read_checked(package.folder, package.manifest, package.manifest.graph)


def read_weights(package: Package) -> bytes | None:
    """Read `weights.safetensors`, checked; None where the package has none."""
    if WEIGHTS_NAME not in package.manifest.files:
        return None
    return _read_checked(package.folder, package.manifest, WEIGHTS_NAME)


def read_card(package: Package) -> str:
    """Read the model card, Markdown, checked."""
    return _read_checked(package.folder, package.manifest, CARD_NAME).decode("utf-8", errors="replace")


def installed_packages() -> tuple[Package, ...]:
    """Give the packages that can be used, those shipped with the program first, without checking hashes."""
    return tuple(each for each in map(_load_or_reason, _installed_folders()) if isinstance(each, Package))


def broken_packages() -> tuple[BrokenPackage, ...]:
    """Give the folders among the models that cannot be used, with the reason."""
    return tuple(each for each in map(_load_or_reason, _installed_folders()) if isinstance(each, BrokenPackage))


def is_bundled(package: Package) -> bool:
    """Tell whether the package ships with the program."""
    return package.folder.resolve().parent == resource("models").resolve()


def find_package(id_or_folder: str | Path) -> Package:
    """Load the installed package of that id, or the one in that folder, with every hash checked.

    Raises:
        PackageError: there is none, or it is broken.
    """
    for folder in _installed_folders():
        if folder.name == str(id_or_folder):
            return load_package(folder)
    folder = Path(id_or_folder)
    if (folder / MANIFEST_NAME).is_file():
        return load_package(folder)
    known = ", ".join(each.name for each in _installed_folders()) or "none"
    raise PackageError(
        f"no model '{id_or_folder}' is installed, and no folder of that name holds a {MANIFEST_NAME}.",
        hint=f"Installed: {known}. See `cxrview models list`.",
    )


def add_package(folder: Path) -> Package:
    """Copy a package to the user's models, after checking its hashes and running its self-test."""
    package = load_package(folder)
    verify_package(package)
    if any(each.name == package.manifest.id for each in _installed_folders()):
        raise PackageError(
            f"a model with the id '{package.manifest.id}' is installed already.",
            hint=f"Remove it first: `cxrview models remove {package.manifest.id}`.",
            subject=str(folder),
        )
    target = places().models_dir / package.manifest.id
    with _appearing_whole(target) as making:
        for name in (MANIFEST_NAME, *package.manifest.files):
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, making / name)
        load_package(making)
    return load_package(target, verify=False)


def remove_package(package_id: str) -> None:
    """Delete a package from the user's models; the bundled ones stay."""
    models_dir = places().models_dir
    folder = next((each for each in _folders_in(models_dir) if each.name == package_id), None)
    if folder is None:
        is_known = any(each.name == package_id for each in _installed_folders())
        reason = "ships with the program and cannot be removed." if is_known else "is not installed."
        raise PackageError(f"the model '{package_id}' {reason}", hint="See `cxrview models list`.")
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".removing-") as grave:
        folder.rename(Path(grave) / "package")


def verify_package(package: Package) -> float:
    """Run the golden inputs through the reference engine; give the largest difference from the golden logits.

    Raises:
        PackageError: the logits differ by more than the tolerance, or the network cannot be run.
    """
    from cxrview.engine.composite import open_with
    from cxrview.engine.onnx import OnnxPredictor
    from cxrview.engine.selftest import reference_difference

    predictor = open_with(package, lambda each: OnnxPredictor(each, threads=0, cache_dir=None))
    try:
        return reference_difference(package, predictor)
    finally:
        predictor.close()


def _load(folder: Path, *, is_verifying: bool) -> Package:
    raw = _read_manifest(folder)
    try:
        document = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{MANIFEST_NAME} is not valid TOML: {error}.") from error
    manifest = parse_manifest(document)
    _check_files(folder, manifest)
    if is_verifying:
        _check_contents(folder, manifest)
    golden = _read_golden(folder, manifest)
    guard = _read_guard(folder) if GUARD_NAME in manifest.files else None
    head = _read_head(folder, manifest) if manifest.heatmap in ALGEBRA_KINDS else None
    members = _read_members(folder, manifest, is_verifying=is_verifying)
    return Package(
        folder, manifest, head, hashlib.sha256(raw).hexdigest(), golden, guard or (members[0].guard if members else None), members
    )


def _read_members(folder: Path, manifest: Manifest, *, is_verifying: bool) -> tuple[Package, ...]:
    if manifest.composite is None:
        return ()
    members = tuple(load_package(folder / each.name, verify=is_verifying) for each in manifest.composite.members)
    check_members(manifest, [each.manifest for each in members])
    return members


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise PackageError(f"there is no {MANIFEST_NAME}, so this is not a model package.")
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise PackageError(f"{MANIFEST_NAME} has more than {_MAX_MANIFEST_BYTES} bytes.")
    return path.read_bytes()


def _check_files(folder: Path, manifest: Manifest) -> None:
    required = [GOLDEN_NAME, CARD_NAME]
    if manifest.composite is None:
        required.append(manifest.graph)
    else:
        required += [f"{member.name}/{MANIFEST_NAME}" for member in manifest.composite.members]
    if manifest.heatmap in ALGEBRA_KINDS:
        required.append(HEAD_NAME)
    for name in required:
        if name not in manifest.files:
            raise PackageError(f"files in {MANIFEST_NAME} lacks '{name}'.")
    root = folder.resolve()
    for name in manifest.files:
        if not is_inside_name(name) or not (folder / name).resolve().is_relative_to(root):
            raise PackageError(f"'{name}' leads out of the package folder.")
        if not (folder / name).is_file():
            raise PackageError(f"'{name}' is missing.")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in _PICKLE_SUFFIXES:
            raise PackageError(f"'{name}' may hold a pickle, which can run any code; packages hold safetensors.")
        is_surplus = not path.is_dir() and name not in manifest.files and name != MANIFEST_NAME and path.name not in _LEFT_BY_SYSTEMS
        if is_surplus:
            raise PackageError(f"'{name}' is in the folder, but not in {MANIFEST_NAME}.")


def _check_contents(folder: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        content = _read_checked(folder, manifest, name)
        if _is_pickle(content):
            raise PackageError(f"'{name}' holds a pickle, which can run any code; packages hold safetensors.")
        if Path(name).suffix.lower() == ".onnx" and has_external_data(content):
            raise PackageError(f"'{name}' keeps weights in other files (external data).", hint="Export it as one file.")


def _read_checked(folder: Path, manifest: Manifest, name: str) -> bytes:
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.files[name]:
        raise PackageError(
            f"'{name}' is not the file {MANIFEST_NAME} names: its SHA-256 differs.", hint="Get the package again.", subject=str(folder)
        )
    return content


def _is_pickle(content: bytes) -> bool:
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(name.endswith(".pkl") for name in archive.namelist())


def _read_golden(folder: Path, manifest: Manifest) -> Golden:
    try:
        with np.load(folder / GOLDEN_NAME, allow_pickle=False) as archive:
            golden = Golden(inputs=read_only(archive["inputs"]), logits=read_only(archive["logits"]))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise PackageError(f"{GOLDEN_NAME} cannot be read; it must hold `inputs` and `logits`.") from error
    count = len(golden.inputs)
    wanted = (count, manifest.input.channels.planes, manifest.input.height, manifest.input.width)
    if count == 0 or golden.inputs.shape != wanted or golden.inputs.dtype != np.float32:
        raise PackageError(
            f"{GOLDEN_NAME}: inputs are {golden.inputs.dtype} {golden.inputs.shape}, they must be float32 (N, {wanted[1:]})."
        )
    if golden.logits.shape != (count, len(manifest.labels)) or golden.logits.dtype != np.float32:
        raise PackageError(
            f"{GOLDEN_NAME}: logits are {golden.logits.dtype} {golden.logits.shape}, one float32 for each input and label is wanted."
        )
    return golden


def _read_head(folder: Path, manifest: Manifest) -> Head:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / HEAD_NAME, framework="numpy") as archive:
            arrays = {name: np.asarray(archive.get_tensor(name), dtype=np.float32) for name in archive.keys()}  # noqa: SIM118 - not a mapping
            metadata = archive.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise PackageError(f"{HEAD_NAME} cannot be read: {error}.") from error
    layers = tuple(_dense(arrays, index) for index in range(len(arrays) // 2))
    if not layers or 2 * len(layers) != len(arrays):
        raise PackageError(f"{HEAD_NAME} must hold layers.0.weight, layers.0.bias and so on, nothing else.")
    try:
        head = Head(kind=manifest.heatmap, layers=layers, activations=manifest.activations, grid=_grid(metadata.get("grid", "")))
    except (CxrError, ValueError) as error:
        raise PackageError(f"{HEAD_NAME}: {error}") from error
    if head.label_count != len(manifest.labels):
        raise PackageError(f"{HEAD_NAME} gives {head.label_count} logits for {len(manifest.labels)} labels.")
    return head


def _read_guard(folder: Path) -> Guard:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return guard_from(load((folder / GUARD_NAME).read_bytes()))
    except (SafetensorError, ValueError) as error:
        raise PackageError(f"{GUARD_NAME} cannot be read: {error}.") from error


def _dense(arrays: Mapping[str, FloatArray], index: int) -> Dense:
    weight, bias = arrays.get(f"layers.{index}.weight"), arrays.get(f"layers.{index}.bias")
    if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise PackageError(f"{HEAD_NAME} lacks layers.{index}.weight (out, in) or layers.{index}.bias (out).")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise PackageError(f"{HEAD_NAME}: layer {index} holds values that are not finite.")
    return Dense(weight=read_only(weight), bias=read_only(bias))


def _grid(text: str) -> tuple[int, int] | None:
    rows, _, columns = text.partition("x")
    return (int(rows), int(columns)) if text else None


def _head_bytes(head: Head) -> bytes:
    from safetensors.numpy import save

    arrays = {f"layers.{index}.weight": np.ascontiguousarray(layer.weight) for index, layer in enumerate(head.layers)}
    arrays |= {f"layers.{index}.bias": np.ascontiguousarray(layer.bias) for index, layer in enumerate(head.layers)}
    return save(arrays, metadata=None if head.grid is None else {"grid": f"{head.grid[0]}x{head.grid[1]}"})


def _golden_bytes(golden: Golden) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, inputs=golden.inputs, logits=golden.logits)
    return buffer.getvalue()


def _manifest_bytes(manifest: Manifest) -> bytes:
    import tomli_w

    return tomli_w.dumps(manifest_document(manifest)).encode()


@contextmanager
def _appearing_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to write in that becomes `folder` at the end, or vanishes when something fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        making = Path(scratch) / "package"
        making.mkdir()
        yield making
        if folder.exists():
            folder.rename(Path(scratch) / "before")
        making.rename(folder)


def _installed_folders() -> tuple[Path, ...]:
    return (*_folders_in(resource("models")), *_folders_in(places().models_dir))


def _folders_in(root: Path) -> tuple[Path, ...]:
    if not root.is_dir():
        return ()
    return tuple(sorted(each for each in root.iterdir() if (each / MANIFEST_NAME).is_file() and not each.name.startswith(".")))


def _load_or_reason(folder: Path) -> Package | BrokenPackage:
    try:
        return load_package(folder, verify=False)
    except CxrError as error:
        return BrokenPackage(folder=folder, reason=error.message)
