"""Finding pictures in folders, archives and on discs."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cxrview.core.errors import ImageTooLarge, NotAnImage, UnreadableImage
from cxrview.core.image import ImageRef
from cxrview.io.limits import Limits
from cxrview.io.read import find_images, frame_refs, read_pixels, read_tags
from tests.io.dicom_files import GRADIENT, dataset, item, read, write, write_bare

PNG = imagecodecs.png_encode(np.arange(30, dtype=np.uint8).reshape(5, 6))


def put(path: Path, content: bytes = PNG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def names(found: object, folder: Path) -> list[str]:
    return [str(ref).removeprefix(f"{folder}{os.sep}").replace(os.sep, "/") for ref in found.refs]  # type: ignore[attr-defined]


def test_folders_are_searched_by_suffix_and_by_content(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "b" / "picture-without-suffix")
    put(tmp_path / "b" / "c" / "broken.dcm", b"no DICOM")
    write(tmp_path / "b", dataset(), name="IM0001")
    write_bare(tmp_path / "b", dataset(), is_implicit=True, name="IM0002")
    put(tmp_path / "table.csv", b"a,b\n1,2\n")
    put(tmp_path / "note.txt", b"text")
    put(tmp_path / "empty", b"")
    found = find_images([tmp_path])
    assert names(found, tmp_path) == ["a.png", "b/c/broken.dcm", "b/IM0001", "b/IM0002", "b/picture-without-suffix"]
    assert (found.others, found.problems) == (3, ())
    assert [ref.frame for ref in found.refs] == [0] * 5


def test_hidden_files_are_counted_and_hidden_folders_left_alone(tmp_path: Path) -> None:
    put(tmp_path / ".hidden.png")
    put(tmp_path / ".cache" / "a.png")
    put(tmp_path / "seen.png")
    found = find_images([tmp_path])
    assert (names(found, tmp_path), found.others) == (["seen.png"], 1)


def test_refs_come_in_natural_order_and_once(tmp_path: Path) -> None:
    paths = [put(tmp_path / name) for name in ("film 10.png", "film 2.png", "Film 1.png")]
    found = find_images([*paths, tmp_path])
    assert names(found, tmp_path) == ["Film 1.png", "film 2.png", "film 10.png"]


def test_names_mixing_letters_and_numbers_can_be_sorted(tmp_path: Path) -> None:
    for name in ("1.png", "a.png", "²3.png", "1a.png", "a1.png"):
        put(tmp_path / name)
    assert len(find_images([tmp_path]).refs) == 5


def test_what_is_not_there_is_a_problem(tmp_path: Path) -> None:
    found = find_images([tmp_path / "nowhere"])
    assert [(problem.path, problem.reason) for problem in found.problems] == [(tmp_path / "nowhere", "There is no such file or folder.")]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path / "a" / "film.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names(find_images([tmp_path]), tmp_path) == ["a/film.png"]


def test_members_of_archives_are_found_and_read(tmp_path: Path) -> None:
    film = write(tmp_path, dataset(), name="source").read_bytes()
    (tmp_path / "source").unlink()
    members = {"a/b.png": PNG, "IM1": film, "note.txt": b"text", "__MACOSX/._b.png": PNG, ".hidden.png": PNG, "inner.zip": b"PK\x03\x04"}
    path = zipped(tmp_path / "films.zip", members)
    found = find_images([tmp_path])
    assert found.refs == (ImageRef(path, "a/b.png"), ImageRef(path, "IM1"))
    assert found.others == 4
    assert np.array_equal(read(path, member="IM1").values, GRADIENT)
    assert read(path, member="a/b.png").values.shape == (5, 6)
    assert frame_refs(found.refs[1]) == (found.refs[1],)
    assert any(tag.keyword == "Modality" for tag in read_tags(found.refs[1]))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_members_are_read(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "films.zip", {"film": PNG}, method)
    assert find_images([path]).refs == (ImageRef(path, "film"),)
    assert read(path, member="film").values.shape == (5, 6)


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {"film.png": PNG}, zipfile.ZIP_BZIP2)
    with pytest.raises(UnreadableImage, match="packed by method 12"):
        read(path, member="film.png")


def test_documents_that_are_archives_inside_are_not_opened(tmp_path: Path) -> None:
    zipped(tmp_path / "letter.docx", {"word/media/image1.png": PNG})
    found = find_images([tmp_path])
    assert (found.refs, found.others) == ((), 1)


def test_a_broken_archive_is_a_problem(tmp_path: Path) -> None:
    path = put(tmp_path / "broken.zip", b"PK\x03\x04" + bytes(100))
    (problem,) = find_images([tmp_path]).problems
    assert (problem.path, problem.reason) == (
        path,
        "The ZIP archive cannot be opened: its directory is missing or damaged. Copy or download the archive again.",
    )


@pytest.mark.parametrize("content", [b"", b"KP\x03\x04" + bytes(100)])
def test_what_is_only_called_an_archive_is_a_problem(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path / "Films.ZIP", content)
    (problem,) = find_images([tmp_path]).problems
    assert (problem.path, problem.reason) == (path, "The file is called an archive but is none: it is empty, damaged or not complete.")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {"film.png": PNG})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match="encrypted"):
        read(path, member="film.png")


def test_damaged_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {"film.png": PNG}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.find(PNG) + 40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match="size or checksum is wrong"):
        read(path, member="film.png")


def test_a_member_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {"film.png": PNG})
    with pytest.raises(UnreadableImage, match=r"films\.zip!other\.png: The archive has no such member"):
        read(path, member="other.png")


def test_an_archive_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {"film.png": PNG})
    assert read(path, member="film.png").values.shape == (5, 6)
    zipped(path, {"another.png": imagecodecs.png_encode(GRADIENT)})
    assert read(path, member="another.png").values.shape == (12, 10)


def test_a_zip_bomb_is_refused_by_its_ratio_and_by_its_size(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"film.png": PNG + bytes(3_000_000)})
    with pytest.raises(ImageTooLarge, match="decompression bomb"):
        read(path, member="film.png", limits=Limits(ratio_free_bytes=1_000_000))
    with pytest.raises(ImageTooLarge, match="bytes at once; at most 1,000,000"):
        read(path, member="film.png", limits=Limits(max_bytes=1_000_000))


def test_a_member_that_lies_about_its_size_is_not_unpacked_further(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"film.png": PNG + bytes(50_000_000)})
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.find(b"PK\x01\x02") + 24, 100)
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match="size or checksum is wrong"):
        read(path, member="film.png")


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"film.png": os.urandom(5000)})
    content = bytearray(path.read_bytes())
    directory = content.find(b"PK\x01\x02")
    end = content.find(b"PK\x05\x06")
    entry = content[directory:end]
    bomb = content[:directory] + entry * 50 + content[end:]
    struct.pack_into("<HHL", bomb, len(bomb) - 22 + 8, 50, 50, len(entry) * 50)
    path.write_bytes(bomb)
    (problem,) = find_images([path]).problems
    assert problem.reason.startswith("The members of the archive overlap")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "films.zip", {f"{number}.png": PNG for number in range(5)})
    (problem,) = find_images([path], limits=Limits(max_members=4)).problems
    assert "5 members; at most 4" in problem.reason


def disc(folder: Path) -> Path:
    """Write three films and the index that names them."""
    records = [item(DirectoryRecordType="PATIENT"), item(DirectoryRecordType="STUDY"), item(DirectoryRecordType="SERIES")]
    for number in range(3):
        (folder / "disc" / "DICOM").mkdir(parents=True, exist_ok=True)
        write(folder / "disc" / "DICOM", dataset(GRADIENT + number), name=f"IM{number}")
        records.append(item(DirectoryRecordType="IMAGE", ReferencedFileID=["DICOM", f"IM{number}"]))
    records.append(item(DirectoryRecordType="SR DOCUMENT", ReferencedFileID=["DICOM", "SR0"]))
    index = item(SOPClassUID="1.2.840.10008.1.3.10", FileSetID="DISC", DirectoryRecordSequence=records)
    write(folder / "disc", index, name="DICOMDIR")
    return folder / "disc"


def test_the_pictures_of_a_dicomdir_are_found_once(tmp_path: Path) -> None:
    folder = disc(tmp_path)
    by_index = find_images([folder / "DICOMDIR"])
    assert len(by_index.refs) == 3
    assert by_index.problems == ()
    assert find_images([folder]).refs == by_index.refs
    assert sorted(int(read_pixels(ref).values[0, 0]) for ref in by_index.refs) == [0, 1, 2]


def test_files_that_the_dicomdir_misses_are_problems(tmp_path: Path) -> None:
    folder = disc(tmp_path)
    gone = folder / "DICOM" / "IM1"
    gone.unlink()
    found = find_images([folder])
    assert len(found.refs) == 2
    assert [(problem.path, problem.reason) for problem in found.problems] == [(gone, "The DICOMDIR names this file, but it is not here.")]


def test_a_disc_copied_in_lower_case_is_read(tmp_path: Path) -> None:
    folder = disc(tmp_path)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    found = find_images([folder / "DICOMDIR"])
    assert (len(found.refs), found.problems) == (3, ())


@pytest.mark.parametrize("parts", [["..", "SECRET.DCM"], ["DICOM", "..", "..", "SECRET.DCM"], ["/SECRET.DCM"], ["C:", "SECRET.DCM"]])
def test_a_dicomdir_cannot_lead_out_of_its_folder(tmp_path: Path, parts: list[str]) -> None:
    put(tmp_path / "SECRET.DCM")
    index = item(SOPClassUID="1.2.840.10008.1.3.10", DirectoryRecordSequence=[item(DirectoryRecordType="IMAGE", ReferencedFileID=parts)])
    folder = tmp_path / "disc"
    folder.mkdir()
    found = find_images([write(folder, index, name="DICOMDIR")])
    assert found.refs == ()
    assert [problem.reason for problem in found.problems] == ["The DICOMDIR names a file outside its folder."]


def test_an_empty_dicomdir_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, item(SOPClassUID="1.2.840.10008.1.3.10"), name="DICOMDIR")
    assert [problem.reason for problem in find_images([path]).problems] == ["The DICOMDIR lists no files. Open the folder itself instead."]


@pytest.mark.parametrize("name", ["DICOMDIR", "films.zip"])
def test_containers_are_no_pictures_themselves(tmp_path: Path, name: str) -> None:
    folder = disc(tmp_path)
    zipped(folder / "films.zip", {"a.png": PNG})
    with pytest.raises(NotAnImage, match="names pictures but is none"):
        read(folder / name)


def test_a_folder_is_refused_as_a_picture(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read(tmp_path)
    assert caught.value.subject == str(tmp_path)


def test_a_name_is_enough_so_that_large_folders_are_listed_without_opening_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"{number}.jpg").touch()

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise AssertionError(f"opened {path}")

    monkeypatch.setattr(Path, "open", refuse)
    assert len(find_images([tmp_path]).refs) == 50


@pytest.mark.skipif(os.name == "nt", reason="no pipes in folders on Windows")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.dcm")
    found = find_images([tmp_path, tmp_path / "pipe"])
    assert (found.refs, found.others) == ((), 2)
    assert [problem.reason for problem in found.problems] == ["This is neither a file nor a folder."]
