"""Folders of phantoms as files, for the `phantom` command, demonstrations and tests."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

from cxrview.core.image import Lut, Window, read_only
from cxrview.core.phantom import Phantom, View, as_pixels, phantom
from cxrview.io.atomic import replacing
from cxrview.io.dicom_write import DicomHeader, write_dx

VIEW_POSITIONS = {View.PA: "PA", View.AP: "AP", View.LATERAL: "LL"}
# Stored depths of DX detectors in use; the files of a folder go through them in turn.
DICOM_BITS = (12, 14, 10, 16, 15)
OPACITY, CLEAR = "opacity", "clear"


class PhantomKind(StrEnum):
    """What files are written."""

    DICOM = "dicom"
    PNG = "png"
    MIXED = "mixed"


class PhantomVoi(StrEnum):
    """How a DICOM phantom says it should be shown."""

    NONE = "none"
    WINDOW = "window"
    LUT = "lut"


def write_png(path: Path, drawn: Phantom) -> Path:
    """Write a phantom as a PNG of 8 bits, or of 16 with the gray values stretched over all of them."""
    top = 2**drawn.bits - 1
    full = 255 if drawn.bits == 8 else 65535
    values = drawn.values.astype(np.float64) * (full / top)
    _, encoded = cv2.imencode(".png", np.rint(values).astype(drawn.values.dtype))
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
    return path


def write_dicom(path: Path, drawn: Phantom, *, is_inverted: bool = False, voi: PhantomVoi = PhantomVoi.WINDOW) -> Path:
    """Write a phantom as a DX file: MONOCHROME1 when inverted, with a window, a VOI LUT or neither."""
    header = DicomHeader(
        identity=f"phantom {drawn.seed} {drawn.view} {drawn.size} {drawn.bits} {is_inverted} {voi}",
        patient_id=f"phantom-{drawn.seed}",
        view=VIEW_POSITIONS.get(drawn.view, ""),
        body_part="CHEST" if drawn.view.is_chest else "HAND" if drawn.view is View.HAND else "",
        has_burned_in_text=bool(drawn.marker),
        windows=(_full_window(drawn.bits),) if voi is PhantomVoi.WINDOW else (),
        voi_luts=(_gentle_lut(drawn.bits),) if voi is PhantomVoi.LUT else (),
    )
    return write_dx(path, as_pixels(drawn, is_inverted=is_inverted), header)


def write_phantoms(
    folder: Path,
    count: int,
    seed: int,
    *,
    kind: PhantomKind | str = PhantomKind.DICOM,
    size: tuple[int, int] = (1024, 1024),
    has_tables: bool = False,
) -> tuple[Path, ...]:
    """Write `count` different chest phantoms into a folder, made when missing, and give their paths.

    The same arguments write the same pictures. Every second one has opacities; every fifth lies on its back (AP). DICOM files go
    through the depths, polarities and VOI forms of real ones; PNG files alternate between 8 and 16 bits. With `has_tables`,
    `phantoms.csv` has the label of each, `opacity` or `clear`, and `boxes.csv` where the opacities lie, as `cxrview evaluate` takes them.
    """
    kind = PhantomKind(kind)
    written = [_write_one(folder, seed + index, index, kind, size) for index in range(count)]
    if has_tables:
        _write_tables(folder, written)
    return tuple(path for path, _ in written)


def _write_tables(folder: Path, written: Sequence[tuple[Path, Phantom]]) -> None:
    labels = [(path.name, OPACITY if drawn.boxes else CLEAR, path.stem, "phantom", str(drawn.view)) for path, drawn in written]
    boxes = [(path.name, OPACITY, box.left, box.top, box.right, box.bottom) for path, drawn in written for box in drawn.boxes]
    for name, header, rows in (
        ("phantoms.csv", ("file", "label", "patient_id", "source", "view"), labels),
        ("boxes.csv", ("file", "label", "left", "top", "right", "bottom"), boxes),
    ):
        with replacing(folder / name) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _write_one(folder: Path, seed: int, index: int, kind: PhantomKind, size: tuple[int, int]) -> tuple[Path, Phantom]:
    is_dicom = kind is PhantomKind.DICOM or (kind is PhantomKind.MIXED and index % 2 == 0)
    turn = index // 2 if kind is PhantomKind.MIXED else index
    drawn = phantom(
        seed,
        size=size,
        bits=DICOM_BITS[turn % len(DICOM_BITS)] if is_dicom else (8, 16)[turn % 2],
        view=View.AP if index % 5 == 4 else View.PA,
        opacities=index % 4 if index % 2 else 0,
        marker=("L", "R")[index % 2],
    )
    if not is_dicom:
        return write_png(folder / f"phantom-{seed:04d}.png", drawn), drawn
    voi = tuple(PhantomVoi)[turn % len(PhantomVoi)]
    return write_dicom(folder / f"phantom-{seed:04d}.dcm", drawn, is_inverted=turn % 4 == 1, voi=voi), drawn


def _full_window(bits: int) -> Window:
    return Window(center=2 ** (bits - 1), width=2**bits, name="FULL")


def _gentle_lut(bits: int) -> Lut:
    """Give an S-shaped table over all stored values, 12 bits out."""
    x = np.linspace(-2.5, 2.5, 2**bits)
    curve = 1 / (1 + np.exp(-x))
    stretched = (curve - curve[0]) / (curve[-1] - curve[0])
    return Lut(first=0, bits=12, table=read_only(np.rint(stretched * 4095).astype(np.uint16)), name="S-SHAPED")
