"""The words of the window for the model in use; no Qt."""

from __future__ import annotations

from cxrview.app.state import BrokenModel, Model, NoModel, OpeningModel, ReadyModel, SearchingModels


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
            return f"Runs in {model.engine} on {model.device}"
        case BrokenModel():
            return "This model cannot run."
