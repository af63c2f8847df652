"""The bootstrap: installs once, starts at once afterwards, mends what is broken, and says in a sentence what it cannot do."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bootstrap() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("cxrview_bootstrap", ROOT / "packaging" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    venv = tmp_path_factory.mktemp("made") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


@pytest.fixture
def checkout(tmp_path: Path, made_venv: Path) -> Path:
    """A folder with what decides the environment, and an environment without a stamp."""
    root = tmp_path / "checkout"
    (root / "packaging").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "packaging" / "constraints.txt", root / "packaging")
    shutil.copytree(made_venv, root / ".venv", symlinks=True)
    return root


@pytest.fixture
def installs(bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """What was installed, in order; pip itself and the system's packages are left out."""
    done: list[frozenset[str]] = []
    monkeypatch.setattr(bootstrap, "install", lambda root, venv, extras: done.append(extras))
    monkeypatch.setattr(bootstrap, "missing_packages", list)
    return done


def test_second_run_installs_nothing(bootstrap: types.ModuleType, checkout: Path, installs: list[frozenset[str]]) -> None:
    first = bootstrap.prepared_python(checkout, frozenset())
    second = bootstrap.prepared_python(checkout, frozenset())
    assert first == second
    assert Path(first).is_relative_to(checkout / ".venv")
    assert installs == [frozenset()]


def test_a_run_after_the_tests_keeps_the_tests_extras(bootstrap: types.ModuleType, checkout: Path, installs: list[frozenset[str]]) -> None:
    bootstrap.prepared_python(checkout, frozenset({"train"}))
    bootstrap.prepared_python(checkout, frozenset())
    bootstrap.prepared_python(checkout, frozenset({"dev"}))
    assert installs == [frozenset({"train"}), frozenset({"train", "dev"})]


def test_changed_dependencies_install_again(bootstrap: types.ModuleType, checkout: Path, installs: list[frozenset[str]]) -> None:
    bootstrap.prepared_python(checkout, frozenset())
    constraints = checkout / "packaging" / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("rich==", "rich==0"))
    bootstrap.prepared_python(checkout, frozenset())
    assert len(installs) == 2


def test_settings_of_the_checks_do_not_install_again(bootstrap: types.ModuleType, checkout: Path) -> None:
    before = bootstrap.environment_key(checkout)
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace("line-length = 140", "line-length = 141"))
    assert bootstrap.environment_key(checkout) == before


def test_a_moved_checkout_installs_again(bootstrap: types.ModuleType, checkout: Path) -> None:
    before = bootstrap.environment_key(checkout)
    moved = checkout.rename(checkout.with_name("elsewhere"))
    assert bootstrap.environment_key(moved) != before


def test_a_half_made_environment_is_made_anew(bootstrap: types.ModuleType, checkout: Path, installs: list[frozenset[str]]) -> None:
    venv = checkout / ".venv"
    shutil.rmtree(next(venv.glob("[Ll]ib*/**/site-packages/pip")))
    assert not bootstrap.venv_works(venv)
    bootstrap.prepared_python(checkout, frozenset())
    assert bootstrap.venv_works(venv)
    assert len(installs) == 1


def test_an_installation_that_failed_leaves_no_stamp(bootstrap: types.ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "missing_packages", list)
    (checkout / "packaging" / "constraints.txt").write_text("this is no constraint\n")
    with pytest.raises(bootstrap.SetupFailed, match="pip could not install"):
        bootstrap.prepared_python(checkout, frozenset())
    assert bootstrap.read_stamp(checkout / ".venv") is None


def test_a_folder_that_is_no_environment_is_not_deleted(bootstrap: types.ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "thesis.txt").write_text("years of work")
    with pytest.raises(bootstrap.SetupFailed, match="no virtual environment"):
        bootstrap.make_venv(tmp_path / ".venv")
    assert (tmp_path / ".venv" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("given", "extras", "rest"),
    [
        ([], set(), []),
        (["--", "score", "a"], set(), ["score", "a"]),
        (["score", "--", "a"], set(), ["score", "--", "a"]),
        (["--with", "train", "--", "train", "a"], {"train"}, ["train", "a"]),
        (["--with=train,openvino", "doctor"], {"train", "openvino"}, ["doctor"]),
    ],
)
def test_arguments_after_our_own_belong_to_the_program(
    bootstrap: types.ModuleType, given: list[str], extras: set[str], rest: list[str]
) -> None:
    assert bootstrap.split_run_arguments(given) == (frozenset(extras), rest)


def test_an_unknown_extra_is_named(bootstrap: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["run", "--with", "trian"]) == 3
    assert "trian" in capsys.readouterr().err


def test_an_old_python_is_told_so(bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(bootstrap, "NEWER_PYTHONS", ())
    assert bootstrap.main(["run"]) == 3
    message = capsys.readouterr().err
    assert "needs 99.0 or newer" in message
    assert "Traceback" not in message


def test_without_root_the_exact_line_is_printed(
    bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "missing_packages", lambda: ["libegl1", "libxcb-cursor0"])
    monkeypatch.setattr(bootstrap, "install_with_apt", lambda packages: False)
    monkeypatch.setattr(bootstrap, "is_debian", lambda: True)
    assert not bootstrap.bring_qt_libraries()
    assert "sudo apt-get install -y --no-install-recommends libegl1 libxcb-cursor0" in capsys.readouterr().err


def test_without_a_known_word_the_two_commands_are_shown(bootstrap: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["install"]) == 2
    message = capsys.readouterr().err
    assert "bootstrap.py run" in message
    assert "bootstrap.py test" in message


def test_every_direct_dependency_is_pinned_for_the_checkout() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {line.partition(">")[0].partition("[")[0].lower() for line in wanted}
    lines = (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if not line.startswith("#")}
    assert names == pinned


def test_an_old_python_can_read_the_bootstrap() -> None:
    """It must get as far as saying that it is too old."""
    import ast

    ast.parse((ROOT / "packaging" / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 7))
