"""Make torchvision importable beside a torch whose libraries its compiled operators were not built for."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@functools.cache
def make_importable() -> object:
    """Declare the two operators that `import torchvision` insists on, when its own library does not load.

    Call it before anything imports torchvision, timm or pytorch_grad_cam. The operators (non-maximum suppression) are
    for detection and are not used here. Returns what must stay alive.
    """
    # WORKAROUND(https://github.com/pytorch/vision): a CPU-only torch with the default torchvision wheel
    # fails on import with "operator torchvision::nms does not exist".
    import torch

    spec = importlib.util.find_spec("torchvision")
    folders = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    for library in (found for folder in folders for found in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd"))):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except OSError:
            declared = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
            declared.define(f"nms{SCHEMA}")  # type: ignore[no-untyped-call]
            declared.define(f"qnms{SCHEMA}")  # type: ignore[no-untyped-call]
            return declared
    return None
