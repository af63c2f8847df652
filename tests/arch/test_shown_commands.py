"""Every command line that the documents show is one that the program takes; those that need no training are carried out."""

from __future__ import annotations

import re
import shlex
import shutil
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
# What needs a model that was trained before, hours, or a table that only the reader has.
NOT_CARRIED_OUT = ("train", "evaluate", "import-weights", "lungs")


def shown_lines() -> list[tuple[str, str]]:
    """Give the page and the line of everything that is shown as a command of the program, in blocks and between backticks."""
    found = []
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))  # a line that ends in a backslash goes on in the next
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
    return words[0] in needs_more and (len(words) == 1 or words[1].startswith("-")) and "--watch" not in words


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
