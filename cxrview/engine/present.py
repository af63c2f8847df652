"""Which runtimes and devices this machine has; for what is missing, the reason and what to install."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

from cxrview.io.places import how_to_get

_NO_DRIVER = "this machine has no NVIDIA driver."


def installed_version(distribution: str) -> str:
    """Give the version of an installed distribution; empty when it is not installed."""
    names = (distribution, f"{distribution}-gpu") if distribution == "onnxruntime" else (distribution,)
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def _is_installed(module: str) -> bool:
    return sys.modules.get(module) is not None or importlib.util.find_spec(module) is not None


@functools.cache
def _has_nvidia_driver() -> bool:
    """Tell whether this machine has an NVIDIA driver, without loading a runtime."""
    if sys.platform == "win32":
        return (Path("C:/Windows/System32") / "nvcuda.dll").is_file()
    return Path("/proc/driver/nvidia/version").is_file() or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def against_onnx_cpu() -> str:
    """Say why ONNX Runtime cannot run here; empty when it can."""
    return "" if _is_installed("onnxruntime") else "onnxruntime is not installed; `pip install onnxruntime`."


def against_onnx_cuda() -> str:
    """Say why ONNX Runtime cannot use CUDA here; empty when it can."""
    from cxrview.engine import onnx

    if not _is_installed("onnxruntime"):
        return against_onnx_cpu()
    if not _has_nvidia_driver():
        return _NO_DRIVER
    return "" if onnx.has_cuda() else "this onnxruntime has no CUDA; `pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`."


def against_openvino_float32() -> str:
    """Say why OpenVINO cannot run here; empty when it can."""
    return "" if _is_installed("openvino") else f"openvino is not installed; {how_to_get('openvino')}."


def against_openvino_bfloat16() -> str:
    """Say why OpenVINO cannot run in bfloat16 here; empty when it can."""
    from cxrview.engine import openvino

    against = against_openvino_float32()
    if against:
        return against
    return "" if openvino.has_bfloat16() else "this processor does not calculate in bfloat16."


def against_torch_cpu() -> str:
    """Say why torch cannot run here; empty when it can."""
    return "" if _is_installed("torch") and _is_installed("timm") else f"torch is not installed; {how_to_get('train')}."


def against_torch_cuda() -> str:
    """Say why torch cannot use CUDA here; empty when it can."""
    from cxrview.engine import torch

    against = against_torch_cpu()
    if against:
        return against
    if not _has_nvidia_driver():
        return _NO_DRIVER
    return "" if torch.has_cuda() else "torch finds no CUDA device; install a torch built for CUDA (pytorch.org)."


def against_lime() -> str:
    """Say why LIME cannot run here; empty when it can."""
    return "" if _is_installed("lime") else f"lime is not installed; {how_to_get('train')}."
