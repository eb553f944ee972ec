"""The verb ``models top``: the phrases that speak most for each label."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from communique.cli.options import AsJson
from communique.cli.terminal import is_terminal, table
from communique.errors import UsageError

if TYPE_CHECKING:
    from communique.inference.explanation import Phrase


def top(
    model: Annotated[str, typer.Argument(metavar="M", help="Name, name@version, or path.")] = "stance",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many phrases for each label.")] = 20,
    label: Annotated[str | None, typer.Option(help="This label only.")] = None,
    fragments: Annotated[bool, typer.Option("--fragments", help="List fragments of words too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the phrases that speak most for each label of a model.

    The weight of a phrase is what saying it once adds to the label's score, over what it adds to the labels' scores on
    average, in a text whose vector has length one. Weights are to be compared with each other, not with a margin.

    Example: communique models top stance --count 10
    """
    from communique.inference.explanation import top_phrases
    from communique.model import registry

    opened = registry.load(model)
    if label is not None and label not in opened.labels:
        raise UsageError(f"the label {label!r}", expected=f"one of the model's: {', '.join(opened.labels)}")
    listed = {
        name: phrases
        for name, phrases in top_phrases(opened, count, fragments=fragments).items()
        if label in (None, name)
    }
    if as_json or not is_terminal(sys.stdout):
        for name, phrases in listed.items():
            for phrase in phrases:
                typer.echo(json.dumps({"label": name, **vars(phrase)}, ensure_ascii=False))
        return
    rows = [
        [name, " · ".join(f"{_spell(phrase)} {phrase.weight:.1f}" for phrase in phrases)]
        for name, phrases in listed.items()
    ]
    table("", ["label", "phrases that speak for it, the strongest first"], rows, wide=1)


def _spell(phrase: Phrase) -> str:
    """Make the space of a fragment visible: it says whether a word begins or ends there."""
    return phrase.term if phrase.analyzer == "word" else phrase.term.replace(" ", "␣")
