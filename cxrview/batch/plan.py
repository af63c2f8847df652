"""What a batch is to do, as a record that travels to the process that does it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

TIME_LIMIT_S = 120.0


class HeatmapFiles(StrEnum):
    """What is written for each heatmap: a picture for people, numbers for programs, or both."""

    PNG = "png"
    NPZ = "npz"
    BOTH = "both"


class Pictures(StrEnum):
    """Which small pictures come with a row: none, one with the strongest finding's heatmap, or one for each label."""

    NONE = "none"
    STRONGEST = "strongest"
    EACH_LABEL = "each label"


@dataclass(frozen=True, slots=True)
class Plan:
    """How every image is scored.

    Attributes:
        model: folder of the package.
        engine, device, threads: as for `open_predictor`.
        workers: threads that read, prepare and score; 0 for one for each core.
        batch_size: images in one forward pass; 0 for what suits the device.
        inputs: what was named, for the places of heatmaps below `heatmaps`.
        heatmaps: folder for heatmaps; empty for none.
        has_lungs: look for the lungs where a lung network is installed.
        pictures: small pictures to make of every image.
        time_limit_s: after which a file, or one frame of it, is given up.
    """

    model: str
    engine: str = "auto"
    device: str = "auto"
    threads: int = 0
    workers: int = 0
    batch_size: int = 0
    inputs: tuple[str, ...] = ()
    heatmaps: str = ""
    heatmap_files: HeatmapFiles = HeatmapFiles.PNG
    has_lungs: bool = True
    pictures: Pictures = Pictures.NONE
    time_limit_s: float = TIME_LIMIT_S

    @property
    def input_paths(self) -> tuple[Path, ...]:
        """What was named, as paths."""
        return tuple(map(Path, self.inputs))


def plan_to_json(plan: Plan) -> str:
    """Write the plan in one line."""
    return json.dumps(asdict(plan))


def plan_from_json(text: str) -> Plan:
    """Read what `plan_to_json` wrote."""
    values = json.loads(text)
    known = {each.name: values[each.name] for each in fields(Plan)}
    made = {
        "inputs": tuple(known["inputs"]),
        "heatmap_files": HeatmapFiles(known["heatmap_files"]),
        "pictures": Pictures(known["pictures"]),
    }
    return Plan(**{**known, **made})
