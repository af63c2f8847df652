"""Damaged and hostile picture files by the thousand, the same ones for the same seed: `python -m tests.batch.mutants FOLDER COUNT`."""

from __future__ import annotations

import io
import random
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.io.dicom_files import dataset, write, write_stream

SUFFIXES = {"dicom": ".dcm", "png": ".png", "jpeg": ".jpg", "tiff": ".tif", "zip": ".zip"}
SIDE = 64
Seeds = dict[str, list[bytes]]
Mutation = Callable[[bytes, random.Random, Seeds], bytes]


def gray(bits: int) -> np.ndarray:
    """A picture with some structure, (SIDE, SIDE + 8)."""
    y, x = np.mgrid[0:SIDE, 0 : SIDE + 8]
    values = (np.sin(x / 9.0) * np.cos(y / 7.0) * 0.4 + 0.5) * (2**bits - 1)
    noise = np.random.default_rng(3).integers(0, 2 ** (bits - 4), values.shape)
    return np.clip(values + noise, 0, 2**bits - 1).astype(np.uint16 if bits > 8 else np.uint8)


def seeds_of(folder: Path) -> Seeds:
    """Good files of every kind."""
    deep, shallow = gray(12), gray(8)
    streams = {
        JPEGBaseline8Bit: (imagecodecs.jpeg8_encode(shallow), dataset(shallow, bits=8)),
        JPEGLosslessSV1: (imagecodecs.jpeg8_encode(deep, lossless=True, bitspersample=12), dataset(deep)),
        JPEGLSLossless: (imagecodecs.jpegls_encode(deep), dataset(deep)),
        JPEG2000Lossless: (imagecodecs.jpeg2k_encode(deep, 0, codecformat="J2K", reversible=True), dataset(deep)),
        HTJ2KLossless: (imagecodecs.htj2k_encode(deep, reversible=True), dataset(deep)),
        RLELossless: (_rle(deep), dataset(deep)),
    }
    native = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
    frames = dataset(deep, NumberOfFrames=3)
    frames.PixelData = deep.tobytes() * 3
    dicom = [write_stream(folder, stream, made, syntax=syntax).read_bytes() for syntax, (stream, made) in streams.items()]
    dicom += [write(folder, dataset(deep), syntax=syntax).read_bytes() for syntax in native]
    dicom += [write(folder, frames).read_bytes()]
    colours = np.stack([shallow, shallow // 2, 255 - shallow], axis=2)
    png = [imagecodecs.png_encode(deep), imagecodecs.png_encode(shallow), _saved(colours, "PNG")]
    jpeg = [_saved(shallow, "JPEG"), _saved(colours, "JPEG", progressive=True)]
    tiff = [imagecodecs.tiff_encode(deep, compression="deflate"), _saved(colours, "TIFF", compression="tiff_lzw"), _saved(shallow, "TIFF")]
    return {"dicom": dicom, "png": png, "jpeg": jpeg, "tiff": tiff, "zip": [_zipped(dicom[6], png[0], jpeg[0])]}


def mutant(number: int, seeds: Seeds) -> tuple[str, bytes]:
    """Give the name and the bytes of one damaged file; every 50th is a bomb."""
    chance = random.Random(number)
    if number % 50 == 49:
        name, content = BOMBS[number // 50 % len(BOMBS)]()
        return f"mutant-{number:05}-bomb{name}", content
    kind = chance.choice(sorted(seeds))
    content = chance.choice(seeds[kind])
    for mutation in chance.choices(MUTATIONS, k=chance.choice((1, 1, 1, 2, 3))):
        content = mutation(content, chance, seeds)
    return f"mutant-{number:05}{SUFFIXES[kind]}", content


def write_mutants(folder: Path, count: int, *, first: int = 0) -> None:
    """Write damaged files."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        seeds = seeds_of(Path(scratch))
    for number in range(first, first + count):
        name, content = mutant(number, seeds)
        (folder / name).write_bytes(content)


def _flip_bits(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 64))):
        if changed:
            changed[_place(changed, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _swap_header(content: bytes, chance: random.Random, seeds: Seeds) -> bytes:
    other = chance.choice(seeds[chance.choice(sorted(seeds))])
    length = chance.choice((4, 16, 64, 132, 256, 600))
    return other[:length] + content[length:]


def _join(content: bytes, chance: random.Random, seeds: Seeds) -> bytes:
    other = chance.choice(seeds[chance.choice(sorted(seeds))])
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other)) :]


def _forge_number(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    changed = bytearray(content)
    if changed:
        new = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xff\xff", b"\0\0", b"\x00\x00\x01\x00"))
        place = _place(changed, chance)
        changed[place : place + len(new)] = new
    return bytes(changed)


def _drop(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + content[place + chance.choice((1, 2, 7, 100)) :]


def _repeat(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + content[place : place + chance.choice((1, 8, 500))] * chance.choice((2, 20)) + content[place:]


def _noise(content: bytes, chance: random.Random, _: Seeds) -> bytes:
    kept = content[: chance.choice((0, 4, 132, 200))]
    return kept + chance.randbytes(chance.choice((0, 1, 50, 5000)))


MUTATIONS: tuple[Mutation, ...] = (_flip_bits, _cut, _swap_header, _join, _forge_number, _drop, _repeat, _noise)


def _place(content: bytearray, chance: random.Random) -> int:
    """Half of the harm is done in the header, where it matters."""
    return chance.randrange(min(len(content), 700) if chance.random() < 0.5 else len(content))


def _png_bomb() -> tuple[str, bytes]:
    return ".png", _png(60_000, 60_000, zlib.compress(bytes(1_000_000)))


def _png_that_unpacks() -> tuple[str, bytes]:
    return ".png", _png(8_000, 8_000, zlib.compress(bytes(300_000_000), 1))


def _tiff_bomb() -> tuple[str, bytes]:
    tags = (
        (256, 4, 70_000),
        (257, 4, 70_000),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, 70_000),
        (279, 4, 9),
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return ".tif", b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(64)


def _jpeg_bomb() -> tuple[str, bytes]:
    good = bytearray(_saved(gray(8), "JPEG"))
    place = good.index(b"\xff\xc0") + 5
    good[place : place + 4] = struct.pack(">HH", 65_500, 65_500)
    return ".jpg", bytes(good)


def _dicom_bomb() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        return ".dcm", write(Path(scratch), dataset(Rows=65_535, Columns=65_535)).read_bytes()


def _dicom_of_many_frames() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        return ".dcm", write(Path(scratch), dataset(NumberOfFrames=2_000_000_000)).read_bytes()


def _deflated_bomb() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        made = dataset(ImageComments="x" * 1000)
        made.add_new(0x00091010, "OB", bytes(250_000_000))
        return ".dcm", write(Path(scratch), made, syntax=DeflatedExplicitVRLittleEndian).read_bytes()


def _zip_bomb() -> tuple[str, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.png", bytes(400_000_000))
    return ".zip", buffer.getvalue()


BOMBS = tuple(
    cache(make)
    for make in (_png_bomb, _tiff_bomb, _jpeg_bomb, _dicom_bomb, _dicom_of_many_frames, _png_that_unpacks, _zip_bomb, _deflated_bomb)
)


def _png(width: int, height: int, packed: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _zipped(*contents: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"film-{number}", content)
    return buffer.getvalue()


def _saved(picture: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def _rle(values: np.ndarray) -> bytes:
    from pydicom.pixels import get_encoder

    return bytes(get_encoder(RLELossless).encode(dataset(values), encoding_plugin="pydicom"))


if __name__ == "__main__":
    write_mutants(Path(sys.argv[1]), int(sys.argv[2]))
