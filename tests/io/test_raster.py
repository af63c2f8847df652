"""PNG, JPEG, TIFF, BMP, WebP and JPEG 2000 files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from cxrview.core.errors import ImageTooLarge, UnreadableImage
from cxrview.core.image import ImageRef
from cxrview.core.voi import display_table
from cxrview.io.limits import Limits
from cxrview.io.read import frame_refs, read_tags
from tests.io.dicom_files import read, stored, texts

RNG = np.random.default_rng(11)
GRAY8 = RNG.integers(0, 256, (13, 17)).astype(np.uint8)
GRAY16 = RNG.integers(0, 65536, (13, 17)).astype(np.uint16)
COLOURS = RNG.integers(0, 256, (13, 17, 3)).astype(np.uint8)
LUMINANCE = COLOURS @ np.array([0.299, 0.587, 0.114])


def put(folder: Path, content: bytes, name: str = "film") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def save(folder: Path, picture: np.ndarray | Image.Image, kind: str, **options: object) -> Path:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    path = folder / "film"
    image.save(path, kind, **options)
    return path


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_8_bit_gray_is_read_exactly(tmp_path: Path, kind: str) -> None:
    pixels = read(save(tmp_path, GRAY8, kind))
    assert np.array_equal(pixels.values, GRAY8)
    assert (pixels.bits, pixels.facts, pixels.values.flags.writeable) == (8, (), False)
    assert pixels.info.format.startswith(kind)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_keeps_its_depth(tmp_path: Path, kind: str) -> None:
    pixels = read(save(tmp_path, GRAY16, kind))
    assert np.array_equal(pixels.values, GRAY16)
    assert (pixels.bits, pixels.values.dtype) == (16, np.uint16)


def test_a_misleading_suffix_does_not_matter(tmp_path: Path) -> None:
    assert np.array_equal(read(put(tmp_path, imagecodecs.png_encode(GRAY8), "film.jpg")).values, GRAY8)


@pytest.mark.parametrize(
    "encode",
    [
        lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="JP2", reversible=True),
        lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="J2K", reversible=True),
        lambda a: imagecodecs.htj2k_encode(a, reversible=True),
        lambda a: imagecodecs.jpegls_encode(a),
        lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    ],
)
@pytest.mark.parametrize("values", [GRAY8, GRAY16], ids=["8", "16"])
def test_lossless_jpeg_families_are_read_exactly(tmp_path: Path, encode: Callable[[np.ndarray], bytes], values: np.ndarray) -> None:
    pixels = read(put(tmp_path, encode(values)))
    assert np.array_equal(pixels.values, values)
    assert pixels.bits == 8 * values.itemsize


def test_signed_jpeg_2000_gets_an_offset(tmp_path: Path) -> None:
    values = (GRAY16.astype(np.int32) - 32768).astype(np.int16)
    pixels = read(put(tmp_path, imagecodecs.jpeg2k_encode(values, 0, reversible=True)))
    assert pixels.offset == -32768
    assert np.array_equal(stored(pixels), values)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_colours_become_luminance_with_a_fact(tmp_path: Path, kind: str) -> None:
    pixels = read(save(tmp_path, COLOURS, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert np.abs(pixels.values - LUMINANCE).max() <= 0.51
    assert texts(pixels, "luminance") == ["colours (RGB) reduced to luminance"]


def test_gray_saved_as_colour_keeps_its_levels(tmp_path: Path) -> None:
    pixels = read(save(tmp_path, np.stack([GRAY8] * 3, axis=-1), "PNG"))
    assert np.array_equal(pixels.values, GRAY8)
    assert texts(pixels, "luminance") == ["colours (RGB, all gray) reduced to luminance"]


def test_16_bit_colours_become_16_bit_luminance(tmp_path: Path) -> None:
    colours = RNG.integers(0, 65536, (5, 6, 3)).astype(np.uint16)
    pixels = read(put(tmp_path, imagecodecs.png_encode(colours)))
    assert np.abs(pixels.values - colours @ np.array([0.299, 0.587, 0.114])).max() <= 2


def test_transparent_parts_are_black_with_a_fact(tmp_path: Path) -> None:
    alpha = np.array([[0, 255], [128, 255]], dtype=np.uint8)
    pixels = read(save(tmp_path, np.stack([np.full((2, 2), 200, np.uint8)] * 3 + [alpha], axis=-1), "PNG"))
    assert pixels.values.tolist() == [[0, 200], [100, 200]]
    assert texts(pixels, "transparency") == ["transparent parts shown black"]


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    pixels = read(save(tmp_path, Image.fromarray(GRAY8).convert("LA"), "PNG"))
    assert np.array_equal(pixels.values, GRAY8)
    assert texts(pixels, "transparency") == []


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palettes_become_luminance(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(COLOURS).quantize(16)
    pixels = read(save(tmp_path, image, kind))
    expected = np.array(image.convert("RGB")) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels.values - expected).max() <= 0.51


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_single_bit_pictures_show_black_and_white(tmp_path: Path, kind: str) -> None:
    mask = RNG.integers(0, 2, (9, 11)).astype(bool)
    pixels = read(save(tmp_path, Image.fromarray(mask), kind))
    assert np.array_equal(pixels.values > 0, mask)


def test_jpeg_of_gray_and_of_colours_gives_the_luma(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(40), np.arange(56)).astype(np.uint8) * 2
    assert np.abs(read(save(tmp_path, smooth, "JPEG", quality=98)).values.astype(int) - smooth).max() <= 3
    colours = read(save(tmp_path, np.stack([smooth] * 3, axis=-1), "JPEG", quality=98))
    assert np.abs(colours.values.astype(int) - smooth).max() <= 3
    assert texts(colours, "luminance") == ["colours (YCbCr) reduced to luminance"]


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_exif_orientation_is_applied_with_a_fact(tmp_path: Path, kind: str, orientation: int) -> None:
    tiles = np.kron(np.array([[10, 90, 170], [50, 130, 250]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, tiles, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    pixels = read(path)
    assert np.abs(pixels.values.astype(int) - UPRIGHT[orientation](tiles)).max() <= 1
    assert len(texts(pixels, "orientation")) == (orientation > 1)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_agrees_with_pillow(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, GRAY8, "JPEG", exif=exif)
    with Image.open(path) as opened:
        upright = np.array(ImageOps.exif_transpose(opened))
    assert np.abs(read(path).values.astype(int) - upright).max() <= 1


def test_a_broken_exif_block_does_not_hide_the_picture(tmp_path: Path) -> None:
    whole = imagecodecs.jpeg8_encode(GRAY8, 90)
    broken = b"Exif\0\0II*\0\xff\xff\xff\xff"
    content = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken + whole[2:]
    assert np.array_equal(read(put(tmp_path, content)).values, imagecodecs.jpeg8_decode(whole))


def test_white_is_zero_in_a_tiff_inverts(tmp_path: Path) -> None:
    content = imagecodecs.tiff_encode(GRAY16)
    black_is_zero, white_is_zero = (struct.pack("<HHLHH", 262, 3, 1, value, 0) for value in (1, 0))
    assert black_is_zero in content
    pixels = read(put(tmp_path, content.replace(black_is_zero, white_is_zero)))
    assert np.array_equal(pixels.values, GRAY16)
    assert pixels.is_inverted
    assert texts(pixels, "inverted") == ["inverted (TIFF, white is zero)"]
    assert display_table(pixels)[GRAY16.min()] == 255


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_depths_of_tiff_are_read(tmp_path: Path, bits: int) -> None:
    values = GRAY16 >> (16 - bits)
    pixels = read(put(tmp_path, imagecodecs.tiff_encode(values, bitspersample=bits)))
    assert np.array_equal(pixels.values, values)
    assert pixels.bits == bits


@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "none"])
def test_compressed_tiff_is_read(tmp_path: Path, compression: str) -> None:
    assert np.array_equal(read(put(tmp_path, imagecodecs.tiff_encode(GRAY16, compression=compression))).values, GRAY16)


def test_signed_tiff_gets_an_offset(tmp_path: Path) -> None:
    values = (GRAY16.astype(np.int32) - 32768).astype(np.int16)
    pixels = read(put(tmp_path, imagecodecs.tiff_encode(values)))
    assert pixels.offset == -32768
    assert np.array_equal(stored(pixels), values)


def test_pages_of_a_tiff_are_frames(tmp_path: Path) -> None:
    pages = [Image.fromarray(GRAY8 // (number + 1)) for number in range(3)]
    path = tmp_path / "pages.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    refs = frame_refs(ImageRef(path))
    assert [ref.frame for ref in refs] == [0, 1, 2]
    for ref in refs:
        pixels = read(path, frame=ref.frame)
        assert np.array_equal(pixels.values, GRAY8 // (ref.frame + 1))
        assert (pixels.frames, texts(pixels, "frame")) == (3, [f"page {ref.frame + 1} of 3"])
    with pytest.raises(UnreadableImage, match="3 pages; page 4 was asked for"):
        read(path, frame=3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: imagecodecs.tiff_encode(GRAY8.astype(np.float32)), "32-bit floating-point"),
        (lambda: imagecodecs.tiff_encode(GRAY8.astype(np.uint32)), "32-bit samples"),
        (lambda: imagecodecs.png_encode(GRAY16)[:-40], "cannot be decoded"),
        (lambda: imagecodecs.png_encode(GRAY16)[:20], "cut short"),
        (lambda: imagecodecs.jpeg8_encode(GRAY8)[:-30], "cut short: its end marker is missing"),
        (lambda: imagecodecs.jpeg2k_encode(GRAY8)[:-30], "cut short"),
        (lambda: imagecodecs.tiff_encode(GRAY16)[:-30], "cut short|cannot be decoded"),
        (lambda: imagecodecs.bmp_encode(GRAY8)[:-30], "cannot be decoded"),
        (lambda: imagecodecs.webp_encode(COLOURS)[:-30], "cannot be decoded"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, content: Callable[[], bytes], words: str) -> None:
    path = put(tmp_path, content())
    with pytest.raises(UnreadableImage, match=words) as caught:
        read(path)
    assert (caught.value.subject, bool(caught.value.hint)) == (str(path), True)


def test_jpeg_for_print_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="4 colour components"):
        read(save(tmp_path, Image.fromarray(COLOURS).convert("CMYK"), "JPEG"))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))


BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LLBBBBB", 60000, 60000, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"x"),
    "JPEG": lambda: b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9",
    "JPEG 2000": lambda: (
        b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">8L", 60000, 60000, 0, 0, 60000, 60000, 0, 0) + b"\0\x01\x07\x01\x01" * 3
    ),
    "BMP": lambda: b"BM" + bytes(12) + struct.pack("<LllHHL", 40, 60000, 60000, 1, 8, 0) + bytes(20),
    "TIFF": lambda: (
        b"II*\0\x08\0\0\0\x03\0"
        + struct.pack("<HHLL", 256, 4, 1, 60000)
        + struct.pack("<HHLL", 257, 4, 1, 60000)
        + struct.pack("<HHLHH", 258, 3, 1, 8, 0)
        + bytes(4)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_declared_sizes_are_refused_before_anything_is_decoded(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageTooLarge, match="pixels; at most 150,000,000 are read"):
        read(put(tmp_path, BOMBS[name]()))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_limits_are_those_that_are_passed_in(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path, COLOURS, kind)
    assert read(path, limits=Limits(max_pixels=13 * 17)).values.shape == (13, 17)
    with pytest.raises(ImageTooLarge, match="17×13 = 221 pixels; at most 220"):
        read(path, limits=Limits(max_pixels=13 * 17 - 1))


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_kind_of_webp_tells_its_size(tmp_path: Path, lossless: bool, mode: str) -> None:
    path = save(tmp_path, Image.fromarray(COLOURS).convert(mode), "WEBP", lossless=lossless)
    with pytest.raises(ImageTooLarge, match="17×13 = 221"):
        read(path, limits=Limits(max_pixels=220))


def test_the_pages_of_a_tiff_may_not_form_a_circle(tmp_path: Path) -> None:
    content = bytearray(imagecodecs.tiff_encode(GRAY8))
    (first,) = struct.unpack_from("<L", content, 4)
    (entries,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<L", content, first + 2 + 12 * entries, first)
    assert len(frame_refs(ImageRef(put(tmp_path, bytes(content))))) == 1


def test_exif_and_tiff_entries_are_listed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "Maker"
    tags = {tag.keyword: tag.value for tag in read_tags(ImageRef(save(tmp_path, GRAY8, "JPEG", exif=exif)))}
    assert tags == {"Orientation": "1", "Make": "Maker"}
    tags = {tag.keyword: tag.value for tag in read_tags(ImageRef(save(tmp_path, GRAY8, "TIFF")))}
    assert (tags["ImageWidth"], tags["ImageLength"], tags["BitsPerSample"]) == ("17", "13", "8")
    assert read_tags(ImageRef(save(tmp_path, GRAY8, "PNG"))) == ()
