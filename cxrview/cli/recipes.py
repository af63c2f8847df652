"""`cxrview recipes`: the training recipes that come with the program."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.terminal import answer, table_lines

if TYPE_CHECKING:
    from cxrview.training.recipe import Recipe

DETAILS = """\
Without NAME the recipes are listed. With NAME the recipe is printed as TOML: save it, change it, and give the file to
`cxrview train --recipe FILE.toml`.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe")
    parser.add_argument(
        "--about", action="store_true", help="whose recipes they are: the authors' settings and figures, and what is different"
    )


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.training.gate_recipe import gate_recipe_names, gate_recipe_text, load_gate_recipe
    from cxrview.training.lung_recipe import load_lung_recipe, lung_recipe_names, lung_recipe_text
    from cxrview.training.recipe import load_recipe, recipe_names, recipe_text

    if arguments.about:
        for name in [arguments.name] if arguments.name else recipe_names():
            for line in _about(load_recipe(name)):
                answer(line)
        return ExitCode.OK
    if arguments.name in gate_recipe_names():
        answer(gate_recipe_text(arguments.name).rstrip())
        return ExitCode.OK
    if arguments.name in lung_recipe_names():
        answer(lung_recipe_text(arguments.name).rstrip())
        return ExitCode.OK
    if arguments.name:
        answer(recipe_text(arguments.name).rstrip())
        return ExitCode.OK
    recipes = [(name, load_recipe(name).title) for name in recipe_names()]
    recipes += [(name, load_lung_recipe(name).title) for name in lung_recipe_names()]
    recipes += [(name, load_gate_recipe(name).title) for name in gate_recipe_names()]
    for line in table_lines(("name", "title"), recipes):
        answer(line)
    return ExitCode.OK


def _about(recipe: Recipe) -> Iterator[str]:
    """Tell whose recipe it is, a point in a line."""
    published = recipe.published
    yield f"{recipe.name}: {recipe.title}"
    yield f"  {' '.join(recipe.description.split())}"
    for word, texts in (
        ("by", (published.system,)),
        ("in", (published.reference,)),
        ("their settings", published.settings),
        ("their figures", published.figures),
        ("different here", published.differences),
    ):
        yield from (f"  {word}: {text}" for text in texts if text)
    yield ""


COMMAND = Command("recipes", "list the training recipes, or print one", _add_arguments, _run, DETAILS)
