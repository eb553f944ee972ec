"""The verb ``verify``: whether a classification comes out the same again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from communique.cli.options import AsJson, Jobs
from communique.cli.rows import spare_imports
from communique.cli.terminal import is_terminal, say
from communique.errors import QualityGateError, UsageError


def verify(
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="What classify --receipt wrote.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Where the model is now, if not where it was or among the saved ones."),
    ] = None,
    jobs: Jobs = 0,
    as_json: AsJson = False,
) -> None:
    """Classify again as a receipt says, and compare.

    The same model, found by its hash, on the same inputs: every label and every count must be the same, the scores to
    a millionth. Ends with 5 where answers differ, with 3 where a file has changed since or is gone, with 4 where the
    model is missing or another. File names are seen from the folder that classify ran in; rows that came from stdin are
    read from stdin again.

    Example: communique verify receipt.json
    """
    spare_imports()
    from communique.inference.receipt import read_receipt
    from communique.inference.receipt import verify as run_again

    known = read_receipt(receipt)
    if "-" in known.given and is_terminal(sys.stdin):
        raise UsageError(
            "the rows of this receipt came from stdin", remedy=f"pipe them in again: communique verify {receipt} < rows"
        )
    found = run_again(known, model=model, jobs=jobs)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    for note in found.notes:
        say(f"communique: note that {note}")
    if not found.same:
        raise QualityGateError(
            f"the answers of {known.created} are not those of today: {'; '.join(found.differences)}",
            expected="the same",
            remedy="see which library versions differ" if found.notes else "",
        )
    if not as_json:
        typer.echo(
            f"The same: {known.counts.rows:,} rows by {known.model.name} {known.model.version}, "
            f"as on {known.created[:10]}."
        )
