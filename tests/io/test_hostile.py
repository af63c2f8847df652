"""Damaged and hostile files: read, or refused in words and in time, whatever the bytes."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxrview.core.errors import CxrError, ImageTooLarge, UnreadableImage
from cxrview.core.image import ImageRef
from cxrview.core.voi import display_facts, display_table
from cxrview.io.limits import Limits
from cxrview.io.read import find_images, frame_refs, read_pixels, read_tags
from cxrview.io.swallowed import swallowed_errors
from tests.io.dicom_files import dataset, item, read, write, write_stream

VALUES = np.random.default_rng(1).integers(0, 4096, (24, 31)).astype(np.uint16)
COLOURS = np.random.default_rng(2).integers(0, 256, (13, 17, 3)).astype(np.uint8)
PATIENCE_S = 60.0  # for one file; a busy machine is slow, but nothing may take minutes


def saved(picture: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.png", imagecodecs.png_encode(VALUES))
        archive.writestr("notes", "nothing")
    return buffer.getvalue()


def rle(values: np.ndarray) -> bytes:
    from pydicom.pixels import get_encoder

    return bytes(get_encoder(RLELossless).encode(dataset(values), encoding_plugin="pydicom"))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Good files of every kind, to be damaged."""
    folder = tmp_path_factory.mktemp("seeds")
    streams = {
        JPEGLosslessSV1: imagecodecs.jpeg8_encode(VALUES, lossless=True, bitspersample=12),
        JPEGLSLossless: imagecodecs.jpegls_encode(VALUES),
        JPEG2000Lossless: imagecodecs.jpeg2k_encode(VALUES, 0, codecformat="J2K", reversible=True),
        HTJ2KLossless: imagecodecs.htj2k_encode(VALUES, reversible=True),
        RLELossless: rle(VALUES),
    }
    detailed = dataset(
        VALUES,
        WindowCenter=["1", "2"],
        WindowWidth=["3", "4"],
        ShutterShape="CIRCULAR",
        CenterOfCircularShutter=[6, 5],
        RadiusOfCircularShutter=3,
        PixelSpacing=[0.1, 0.1],
        PixelPaddingValue=3,
        PerFrameFunctionalGroupsSequence=[item(FrameVOILUTSequence=[item(WindowCenter="1", WindowWidth="2")])],
    )
    files = [write_stream(folder, stream, dataset(VALUES), syntax=syntax).read_bytes() for syntax, stream in streams.items()]
    files += [
        write(folder, detailed, syntax=syntax).read_bytes()
        for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.1")
    ]
    files += [
        imagecodecs.png_encode(VALUES),
        imagecodecs.tiff_encode(VALUES, compression="deflate"),
        imagecodecs.jpeg2k_encode(VALUES, 0, codecformat="JP2", reversible=True),
        saved(COLOURS, "JPEG", progressive=True),
        saved(COLOURS, "TIFF", compression="tiff_lzw"),
        saved(COLOURS, "BMP"),
        saved(COLOURS, "WEBP", lossless=True),
        zipped(),
    ]
    return files


damages = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=4).map(lambda new: ("overwrite", new)),
            st.binary(min_size=1, max_size=8).map(lambda new: ("insert", new)),
            st.integers(1, 60).map(lambda count: ("delete", bytes(count))),
            st.just(("cut", b"")),
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"]).map(lambda new: ("overwrite", new)),
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, harm: list[tuple[float, tuple[str, bytes], bool]]) -> bytes:
    """Do the harm, half of it in the header."""
    bytes_now = bytearray(content)
    for where, (what, new), is_in_header in harm:
        position = int(where * (min(len(bytes_now), 700) if is_in_header else len(bytes_now)))
        match what:
            case "overwrite":
                bytes_now[position : position + len(new)] = new
            case "insert":
                bytes_now[position:position] = new
            case "delete":
                del bytes_now[position : position + len(new)]
            case "cut":
                del bytes_now[position:]
    return bytes(bytes_now)


def look_at(path: Path) -> None:
    """Do with a file all that the program does; only refusals in words may come of it."""
    start = time.monotonic()
    refusals: list[tuple[str, str]] = []
    for ref in find_images([path]).refs or (ImageRef(path),):
        for look in (read_pixels, frame_refs, read_tags):
            try:
                result = look(ref)
            except CxrError as error:
                refusals.append((error.message, error.subject))
            else:
                if look is read_pixels:
                    assert result.values.ndim == 2
                    assert int(result.values.max()) < 2**result.bits
                    assert display_table(result).dtype == np.uint8
                    assert display_facts(result)
    assert all(message and subject for message, subject in refusals)
    assert time.monotonic() - start < PATIENCE_S


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), harm=damages)
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path, seeds: list[bytes], data: st.DataObject, harm: list[tuple[float, tuple[str, bytes], bool]]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(damaged(data.draw(st.sampled_from(seeds)), harm))
    look_at(path)


MAGICS = [
    b"",
    bytes(128) + b"DICM",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"BM",
    b"RIFF\0\0\0\0WEBP",
    b"PK\x03\x04",
    b"\xff\x4f\xff\x51",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(magic=st.sampled_from(MAGICS), content=st.binary(max_size=600))
def test_random_bytes_are_read_or_refused(tmp_path: Path, magic: bytes, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(magic + content)
    look_at(path)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_every_kind_of_file_may_be_cut_anywhere(tmp_path: Path, seeds: list[bytes], share: float) -> None:
    for number, content in enumerate(seeds):
        path = tmp_path / f"file{number}"
        path.write_bytes(content[: int(len(content) * share)])
        look_at(path)


def grid(**changes: int) -> bytes:
    """Make an HTJ2K stream whose reference grid is changed."""
    stream = bytearray(imagecodecs.htj2k_encode(VALUES, reversible=True))
    places = {"right": 8, "left": 16, "tile_width": 24, "tile_height": 28, "tile_left": 32}
    for name, value in changes.items():
        stream[places[name] : places[name] + 4] = value.to_bytes(4, "big")
    return bytes(stream)


@pytest.mark.parametrize(
    "changes",
    [{"tile_left": 0xFFFF0000}, {"left": 0xFF800000}, {"tile_width": 0}, {"right": 0}, {"right": 0xFFFFFFFF, "left": 0xFFFFFFE0}],
)
def test_a_jpeg_2000_grid_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, int]) -> None:
    """OpenJPH walks over such a grid for hours."""
    path = tmp_path / "film.j2k"
    path.write_bytes(grid(**changes))
    with pytest.raises(UnreadableImage, match="make no sense"):
        read(path)


def test_more_tiles_than_the_standard_allows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.j2k"
    path.write_bytes(grid(right=70_000, tile_width=1))
    with pytest.raises(UnreadableImage, match="more tiles"):
        read(path)


@pytest.mark.parametrize("header", [[2, 64, 10**6], [2, 64, 64], [2, 3, 100], [0, 0, 0], [15, 64, 65], [0xFFFFFFFF, 64, 80]])
def test_an_rle_header_that_leads_outside_is_refused(tmp_path: Path, header: list[int]) -> None:
    """The decoder would follow it out of its memory."""
    stream = np.array(header, "<u4").tobytes() + rle(VALUES)[12:]
    with pytest.raises(UnreadableImage, match="RLE stream has a header that does not fit"):
        read(write_stream(tmp_path, stream, dataset(VALUES), syntax=RLELossless))


def test_a_stream_that_would_unpack_to_thousands_of_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.j2k"
    path.write_bytes(imagecodecs.jpeg2k_encode(np.zeros((2000, 2000), np.uint8), 0, reversible=True))
    assert read(path).values.shape == (2000, 2000)
    with pytest.raises(ImageTooLarge, match="decompression bomb"):
        read(path, limits=Limits(ratio_free_bytes=1_000_000))


def test_many_threads_read_at_once_and_nothing_is_printed(tmp_path: Path, seeds: list[bytes], capfd: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(3).integers(0, 4096, (200, 300)).astype(np.uint16)
    good = imagecodecs.htj2k_encode(values, reversible=True)
    bad = good[: len(good) // 2] + bytes(len(good) // 2 - 2) + good[-2:]
    paths = [tmp_path / f"{number}.j2k" for number in range(12)]
    for number, path in enumerate(paths):
        path.write_bytes(bad if number % 2 else good)
    outcomes: dict[Path, str] = {}

    def attempt(path: Path) -> None:
        try:
            outcomes[path] = "good" if np.array_equal(read(path).values, values) else "wrong"
        except UnreadableImage:
            outcomes[path] = "refused"

    threads = [threading.Thread(target=attempt, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes[path] for path in paths] == ["good", "refused"] * 6
    assert capfd.readouterr() == ("", "")


def test_errors_of_threads_that_do_not_listen_go_where_they_went_before(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    seen: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: seen.append(error))
    monkeypatch.setattr(sys, "unraisablehook", lambda report: seen.append(report))
    hooks = sys.excepthook, sys.unraisablehook
    error = RuntimeError("mine")
    with swallowed_errors() as errors:
        sys.excepthook(RuntimeError, error, None)
        other = threading.Thread(target=lambda: sys.excepthook(ValueError, ValueError("theirs"), None))
        other.start()
        other.join()
    assert errors == [error]
    assert [str(found) for found in seen] == ["theirs"]
    assert (sys.excepthook, sys.unraisablehook) == hooks


@pytest.mark.parametrize("make", [lambda: b"", lambda: bytes(10_000), lambda: b"GIF89a" + bytes(100), lambda: b"PK" + bytes(30)])
def test_files_named_dcm_that_are_something_else_are_refused(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(make())
    with pytest.raises(CxrError, match="no picture that is read here"):
        read(path)
