"""Model files: a package that goes through one comes out the same, and hostile files leave nothing behind."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrview.core.errors import CxrError, ManifestError, PackageError
from cxrview.engine.model_file import add_model, pack_model, unpacked_model
from cxrview.engine.packages import load_package
from cxrview.io.places import places

Write = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def model_file(fake_model: Path, tmp_path: Path) -> Path:
    return pack_model(load_package(fake_model), tmp_path / "fake.cxrmodel")


def archive(target: Path, write: Write) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        write(made)
    return target


def with_package(folder: Path, write: Write) -> Write:
    """Give what writes a good package and then something else."""

    def both(made: zipfile.ZipFile) -> None:
        for path in sorted(folder.rglob("*")):
            made.write(path, path.relative_to(folder))
        write(made)

    return both


def nothing_is_left(tmp_path: Path) -> bool:
    return not places().models_dir.exists() and not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()


def test_a_package_comes_out_of_its_file_as_it_went_in(model_file: Path, fake_model: Path) -> None:
    added = add_model(model_file)
    assert added.folder == places().models_dir / "fake"
    assert added.sha256 == load_package(fake_model).sha256
    assert [path.name for path in places().models_dir.iterdir()] == ["fake"]


def test_the_same_package_gives_the_same_bytes(model_file: Path, fake_model: Path, tmp_path: Path) -> None:
    again = pack_model(load_package(fake_model), tmp_path / "again.cxrmodel")
    assert again.read_bytes() == model_file.read_bytes()


def test_a_folder_is_still_a_way_in(fake_model: Path) -> None:
    assert add_model(fake_model).manifest.id == "fake"


def test_an_archive_of_the_folder_itself_is_taken_too(fake_model: Path, tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        for path in sorted(fake_model.rglob("*")):
            made.write(path, Path("my model") / path.relative_to(fake_model))

    assert add_model(archive(tmp_path / "folder.cxrmodel", write)).manifest.id == "fake"


def test_a_model_file_has_its_own_suffix(fake_model: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cxrmodel"):
        pack_model(load_package(fake_model), tmp_path / "fake.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil", "a\0/../evil", "./evil", "a//evil"])
def test_a_name_that_leads_out_is_refused(fake_model: Path, tmp_path: Path, name: str) -> None:
    def write(made: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name  # ZipInfo itself would make the name harmless
        made.writestr(entry, b"evil")

    hostile = archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, write))
    with pytest.raises(PackageError, match="leads out") as caught:
        add_model(hostile)
    assert caught.value.subject == str(hostile)
    assert nothing_is_left(tmp_path)


def test_a_link_is_refused(fake_model: Path, tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, "/etc/passwd")

    with pytest.raises(PackageError, match="link or a device"):
        add_model(archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, write)))
    assert nothing_is_left(tmp_path)


def test_a_bomb_is_refused_before_it_unpacks(fake_model: Path, tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        made.writestr("zeros", bytes(100_000_000))

    with pytest.raises(PackageError, match="bomb"):
        add_model(archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, write)))
    assert nothing_is_left(tmp_path)


def test_a_member_that_declares_less_than_it_unpacks_to_is_refused(fake_model: Path, tmp_path: Path) -> None:
    honest = archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, lambda made: made.writestr("zeros", bytes(5_000_000))))
    size = (5_000_000).to_bytes(4, "little")
    content = honest.read_bytes()
    assert content.count(size) == 2  # once before the member, once in the directory
    honest.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(CxrError):
        add_model(honest)
    assert nothing_is_left(tmp_path)


def test_too_many_files_are_refused(fake_model: Path, tmp_path: Path) -> None:
    def write(made: zipfile.ZipFile) -> None:
        for index in range(300):
            made.writestr(f"{index}", b"")

    with pytest.raises(PackageError, match="at most"):
        add_model(archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, write)))
    assert nothing_is_left(tmp_path)


def test_names_that_differ_only_in_case_are_refused(fake_model: Path, tmp_path: Path) -> None:
    hostile = archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, lambda made: made.writestr("MODEL.toml", b"id = 1")))
    with pytest.raises(PackageError, match="same name"):
        add_model(hostile)


def test_a_file_that_the_manifest_does_not_name_is_refused(fake_model: Path, tmp_path: Path) -> None:
    hostile = archive(tmp_path / "hostile.cxrmodel", with_package(fake_model, lambda made: made.writestr("surplus.txt", b"hello")))
    with pytest.raises(PackageError, match=r"surplus\.txt") as caught:
        add_model(hostile)
    assert caught.value.subject == str(hostile)
    assert nothing_is_left(tmp_path)


def test_a_changed_file_inside_is_refused(fake_model: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(fake_model, tmp_path / "changed")
    (changed / "CARD.md").write_text("I am much better than I was")
    hostile = archive(tmp_path / "hostile.cxrmodel", with_package(changed, lambda _: None))
    with pytest.raises(PackageError, match="SHA-256"):
        add_model(hostile)
    assert nothing_is_left(tmp_path)


def test_a_wrong_manifest_names_the_file_that_was_opened(tmp_path: Path) -> None:
    hostile = archive(tmp_path / "hostile.cxrmodel", lambda made: made.writestr("model.toml", b"id = 1"))
    with pytest.raises(ManifestError) as caught:
        add_model(hostile)
    assert caught.value.subject == str(hostile)


@pytest.mark.parametrize("content", [b"", b"not a ZIP at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.cxrmodel").write_bytes(content)
    with pytest.raises(PackageError):
        add_model(tmp_path / "no.cxrmodel")
    assert nothing_is_left(tmp_path)


def test_every_cut_of_a_model_file_is_refused(model_file: Path, tmp_path: Path) -> None:
    content = model_file.read_bytes()
    for share in range(1, 20):
        (tmp_path / "cut.cxrmodel").write_bytes(content[: len(content) * share // 20])
        with pytest.raises(CxrError):
            add_model(tmp_path / "cut.cxrmodel")
    assert nothing_is_left(tmp_path)


def test_a_missing_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="No such file"):
        add_model(tmp_path / "none.cxrmodel")
    assert nothing_is_left(tmp_path)


def fail_inside(model_file: Path) -> None:
    with unpacked_model(model_file) as folder:
        raise KeyError((folder / "model.toml").is_file())


def test_unpacking_leaves_nothing_when_somebody_else_fails(model_file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="True"):
        fail_inside(model_file)
    assert nothing_is_left(tmp_path)
