"""Flags that several verbs share, so that one name means one thing everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from communique.corpus.columns import Columns

Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", help="How many to work at once; 0 for one a core. Any number gives the same result."),
]
Spacy = Annotated[
    str | None,
    typer.Option(
        "--spacy",
        metavar="PIPELINE",
        help="Find more indirect speech with the parser of this installed spaCy pipeline (package or folder). "
        "Needs communique[spacy]. A pipeline is code that runs here: name only one that you trust.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON on stdout.")]
TextColumn = Annotated[
    str | None, typer.Option(help="Column that holds the statement, if not text, statement, body ...")
]
LabelColumn = Annotated[str | None, typer.Option(help="Column that holds the label, if not label, stance, class ...")]
IdColumn = Annotated[str | None, typer.Option(help="Column that holds the id, if not id, uid ...")]
GroupColumn = Annotated[
    str | None,
    typer.Option("--group", help="Column whose rows belong together (scenario, speaker): no split ever parts them."),
]


def columns(
    text: str | None, label: str | None = None, identity: str | None = None, group: str | None = None
) -> Columns:
    """Put the column flags together."""
    from communique.corpus.columns import Columns

    return Columns(text=text, label=label, id=identity, group=group)
