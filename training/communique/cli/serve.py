"""The verb ``serve``: a saved model as a page for browsers and an API for programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from communique.cli.terminal import say
from communique.errors import UsageError


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL", help="Names, name@version, or paths; the first is the default.", show_default="stance"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 or :: opens it to others.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes any that is free.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that answer; 0 for one a core.")] = 0,
    max_batch: Annotated[int, typer.Option(help="Most statements in one request.")] = 1000,
    max_bytes: Annotated[str, typer.Option(help="Longest body of a request, such as 2MB.")] = "2MB",
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that requests to the API must carry.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Web origin whose pages may call the API, such as https://example.org; may be given again."),
    ] = None,
    log_format: Annotated[str, typer.Option(help="text or json, on stderr; texts are never logged.")] = "text",
    corrections: Annotated[
        Path | None, typer.Option(help="Take corrections, and append them to this file (JSON Lines).")
    ] = None,
) -> None:
    """Serve a model: a page for browsers, and an API for programs.

    It answers this machine only, unless --host opens it. A new current version of a model is taken up while it runs,
    within a second or at SIGHUP, if it passes its test. SIGTERM or Ctrl-C lets running requests finish.

    Example: communique serve stance --port 8000
    """
    # Before numpy and Arrow are imported: the workers are the parallelism, and what is to be forked runs no thread.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    from communique.service.settings import Settings, read_size, read_token

    if log_format not in ("text", "json"):
        raise UsageError(f"the log format {log_format!r}", expected="text or json")
    token, unwise = (None, "") if token_file is None else read_token(token_file)
    settings = Settings(
        models=tuple(models or ["stance"]),
        host=host,
        port=port,
        workers=workers,
        max_batch=max_batch,
        max_bytes=read_size(max_bytes),
        token=token,
        allow_origin=tuple(allow_origin or ()),
        log_format="json" if log_format == "json" else "text",
        corrections=corrections,
    )
    if unwise:
        say(f"communique: {unwise}")
    if not settings.loopback and token is None:
        say(
            f"communique: {host} opens the service to others, and anyone who reaches it may use it; give --token-file, "
            "or let a proxy ask who they are"
        )
    from communique.cli.rows import spare_imports

    spare_imports()
    from communique.service.server import serve as run

    run(settings, lambda url: typer.echo(f"Serving {', '.join(settings.models)} at {url} (Ctrl-C ends it)"))
