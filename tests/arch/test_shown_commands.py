"""Every command line that the documents show is one that its program takes, and all that need nothing special are carried out.

Only taken, not carried out: what needs weights from elsewhere, a cluster, an administrator or a night, and what never ends by itself.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import sys
import tomllib
import types
from pathlib import Path

import pytest

from cxrview.__main__ import main
from cxrview.cli.command import parser_of
from cxrview.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BY_NAME = {command.name: command for command in COMMANDS}
# What stands for words of the reader's choice; a line that holds one tells a form, and is not meant to be typed.
FORM = re.compile(r"[\[\]|…]")
# What is carried out in an order, below, or needs weights, masks or tables that only the reader has.
IN_ORDER = ("train", "evaluate")
NOT_CARRIED_OUT = (*IN_ORDER, "import-weights", "lungs")
# So that a training takes seconds, on pictures of which nothing can be learned.
QUICK = ("fit.epochs=1", "fit.batch=4", "input.width=64", "input.height=64", "package.is_audited=false")


def texts() -> list[tuple[Path, str]]:
    """Give every page with its text; a line that ends in a backslash goes on in the next."""
    return [(page, re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))) for page in PAGES]


def shown_with(beginning: str) -> list[str]:
    """Give what is shown in blocks and between backticks and begins with a pattern, without comments."""
    found = []
    for _, text in texts():
        found += re.findall(rf"^ {{4}}({beginning}.*)$", text, flags=re.MULTILINE) + re.findall(rf"`({beginning}[^`\n]*)`", text)
    return sorted({each.partition("  #")[0].strip() for each in found})


def shown_lines() -> list[tuple[str, str]]:
    """Give the page and the line of everything that is shown as a command of the program, in blocks and between backticks."""
    found = []
    for page, text in texts():
        blocks = re.findall(r"^ {4}(cxrview .+)$", text, flags=re.MULTILINE)
        spans = [each for each in re.findall(r"`(cxrview [^`\n]+)`", text) if " " in each]
        found += [(page.name, each.partition("  #")[0].rstrip()) for each in (*blocks, *spans)]
    return found


COMPLETE = sorted({line for _, line in shown_lines() if not FORM.search(line)})


def test_there_is_something_to_follow() -> None:
    assert len(COMPLETE) > 15
    assert any(line.startswith("cxrview score") for line in COMPLETE)


@pytest.mark.parametrize("line", COMPLETE)
def test_a_shown_command_is_taken_by_the_program(line: str) -> None:
    words = shlex.split(line)[1:]
    if words[0] not in BY_NAME:
        assert words[0] in {"--help", "--version"} or words[0].endswith("/") or words[0].startswith("./"), line
        return
    parser = parser_of(BY_NAME[words[0]])
    options = {text for action in parser._actions for text in action.option_strings}
    if is_fragment(line):
        assert {word for word in words[1:] if word.startswith("-")} <= options
    else:
        parser.parse_args(words[1:])


def is_fragment(line: str) -> bool:
    """Tell a command that a sentence names, perhaps with an option, from one that is complete; the latter says what to work on."""
    words = shlex.split(line)[1:]
    needs_more = {"score", "explain", "train", "evaluate", "import-weights", "lungs"}
    return words[0] in needs_more and not {"-o", "--output"} & set(words)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_model: Path) -> Path:
    """A folder that holds what the documents' examples name."""
    monkeypatch.chdir(tmp_path)
    assert main(["phantom", "-o", "radiographs", "-n", "2", "--size", "96x80"]) == 0
    for name in ("films", "new-folder", "inbox", "FOLDER"):
        shutil.copytree("radiographs", name)
    film = next(path for path in sorted((tmp_path / "radiographs").iterdir()) if path.suffix == ".dcm")
    shutil.copy(film, "film.dcm")
    for name in ("my-run/package", "RUN/package", "DIR"):
        shutil.copytree(fake_model, tmp_path / name)
    return tmp_path


CARRIED_OUT = [
    line
    for line in COMPLETE
    if shlex.split(line)[1] in BY_NAME.keys() - set(NOT_CARRIED_OUT)
    and not is_fragment(line)
    and not {"--watch", "--cluster"} & set(shlex.split(line))
]


@pytest.mark.parametrize("line", CARRIED_OUT)
def test_a_shown_command_does_what_it_says(line: str, desk: Path, fake_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fake" if word in {"ID", "cxr-reader"} else "fine-tune" if word == "NAME" else word for word in shlex.split(line)[1:]]
    words = ["normal" if word == "tuberculosis" else word for word in words]
    assert main(["models", "add", str(fake_model)]) == 0
    if words[:2] == ["models", "add"]:
        for name in ("NAME.cxrmodel", "my-model.cxrmodel"):
            assert main(["models", "pack", "fake", "-o", name]) == 0
        assert main(["models", "remove", "fake"]) == 0
    if words[0] in {"score", "explain"} and "--model" not in words:
        words += ["--model", "fake"]
    capsys.readouterr()
    code = main(words)
    told = capsys.readouterr()
    assert code == 0, told.err
    for option in ("-o", "--output"):
        if option in words:
            assert (desk / words[words.index(option) + 1]).exists(), line


@pytest.fixture
def two_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders with a sub-folder for each of two labels, as the training lines name them."""
    monkeypatch.chdir(tmp_path)
    for number, label in enumerate(("normal", "pneumonia")):
        words = ["phantom", "-o", f"my-folder/{label}", "-n", "12", "--seed", str(100 * number), "--kind", "png", "--size", "64x64", "-q"]
        assert main(words) == 0
    shutil.copytree("my-folder", "other-hospital")
    shutil.copytree("my-folder/normal", "new-folder")
    return tmp_path


def test_the_shown_way_from_a_folder_to_a_measured_model_is_one(two_classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    lines = (
        "cxrview train my-folder -o my-run",
        "cxrview score new-folder --model my-run/package -o scores.csv",
        "cxrview evaluate my-run/package other-hospital -o report --external",
        "cxrview models add my-run/package",
    )
    assert set(lines) <= set(COMPLETE)
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] == "train":
            words += [word for change in QUICK for word in ("--set", change)]
        if words[0] == "evaluate":
            words += ["--no-audits"]
        capsys.readouterr()
        assert main(words) == 0, capsys.readouterr().err
    assert (two_classes / "scores.csv").is_file()
    assert (two_classes / "report" / "report.html").is_file()
    from cxrview.training.recipe import load_recipe

    assert "cxrview train DATA -o OTHER --recipe RUN/recipe.toml" in COMPLETE
    assert load_recipe("my-run/recipe.toml", ()).fit.epochs == 1


@pytest.mark.parametrize("line", shown_with(r"python3? packaging/"))
def test_a_shown_script_is_there_and_takes_what_is_shown(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    _python, script, *words = shlex.split(line)
    module = load_script(ROOT / script)
    if script.endswith("bootstrap.py"):
        assert words[0] in {"run", "test"}
        _extras, rest = module.split_run_arguments(words[1:])
        assert not rest or rest[0] in BY_NAME
    elif script.endswith("smoke.py"):
        options = {word for word in words if word.startswith("--")}
        assert {option for option in options if f'"{option}"' not in (ROOT / script).read_text(encoding="utf-8")} == set()
    elif words:
        lock = load_script(ROOT / "packaging" / "lock.py")
        assert words[0] in lock.EXTRAS


def test_scripts_that_are_shown_by_name_are_there() -> None:
    names = shown_with(r"packaging/[\w/.-]+\.\w+")
    assert len(names) > 3
    assert [name for name in names if not (ROOT / name.split()[0]).is_file()] == []


@pytest.mark.parametrize("line", shown_with("pip install "))
def test_a_shown_installation_names_extras_that_are_there(line: str) -> None:
    target = shlex.split(line)[2]
    found = re.fullmatch(r"(?:\.|cxrview)(?:\[([\w,]+)\])?|PySide6-Essentials", target)
    assert found is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set((found[1] or "").split(",")) - {""} <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("line", shown_with(r"(?:QT_QPA_PLATFORM=\w+ )?python -m "))
def test_a_shown_measurement_is_there_and_knows_its_options(line: str) -> None:
    module, *words = shlex.split(line.partition("python -m ")[2])
    if module == "pytest":
        option, marker, *places = words
        markers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
        assert option == "-m"
        assert any(each.startswith(f"{marker}:") for each in markers)
        assert places
        assert all((ROOT / place.partition("::")[0]).exists() for place in places)
        return
    file = ROOT / Path(*module.split(".")).with_suffix(".py")
    assert file.is_file()
    text = file.read_text(encoding="utf-8")
    assert [word for word in words if word.startswith("--") and f'"{word.partition("=")[0]}"' not in text] == []


def load_script(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"shown_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
