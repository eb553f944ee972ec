"""The verb ``models``: which there are, and what is in one."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from communique.cli.options import AsJson
from communique.cli.terminal import is_terminal, table
from communique.errors import ModelMissingError


def models(context: typer.Context) -> None:
    """List the saved models, or look into one.

    Example: communique models inspect stance
    """
    if context.invoked_subcommand is None:
        list_models()


def list_models(as_json: AsJson = False) -> None:
    """List the saved models: the current version of each name is marked.

    Example: communique models list
    """
    from communique.model import registry

    found = [
        {
            "name": saved.file.parent.parent.name,
            "version": saved.version,
            "current": registry.current_version(saved.file.parent.parent.name) == saved.version,
            "labels": saved.manifest.get("labels", []),
            "created": saved.manifest.get("created", ""),
            "macro_f1": (saved.manifest.get("holdout") or {}).get("macro_f1"),
            "path": str(saved.file.parent),
        }
        for saved in registry.every()
    ]
    if not found:
        raise ModelMissingError("no saved models", remedy="train one with: communique train")
    if as_json or not is_terminal(sys.stdout):
        for entry in found:
            typer.echo(json.dumps(entry, ensure_ascii=False))
        return
    rows = [
        [
            entry["name"],
            entry["version"] + (" (current)" if entry["current"] else ""),
            ", ".join(entry["labels"]),
            "" if entry["macro_f1"] is None else f"{entry['macro_f1']:.3f}",
            entry["created"][:10],
        ]
        for entry in found
    ]
    table("", ["name", "version", "labels", "holdout macro-F1", "made"], rows, wide=2)


def inspect(
    model: Annotated[str, typer.Argument(metavar="M", help="Name, name@version, or path.")] = "stance",
    as_json: AsJson = False,
) -> None:
    """Tell what a model is made of, after checking its file against its manifest.

    Example: communique models inspect stance
    """
    from communique.model import registry

    saved = registry.find(model)
    opened = registry.open_saved(saved)
    facts: dict[str, Any] = {
        "name": opened.name,
        "version": saved.version,
        "path": str(saved.file.parent),
        "sha256": saved.sha256,
        "labels": list(opened.labels),
        "background": opened.codebook.background,
        "terms": len(opened.weights),
        "temperature": opened.temperature,
        "recipe": opened.recipe,
    }
    if as_json or not is_terminal(sys.stdout):
        typer.echo(json.dumps(facts | {"manifest": saved.manifest}, indent=2, ensure_ascii=False))
        return
    from communique.model.card import card

    typer.echo(card({**saved.manifest, **facts}, opened.codebook))
