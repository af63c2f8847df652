"""The words of the window for the model in use; no Qt."""

from __future__ import annotations

from cxrview.app.state import BrokenModel, Model, NoModel, OpeningModel, ReadyModel, SearchingModels

ENGINE_NAMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}
DEVICE_NAMES = {"cpu": "the processor", "cuda": "the GPU (CUDA)"}


def runs_text(model: ReadyModel) -> str:
    """Say what runs a model, and on what."""
    return f"Runs in {ENGINE_NAMES.get(model.engine, model.engine)} on {DEVICE_NAMES.get(model.device, model.device)}"


def model_text(model: Model) -> str:
    """Say in one line what runs, or why nothing does."""
    match model:
        case NoModel():
            return model.reason
        case SearchingModels():
            return "Looking for models…"
        case OpeningModel():
            return f"Opening {model.entry.title}…"
        case ReadyModel():
            return runs_text(model)
        case BrokenModel():
            return "This model cannot run."
