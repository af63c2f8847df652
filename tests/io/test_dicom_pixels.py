"""DICOM pixels: every way of storing them gives the same values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.pixels import get_encoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxrview.core.errors import ImageTooLarge, NotAnImage, UnreadableImage
from cxrview.core.image import ImageRef
from cxrview.io.limits import Limits
from cxrview.io.read import frame_refs, read_tags
from tests.io.dicom_files import GRADIENT, dataset, item, raw, read, stored, texts, write, write_bare, write_stream

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 4096, (24, 31)).astype(np.uint16)
SMOOTH = (2000 + 1500 * np.sin(np.arange(64)[:, None] / 9) * np.cos(np.arange(48)[None, :] / 7)).astype(np.uint16)
SIGNED = RNG.integers(-2048, 2048, (24, 31)).astype(np.int16)


def swapped(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder(">"))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("values", [NOISE, SIGNED], ids=["unsigned", "signed"])
def test_little_endian_pixels_are_read(tmp_path: Path, syntax: str, values: np.ndarray) -> None:
    pixels = read(write(tmp_path, dataset(values), syntax=syntax))
    assert np.array_equal(stored(pixels), values)
    assert (pixels.bits, pixels.offset) == (12, -2048 if values is SIGNED else 0)
    assert pixels.values.dtype == np.uint16
    assert not pixels.values.flags.writeable
    assert pixels.values.flags.c_contiguous


@pytest.mark.parametrize("values", [NOISE, SIGNED], ids=["unsigned", "signed"])
def test_big_endian_pixels_are_read(tmp_path: Path, values: np.ndarray) -> None:
    made = dataset(values, PixelData=swapped(values).tobytes())
    assert np.array_equal(stored(read(write(tmp_path, made, syntax=ExplicitVRBigEndian))), values)


def test_big_endian_8_bit_pixels_lie_in_swapped_words(tmp_path: Path) -> None:
    values = np.arange(35, dtype=np.uint8).reshape(5, 7)
    words = np.frombuffer(values.tobytes() + b"\0", np.uint16).byteswap()
    made = dataset(values, bits=8, PixelData=words.tobytes())
    assert np.array_equal(read(write(tmp_path, made, syntax=ExplicitVRBigEndian)).values, values)


@pytest.mark.parametrize(("is_implicit", "is_little_endian"), [(True, True), (False, True), (False, False)])
def test_files_without_preamble_and_file_meta_are_read(tmp_path: Path, is_implicit: bool, is_little_endian: bool) -> None:
    made = dataset(PixelData=GRADIENT.tobytes() if is_little_endian else swapped(GRADIENT).tobytes())
    pixels = read(write_bare(tmp_path, made, is_implicit=is_implicit, is_little_endian=is_little_endian))
    assert np.array_equal(pixels.values, GRADIENT)
    assert texts(pixels, "irregular") == ["no transfer syntax in the file: the way of storing was recognised from the data"]


LOSSLESS: list[tuple[str, Callable[[np.ndarray], bytes]]] = [
    (JPEGLosslessSV1, lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1, bitspersample=12)),
    (JPEGLossless, lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=6, bitspersample=12)),
    (JPEGLosslessSV1, lambda a: imagecodecs.ljpeg_encode(a, bitspersample=12)),
    (JPEGLSLossless, lambda a: imagecodecs.jpegls_encode(a)),
    (JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="J2K", reversible=True, bitspersample=12)),
    (JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="JP2", reversible=True)),
    (HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a, reversible=True)),
    (RLELossless, lambda a: bytes(next(iter(rle_frames(a))))),
]


def rle_frames(values: np.ndarray) -> list[bytes]:
    runner = dataset(values, bits=12 if values.itemsize == 2 else 8)
    return [get_encoder(RLELossless).encode(runner, encoding_plugin="pydicom")]


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_lossless_compression_gives_back_every_value(tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes]) -> None:
    pixels = read(write_stream(tmp_path, encode(NOISE), dataset(NOISE), syntax=syntax))
    assert np.array_equal(pixels.values, NOISE)
    assert (pixels.bits, pixels.offset) == (12, 0)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_lossless_compression_gives_back_signed_values(tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes]) -> None:
    """Encoders without a notion of sign are given two's complement in the stored bits, as the standard asks."""
    twos_complement = (SIGNED & 0xFFF).astype(np.uint16)
    pixels = read(write_stream(tmp_path, encode(twos_complement), dataset(SIGNED), syntax=syntax))
    assert np.array_equal(stored(pixels), SIGNED)


@pytest.mark.parametrize("bits", [12, 16])
def test_jpeg_2000_that_knows_its_sign_is_read(tmp_path: Path, bits: int) -> None:
    stream = imagecodecs.jpeg2k_encode(SIGNED, 0, codecformat="J2K", reversible=True, bitspersample=bits)
    pixels = read(write_stream(tmp_path, stream, dataset(SIGNED, bits=bits), syntax=JPEG2000Lossless))
    assert np.array_equal(stored(pixels), SIGNED)
    assert pixels.offset == -(2 ** (bits - 1))


@pytest.mark.parametrize("bits", [2, 8, 10, 13, 14, 15, 16])
def test_every_depth_is_read(tmp_path: Path, bits: int) -> None:
    values = RNG.integers(0, 2**bits, (9, 8)).astype(np.uint8 if bits <= 8 else np.uint16)
    pixels = read(write(tmp_path, dataset(values, bits=bits)))
    assert np.array_equal(pixels.values, values)
    assert (pixels.bits, pixels.values.dtype) == (bits, values.dtype)


def test_8_bits_in_16_become_bytes(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(GRADIENT % 256, bits=8)))
    assert pixels.values.dtype == np.uint8
    assert np.array_equal(pixels.values, GRADIENT % 256)


def test_stored_bits_may_lie_high(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(NOISE << 4, HighBit=15)))
    assert np.array_equal(pixels.values, NOISE)
    assert texts(pixels, "bits") == ["bits 4 to 15 of 16 used"]


def test_signed_stored_bits_may_lie_high(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(SIGNED << 4, HighBit=15)))
    assert np.array_equal(stored(pixels), SIGNED)


def test_bits_above_the_stored_ones_are_dropped(tmp_path: Path) -> None:
    assert np.array_equal(read(write(tmp_path, dataset(NOISE | 0xF000))).values, NOISE)


def test_packed_12_bit_pixels_are_read(tmp_path: Path) -> None:
    values = np.array([[0x123, 0x456, 0x789], [0xABC, 0xDEF, 0xFFF]], dtype=np.uint16)
    packed = bytes([0x23, 0x61, 0x45, 0x89, 0xC7, 0xAB, 0xEF, 0xFD, 0xFF])
    made = dataset(values, BitsAllocated=12, PixelData=packed + b"\0")
    assert np.array_equal(read(write(tmp_path, made)).values, values)


def test_single_bit_frames_begin_in_the_middle_of_a_byte(tmp_path: Path) -> None:
    frames = RNG.integers(0, 2, (3, 5, 3)).astype(np.uint8)
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    made = dataset(frames[0], BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=3, PixelData=packed)
    path = write(tmp_path, made)
    for number in range(3):
        assert np.array_equal(read(path, frame=number).values, frames[number])


@pytest.mark.parametrize("stream_bits", [8, 12])
def test_lossy_jpeg_is_read_close_to_the_original(tmp_path: Path, stream_bits: int) -> None:
    values = SMOOTH if stream_bits == 12 else (SMOOTH >> 4).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(values, 95, bitspersample=stream_bits)
    syntax = JPEGExtended12Bit if stream_bits == 12 else JPEGBaseline8Bit
    pixels = read(write_stream(tmp_path, stream, dataset(values, bits=stream_bits), syntax=syntax))
    assert np.abs(stored(pixels) - values).max() <= 2 ** (stream_bits - 7)
    assert pixels.bits == stream_bits


@pytest.mark.parametrize("syntax", [JPEGLSNearLossless, JPEG2000, HTJ2K])
def test_lossy_wavelets_and_near_lossless_are_read(tmp_path: Path, syntax: str) -> None:
    encoders = {
        JPEGLSNearLossless: lambda: imagecodecs.jpegls_encode(SMOOTH, 2),
        JPEG2000: lambda: imagecodecs.jpeg2k_encode(SMOOTH, 80, codecformat="J2K", reversible=False, bitspersample=12),
        HTJ2K: lambda: imagecodecs.htj2k_encode(SMOOTH, 0.00002, reversible=False),
    }
    pixels = read(write_stream(tmp_path, encoders[syntax](), dataset(SMOOTH), syntax=syntax))
    assert np.abs(stored(pixels) - SMOOTH).max() <= 8


def test_overshoot_of_lossy_compression_is_clipped_not_wrapped(tmp_path: Path) -> None:
    edges = np.zeros((32, 32), dtype=np.uint16)
    edges[:, ::5] = 1023
    stream = imagecodecs.jpeg8_encode(edges, 60, bitspersample=12)
    assert imagecodecs.jpeg8_decode(stream).max() > 1023
    pixels = read(write_stream(tmp_path, stream, dataset(edges, bits=10), syntax=JPEGExtended12Bit))
    assert pixels.values.max() == 1023
    assert np.array_equal(pixels.values, np.minimum(imagecodecs.jpeg8_decode(stream), 1023))
    assert texts(pixels, "bits") == ["overshoot of lossy compression clipped to 10 bits"]


def test_a_lossless_stream_with_more_bits_than_stated_is_believed(tmp_path: Path) -> None:
    pixels = read(write_stream(tmp_path, imagecodecs.jpegls_encode(NOISE), dataset(NOISE, bits=10), syntax=JPEGLSLossless))
    assert np.array_equal(pixels.values, NOISE)
    assert (pixels.bits, texts(pixels, "bits")) == (12, ["12 bits found where the header states 10"])


def test_the_stream_is_believed_over_a_wrong_transfer_syntax(tmp_path: Path) -> None:
    path = write_stream(tmp_path, imagecodecs.jpegls_encode(NOISE), dataset(NOISE), syntax=JPEGBaseline8Bit)
    assert np.array_equal(read(path).values, NOISE)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless, RLELossless])
def test_each_frame_is_read_by_its_number(tmp_path: Path, syntax: str) -> None:
    frames = RNG.integers(0, 4096, (4, 6, 5)).astype(np.uint16)
    made = dataset(frames[0], NumberOfFrames=4, PixelData=frames.tobytes())
    if syntax == ExplicitVRLittleEndian:
        path = write(tmp_path, made)
    else:
        encode = imagecodecs.jpegls_encode if syntax == JPEGLSLossless else lambda frame: rle_frames(frame)[0]
        path = write_stream(tmp_path, [encode(frame) for frame in frames], made, syntax=syntax)
    refs = frame_refs(ImageRef(path))
    assert [ref.frame for ref in refs] == [0, 1, 2, 3]
    for ref in refs:
        pixels = read(path, frame=ref.frame)
        assert np.array_equal(pixels.values, frames[ref.frame])
        assert (pixels.frames, texts(pixels, "frame")) == (4, [f"frame {ref.frame + 1} of 4"])


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="1 frames; frame 3 was asked for"):
        read(write(tmp_path, dataset()), frame=2)


def test_a_single_frame_file_gives_itself(tmp_path: Path) -> None:
    ref = ImageRef(write(tmp_path, dataset()))
    assert frame_refs(ref) == (ref,)


RGB = RNG.integers(0, 256, (10, 12, 3)).astype(np.uint8)
LUMINANCE = RGB @ np.array([0.299, 0.587, 0.114])


def test_rgb_becomes_luminance_with_a_fact(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(RGB, bits=8)))
    assert np.abs(pixels.values - LUMINANCE).max() <= 0.51
    assert texts(pixels, "luminance") == ["colours (RGB) reduced to luminance"]


def test_planar_rgb_is_read(tmp_path: Path) -> None:
    planes = np.moveaxis(RGB, -1, 0).tobytes()
    pixels = read(write(tmp_path, dataset(RGB, bits=8, PlanarConfiguration=1, PixelData=planes)))
    assert np.abs(pixels.values - LUMINANCE).max() <= 0.51


def test_a_radiograph_saved_as_rgb_keeps_its_gray_levels(tmp_path: Path) -> None:
    gray = RGB[..., 0]
    pixels = read(write(tmp_path, dataset(np.stack([gray] * 3, axis=-1), bits=8)))
    assert np.array_equal(pixels.values, gray)
    assert texts(pixels, "luminance") == ["colours (RGB, all gray) reduced to luminance"]


def test_ybr_full_gives_its_luma(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(RGB, bits=8, PhotometricInterpretation="YBR_FULL")))
    assert np.array_equal(pixels.values, RGB[..., 0])
    assert texts(pixels, "luminance") == ["colours (YBR_FULL) reduced to luminance"]


def test_uncompressed_ybr_full_422_gives_its_luma(tmp_path: Path) -> None:
    luma = RNG.integers(0, 256, (4, 6)).astype(np.uint8)
    groups = np.concatenate([luma.reshape(-1, 2), np.full((12, 2), 128, np.uint8)], axis=1)
    made = dataset(np.zeros((4, 6, 3), np.uint8), bits=8, PhotometricInterpretation="YBR_FULL_422", PixelData=groups.tobytes())
    assert np.array_equal(read(write(tmp_path, made)).values, luma)


def test_ybr_partial_luma_is_spread_over_the_full_range(tmp_path: Path) -> None:
    groups = np.array([[16, 235, 128, 128], [126, 0, 128, 128]], dtype=np.uint8)
    made = dataset(np.zeros((2, 2, 3), np.uint8), bits=8, PhotometricInterpretation="YBR_PARTIAL_422", PixelData=groups.tobytes())
    assert read(write(tmp_path, made)).values.tolist() == [[0, 255], [128, 0]]


def smooth_colours() -> np.ndarray:
    x = np.linspace(0, 255, 48)
    return np.stack([np.tile(x, (32, 1)), np.full((32, 48), 90), np.tile(x[::-1], (32, 1))], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
def test_jpeg_stored_as_luma_and_chroma_gives_its_luma(tmp_path: Path, photometric: str) -> None:
    colours = smooth_colours()
    stream = imagecodecs.jpeg8_encode(colours, 98, colorspace="RGB", outcolorspace="YCBCR")
    made = dataset(colours, bits=8, PhotometricInterpretation=photometric)
    pixels = read(write_stream(tmp_path, stream, made, syntax=JPEGBaseline8Bit))
    assert np.abs(pixels.values - colours @ np.array([0.299, 0.587, 0.114])).max() <= 3


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_jpeg_whose_components_are_named_rgb_is_rgb_whatever_the_header_says(tmp_path: Path, photometric: str) -> None:
    colours = smooth_colours()
    stream = imagecodecs.jpeg8_encode(colours, 98, colorspace="RGB", outcolorspace="RGB")
    made = dataset(colours, bits=8, PhotometricInterpretation=photometric)
    pixels = read(write_stream(tmp_path, stream, made, syntax=JPEGBaseline8Bit))
    assert np.abs(pixels.values - colours @ np.array([0.299, 0.587, 0.114])).max() <= 3


def test_jpeg_without_markers_is_what_the_header_says(tmp_path: Path) -> None:
    colours = smooth_colours()
    stream = bytearray(imagecodecs.jpeg8_encode(colours, 98, colorspace="RGB", outcolorspace="YCBCR", subsampling="444"))
    start = stream.find(b"\xff\xe0")
    del stream[start : start + 18]  # the JFIF marker
    as_luma = read(
        write_stream(tmp_path, bytes(stream), dataset(colours, bits=8, PhotometricInterpretation="YBR_FULL"), syntax=JPEGBaseline8Bit)
    )
    as_rgb = read(write_stream(tmp_path, bytes(stream), dataset(colours, bits=8, PhotometricInterpretation="RGB"), syntax=JPEGBaseline8Bit))
    components = imagecodecs.jpeg8_decode(bytes(stream), colorspace="RGB", outcolorspace="RGB")
    assert np.array_equal(as_luma.values, components[..., 0])
    assert np.abs(as_rgb.values - components @ np.array([0.299, 0.587, 0.114])).max() <= 0.51


@pytest.mark.parametrize(
    ("syntax", "encode", "photometric"),
    [
        (JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="J2K", reversible=True), "YBR_RCT"),
        (JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="J2K", reversible=True, mct=False), "RGB"),
        (HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a, reversible=True), "YBR_RCT"),
        (JPEGLSLossless, imagecodecs.jpegls_encode, "RGB"),
        (JPEGLosslessSV1, lambda a: imagecodecs.jpeg8_encode(a, lossless=True, predictor=1), "RGB"),
        (RLELossless, lambda a: rle_frames(a)[0], "RGB"),
    ],
)
def test_losslessly_compressed_colours_become_the_same_luminance(
    tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes], photometric: str
) -> None:
    made = dataset(RGB, bits=8, PhotometricInterpretation=photometric)
    assert np.abs(read(write_stream(tmp_path, encode(RGB), made, syntax=syntax)).values - LUMINANCE).max() <= 0.51


def test_a_palette_becomes_the_luminance_of_its_colours(tmp_path: Path) -> None:
    indices = np.array([[0, 1], [2, 3]], dtype=np.uint8)
    red, green, blue = ([0, 65535, 0, 100 << 8], [0, 0, 65535, 100 << 8], [0, 0, 0, 100 << 8])
    made = dataset(indices, bits=8, PhotometricInterpretation="PALETTE COLOR")
    for name, entries in (("Red", red), ("Green", green), ("Blue", blue)):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", np.array(entries, dtype="<u2").tobytes())
    pixels = read(write(tmp_path, made))
    assert np.abs(pixels.values.astype(int) - [[0, 0.299 * 65535], [0.587 * 65535, 25600]]).max() <= 2  # of 65535: fixed-point weights
    assert (pixels.bits, texts(pixels, "luminance")) == (16, ["colours (PALETTE COLOR) reduced to luminance"])


def test_windows_and_rescaling_are_not_applied_to_colours(tmp_path: Path) -> None:
    pixels = read(write(tmp_path, dataset(RGB, bits=8, WindowCenter=10, WindowWidth=20, RescaleSlope=5)))
    assert (pixels.windows, pixels.slope) == ((), 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 bits deep"),
        ({"SamplesPerPixel": 4}, "4 samples a pixel"),
        ({"Rows": None}, "Rows is missing"),
        ({"Columns": 0}, "Columns is missing"),
        ({"BitsAllocated": None}, "BitsAllocated is missing"),
        ({"PhotometricInterpretation": "HSV", "SamplesPerPixel": 3, "Rows": 4}, "colour space 'HSV'"),
        ({"PixelData": None}, "holds no pixel data"),
        ({"NumberOfFrames": 2}, "cut short: 0 of 240 bytes"),
        ({"PixelData": GRADIENT.tobytes()[:-2]}, "cut short: 238 of 240 bytes"),
    ],
)
def test_headers_that_cannot_be_followed_are_refused_with_a_reason(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    path = write(tmp_path, dataset(**changes))
    with pytest.raises(UnreadableImage, match=words) as caught:
        read(path, frame=int(changes.get("NumberOfFrames") == 2))
    assert caught.value.subject.startswith(str(path))
    assert caught.value.hint


def test_a_number_of_frames_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="NumberOfFrames is no number"):
        read(write(tmp_path, raw(dataset(), "NumberOfFrames", "IS", b"1A")))


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    made = dataset(PixelData=None, FloatPixelData=GRADIENT.astype(np.float32).tobytes())
    with pytest.raises(UnreadableImage, match="floating-point"):
        read(write(tmp_path, made))


def test_objects_without_a_picture_are_told_by_name(tmp_path: Path) -> None:
    made = item(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", SOPInstanceUID="1.2", Modality="SR")
    with pytest.raises(NotAnImage, match=r"no picture \(Basic Text SR Storage\)"):
        read(write(tmp_path, made))


def test_video_is_refused(tmp_path: Path) -> None:
    path = write_stream(tmp_path, b"\0\0\1\xba" * 10, dataset(), syntax="1.2.840.10008.1.2.4.102")
    with pytest.raises(UnreadableImage, match="a video"):
        read(path)


def test_a_stream_of_another_size_than_the_header_is_refused(tmp_path: Path) -> None:
    path = write_stream(tmp_path, imagecodecs.jpegls_encode(NOISE), dataset(), syntax=JPEGLSLossless)
    with pytest.raises(UnreadableImage, match="31×24, the header says 10×12"):
        read(path)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_a_stream_that_is_cut_short_is_refused(tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes]) -> None:
    stream = encode(NOISE)
    path = write_stream(tmp_path, stream[: len(stream) * 2 // 3], dataset(NOISE), syntax=syntax)
    with pytest.raises(UnreadableImage, match=r"cut short|cannot be decoded"):
        read(path)


def test_damage_inside_an_htj2k_stream_is_refused_and_not_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = RNG.integers(0, 4096, (300, 400)).astype(np.uint16)
    stream = imagecodecs.htj2k_encode(values, reversible=True)
    half = len(stream) // 2
    damaged = stream[:half] + bytes(len(stream) - half - 2) + stream[-2:]
    with pytest.raises(UnreadableImage, match="HTJ2K picture cannot be decoded"):
        read(write_stream(tmp_path, damaged, dataset(values), syntax=HTJ2KLossless))
    assert capfd.readouterr() == ("", "")


def test_a_file_that_declares_too_many_pixels_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    with pytest.raises(ImageTooLarge, match="65535×65535 = 4,294,836,225 pixels"):
        read(write(tmp_path, dataset(Rows=65535, Columns=65535)))


def test_limits_are_those_that_are_passed_in(tmp_path: Path) -> None:
    path = write(tmp_path, dataset(NumberOfFrames=5, PixelData=GRADIENT.tobytes() * 5))
    assert read(path, limits=Limits(max_pixels=120)).values.size == 120
    with pytest.raises(ImageTooLarge, match="at most 119"):
        read(path, limits=Limits(max_pixels=119))
    with pytest.raises(ImageTooLarge, match="5 frames; at most 4"):
        read(path, limits=Limits(max_frames=4))
    with pytest.raises(ImageTooLarge, match="longer than 0 seconds"):
        read(path, limits=Limits(seconds=0.0))
    with pytest.raises(ImageTooLarge, match="bytes at once; at most 100"):
        read(path, limits=Limits(max_bytes=100))


def test_a_deflated_bomb_is_refused(tmp_path: Path) -> None:
    made = dataset(np.zeros((2000, 2000), np.uint16), bits=16)
    path = write(tmp_path, made, syntax=DeflatedExplicitVRLittleEndian)
    with pytest.raises(ImageTooLarge, match="bytes at once"):
        read(path, limits=Limits(max_bytes=1_000_000))
    with pytest.raises(ImageTooLarge, match="decompression bomb"):
        read(path, limits=Limits(ratio_free_bytes=1_000_000))


def test_info_tells_what_the_file_says(tmp_path: Path) -> None:
    made = dataset(
        PatientID="P1",
        PatientName="Doe^Jane",
        PatientSex="F",
        PatientAge="061Y",
        ViewPosition="PA",
        BodyPartExamined="CHEST",
        StudyInstanceUID="1.2.5",
        StudyDate="20200102",
        StudyDescription="Thorax",
        SeriesInstanceUID="1.2.6",
        ImageLaterality="U",
        Manufacturer="Maker",
        PatientOrientation=["L", "F"],
    )
    pixels = read(write(tmp_path, made))
    info = pixels.info
    assert (info.format, info.modality, info.view, info.body_part) == ("DICOM, uncompressed", "DX", "PA", "CHEST")
    assert (info.patient_id, info.patient_name, info.patient_sex, info.patient_age) == ("P1", "Doe^Jane", "F", "061Y")
    assert (info.study_uid, info.study_date, info.study_description) == ("1.2.5", "20200102", "Thorax")
    assert (info.series_uid, info.sop_instance_uid, info.laterality, info.manufacturer) == ("1.2.6", "1.2.3.4", "U", "Maker")
    assert texts(pixels, "orientation") == ["rows run towards L, columns towards F"]


def test_the_view_may_be_coded(tmp_path: Path) -> None:
    made = dataset(ViewCodeSequence=[item(CodeValue="R-10214", CodeMeaning="postero-anterior")])
    assert read(write(tmp_path, made)).info.view == "postero-anterior"


def test_no_fact_and_no_error_names_the_patient(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = dataset(PatientName="Secret^Name", PatientID="SECRET" * 30)
    for keyword, vr in (("WindowCenter", "DS"), ("WindowWidth", "DS"), ("StudyDate", "DA"), ("PatientAge", "AS")):
        raw(made, keyword, vr, b"Secret^Name ")
    pixels = read(write(tmp_path, made))
    assert texts(pixels, "irregular")
    assert not [fact for fact in pixels.facts if "secret" in fact.text.lower()]
    assert "secret" not in caplog.text.lower()


def test_tags_are_listed_with_those_in_sequences(tmp_path: Path) -> None:
    made = dataset(PatientName="Doe^Jane", VOILUTSequence=[item(LUTDescriptor=[3, 0, 16], LUTExplanation="HARD")], ReasonForStudy="x" * 500)
    made["VOILUTSequence"][0]["LUTDescriptor"].VR = "US"
    tags = {tag.path: tag for tag in read_tags(ImageRef(write(tmp_path, made)))}
    assert (tags["(0010,0010)"].keyword, tags["(0010,0010)"].vr, tags["(0010,0010)"].value) == ("PatientName", "PN", "Doe^Jane")
    assert tags["(0028,3010)"].value == "1 item"
    assert tags["(0028,3010)[0].(0028,3002)"].value == "3\\0\\16"
    assert tags["(0028,3010)[0].(0028,3003)"].value == "HARD"
    assert tags["(0002,0010)"].keyword == "TransferSyntaxUID"
    assert tags["(0032,1030)"].value == "x" * 200 + "…"
    assert "(7FE0,0010)" not in tags
