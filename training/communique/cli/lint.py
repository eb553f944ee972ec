"""The verb ``lint``: what is wrong with labelled data, before it becomes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from communique.cli.options import AsJson, GroupColumn, IdColumn, LabelColumn, TextColumn, columns


def lint(
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Files of statements, globs, - or hf://name.")],
    holdout: Annotated[str | None, typer.Option(help="Holdout file: nothing in it may be in DATA.")] = None,
    codebook: Annotated[Path | None, typer.Option(help="Codebook (TOML) whose labels are the right ones.")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    id_column: IdColumn = None,
    group: GroupColumn = None,
    as_json: AsJson = False,
) -> None:
    """Look for faults in labelled data.

    Empty rows, duplicates (also across to the holdout), label typos, conflicting labels, rare labels, groups that cross
    and encoding faults, each with its rows. Ends with 3 when training on the data would be unsound.

    Example: communique lint labels.csv --holdout holdout.csv
    """
