"""What a model said of a picture, as it is kept: found again by the picture's pixels and the model's hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from cxrview.core.image import Pixels
from cxrview.core.results import Analysis
from cxrview.library.records import Result, Score


def pixel_hash(pixels: Pixels) -> str:
    """Give 32 hex digits for the stored values and everything that leads from them to the picture a model sees.

    Two files with the same picture and different patients have the same hash.
    """
    digest = hashlib.blake2b(digest_size=16)
    shape, windows = pixels.values.shape, [dataclasses.astuple(window) for window in pixels.windows]
    numbers = (shape, pixels.values.dtype.str, pixels.offset, pixels.bits, pixels.slope, pixels.intercept, pixels.padding)
    digest.update(repr((numbers, pixels.is_inverted, windows)).encode())
    for lut in (*([pixels.modality_lut] if pixels.modality_lut else []), *pixels.voi_luts):
        digest.update(repr((lut.first, lut.bits)).encode())
        digest.update(lut.table.tobytes())
    if pixels.shutter is not None:
        digest.update(pixels.shutter.tobytes())
    digest.update(pixels.values.data)
    return digest.hexdigest()


def result_of(analysis: Analysis, pixels_hash: str, *, reader: str = "", view: str = "") -> Result:
    """Take from an analysis what is kept: everything but the heatmaps; `reader` is kept for the model's own hash where it is given."""
    return Result(
        pixel_hash=pixels_hash,
        model_hash=reader or analysis.model_sha256,
        model_id=analysis.model_id,
        model_version=analysis.model_version,
        engine=analysis.engine,
        device=analysis.device,
        scores=tuple(Score(each.label.id, each.logit, each.probability, each.threshold) for each in analysis.findings),
        flags=tuple(map(str, analysis.flags)),
        in_distribution=analysis.in_distribution,
        view=view,
    )


def result_document(result: Result) -> str:
    """Write a result as JSON."""
    return json.dumps(dataclasses.asdict(result), ensure_ascii=False)


def parse_result(document: str) -> Result:
    """Read what `result_document` wrote."""
    fields = json.loads(document)
    scores = tuple(Score(**score) for score in fields.pop("scores"))
    return Result(scores=scores, flags=tuple(fields.pop("flags")), **fields)
