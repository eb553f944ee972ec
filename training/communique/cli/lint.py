"""The verb ``lint``: what is wrong with labelled data, before it becomes a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from communique.cli.options import AsJson, GroupColumn, IdColumn, LabelColumn, TextColumn, columns
from communique.errors import DataError


def lint(
    data: Annotated[list[str], typer.Argument(metavar="DATA", help="Files of statements, globs, - or hf://name.")],
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
    from communique.codebook import read_codebook
    from communique.corpus.lint import gather, inspect
    from communique.corpus.source import read

    wanted = columns(text_column, label_column, id_column, group)
    book = read_codebook(codebook) if codebook else None
    held = gather(read([holdout], wanted, keep_unreadable=True)) if holdout else None
    report = inspect(gather(read(data, wanted, keep_unreadable=True)), held, book)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        for sentence in report.sentences:
            typer.echo(sentence)
    if not report.sound:
        raise typer.Exit(DataError.exit_code)
