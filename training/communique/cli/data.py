"""The verb ``data``: the labelled statements that come along, where they are and how many."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from communique.cli.options import AsJson
from communique.cli.terminal import is_terminal, table


def data(as_json: AsJson = False) -> None:
    """Show the bundled dataset: its parts, their files, counts and fingerprints.

    A fingerprint is the SHA-256 over texts, labels and scenarios: a saved model keeps that of the rows it was trained
    on. The datasheet beside the files says how they were made and what they are not.

    Example: communique data --json
    """
    from communique import bundled
    from communique.codebook import bundled_codebook
    from communique.corpus.bundle import PARTS
    from communique.corpus.labelled import collect
    from communique.corpus.source import read

    book = bundled_codebook()
    parts: dict[str, Any] = {}
    for name, files in PARTS.items():
        labelled = collect(read(files))
        parts[name] = {
            "files": files,
            "rows": len(labelled),
            "scenarios": len(set(labelled.rows.column("group").to_pylist())),
            "labels": {label: labelled.counts.get(label, 0) for label in book.names},
            "sha256": labelled.fingerprint,
        }
    if as_json or not is_terminal(sys.stdout):
        facts = {
            "path": str(bundled.DATA),
            "datasheet": str(bundled.DATA / "README.md"),
            "codebook": {"path": str(bundled.CODEBOOK), "name": book.name, "sha256": book.fingerprint},
            "parts": parts,
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    lines = {"statements": "rows", "scenarios": "scenarios"}
    rows = [[line, *(f"{part[key]:,}" for part in parts.values())] for line, key in lines.items()]
    rows += [[label, *(f"{part['labels'][label]:,}" for part in parts.values())] for label in book.names]
    table(str(bundled.DATA), ["", *parts], rows)
    typer.echo("fingerprints: " + ", ".join(f"{name} {part['sha256'][:12]}" for name, part in parts.items()))
    typer.echo("Composed statements, easier than life. README.md there says how they were made and checked.")
