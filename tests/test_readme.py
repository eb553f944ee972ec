"""README and help say what is true: every verb has a line in the one and an example in the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from communique.cli.app import app
from communique.learning.recipe import recipe_of

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> dict[str, typer.models.CommandInfo]:
    return {command.callback.__name__: command for command in app.registered_commands}


@pytest.mark.parametrize("verb", [*commands(), "models"])
def test_every_verb_has_a_line_in_readme(verb):
    assert f"| `{verb}` |" in README
    assert f"communique {verb}" in README


@pytest.mark.parametrize("verb", commands())
def test_every_verb_has_help_with_an_example(verb):
    assert f"Example: communique {verb}" in commands()[verb].callback.__doc__


def test_the_recipe_in_readme_is_a_recipe():
    import tomllib

    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert recipe_of(tomllib.loads(block)).name == "mine"


def test_every_file_named_in_readme_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
