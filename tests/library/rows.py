"""Images for the index without files, and short ways to ask for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cxrview.core.image import ImageRef
from cxrview.library.index import Entry, write_entries
from cxrview.library.library import Library
from cxrview.library.records import Header, Query, Result, Score

PLAIN = Header(patient_key="id:1", study_key="dicom:1.1", format="DICOM", patient_code="1", modality="DX", rows=8, columns=8)


def entry(name: str, **fields: object) -> Entry:
    """Make an image; the fields of its header are those of `PLAIN` unless they are given."""
    header = replace(PLAIN, **fields)  # type: ignore[arg-type]
    return Entry(ImageRef(Path("/films") / name), 100, 1, header)


def put(library: Library, **images: dict[str, object]) -> dict[str, int]:
    """Put images into the index by name; gives their ids."""
    entries = [entry(f"{name}.dcm", **fields) for name, fields in images.items()]
    write_entries(library, entries)
    found = {each.ref.path.name: library.image_of(each.ref) for each in entries}
    return {name.removesuffix(".dcm"): image.id for name, image in found.items() if image is not None}


def names(library: Library, query: Query) -> list[str]:
    """Give the file names that a query finds, in order, without suffix."""
    return [image.ref.path.stem for image in library.images(library.find(query))]


def result(pixels: str = "p", model: str = "m", *, flags: tuple[str, ...] = (), **probabilities: float) -> Result:
    """Make a result; thresholds are one half."""
    scores = tuple(Score(label, 0.0, probability, 0.5) for label, probability in probabilities.items())
    return Result(pixels, model, "demo", "1", "onnx", "cpu", scores, flags, 0.9)
