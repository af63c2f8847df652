"""What a file is, told by its first bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrview.io.sniff import HEAD_BYTES, Kind, describe, has_image_name, sniff
from tests.io.dicom_files import dataset, write, write_bare


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("PNG", Kind.PNG), ("JPEG", Kind.JPEG), ("TIFF", Kind.TIFF), ("BMP", Kind.BMP), ("WEBP", Kind.WEBP), ("JPEG2000", Kind.JPEG_2000)],
)
def test_raster_formats_are_told_by_content(name: str, kind: Kind) -> None:
    assert sniff(encoded(name)[:HEAD_BYTES]) is kind


@pytest.mark.parametrize("head", [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"MM\0*\0\0\0\x08"])
def test_tiff_of_either_order_and_size_is_told(head: bytes) -> None:
    assert sniff(head) is Kind.TIFF


def test_a_bare_codestream_is_jpeg_2000() -> None:
    assert sniff(b"\xff\x4f\xff\x51\x00\x29") is Kind.JPEG_2000


def test_dicom_is_told_by_its_preamble(tmp_path: Path) -> None:
    assert sniff(write(tmp_path, dataset()).read_bytes()[:HEAD_BYTES]) is Kind.DICOM


@pytest.mark.parametrize("preamble", [b"II*\0", b"MM\0*", b"PK\x03\x04", b"\xff\xd8\xff\xe0"])
def test_dicom_whose_preamble_looks_like_another_format_is_dicom(tmp_path: Path, preamble: bytes) -> None:
    content = write(tmp_path, dataset()).read_bytes()
    assert sniff(preamble + content[len(preamble) : HEAD_BYTES]) is Kind.DICOM


@pytest.mark.parametrize(("is_implicit", "is_little_endian"), [(True, True), (False, True), (False, False)])
def test_dicom_without_preamble_is_told_by_its_elements(tmp_path: Path, is_implicit: bool, is_little_endian: bool) -> None:
    path = write_bare(tmp_path, dataset(), is_implicit=is_implicit, is_little_endian=is_little_endian)
    assert sniff(path.read_bytes()[:HEAD_BYTES]) is Kind.DICOM


def test_file_meta_without_preamble_is_dicom(tmp_path: Path) -> None:
    assert sniff(write(tmp_path, dataset()).read_bytes()[132 : 132 + HEAD_BYTES]) is Kind.DICOM


def test_a_dicomdir_is_told_from_a_picture(tmp_path: Path) -> None:
    made = dataset(SOPClassUID="1.2.840.10008.1.3.10", PixelData=None)
    assert sniff(write(tmp_path, made).read_bytes()[:HEAD_BYTES]) is Kind.DICOMDIR


@given(st.binary(max_size=300))
def test_random_bytes_are_nothing(head: bytes) -> None:
    if head[:2] not in (b"BM", b"II", b"MM", b"PK", b"\xff\xd8", b"\xff\x4f") and not head.startswith((b"\x02\0", b"\x08\0", b"\0\x08")):
        assert sniff(head) is None


@pytest.mark.parametrize("size", range(0, 200, 7))
def test_the_head_of_a_file_may_be_short(tmp_path: Path, size: int) -> None:
    assert sniff(write(tmp_path, dataset()).read_bytes()[:size]) in (None, Kind.DICOM)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "an empty file"),
        (b"\n <!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "an XML document"),
        (b"%PDF-1.7", "a PDF document"),
        (b"GIF89a", "a GIF picture"),
        (b"path,label\na.png,1\n", "text"),
        ("Grüße".encode(), "text"),
        (bytes(50), "empty space (zero bytes)"),
        (b"\x01\x02\x03\x80\xff", "data of an unknown kind"),
        (b"\x1f\x8b\x08", "a gzip archive"),
    ],
)
def test_strangers_are_described(head: bytes, words: str) -> None:
    assert describe(head) == words


@pytest.mark.parametrize("name", ["a.dcm", "A.DCM", "x/y.Jpeg", "b.tif", "c.TIFF", "d.png", "e.webp", "f.jp2", "g.j2k", "h.bmp", "i.ima"])
def test_image_names_are_known(name: str) -> None:
    assert has_image_name(name)


@pytest.mark.parametrize("name", ["a.csv", "dcm", "a.dcm.txt", ".png", "README", "a.zip", "a.json"])
def test_other_names_are_not_image_names(name: str) -> None:
    assert not has_image_name(name)
