"""The command ``communique`` and its verbs."""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from communique.cli import (
    classify,
    compare,
    data,
    evaluate,
    explain,
    extract,
    lint,
    models,
    serve,
    top,
    train,
    trend,
    verify,
)
from communique.errors import CommuniqueError

app = typer.Typer(
    name="communique",
    help="Train, judge and use stance classifiers for official statements.",
    epilog='Start with: communique classify "We are ready for talks without preconditions."',
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"communique {version('communique')}")
        raise typer.Exit


@app.callback()
def communique(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train, judge and use stance classifiers for official statements."""
    if debug:
        os.environ["COMMUNIQUE_DEBUG"] = "1"


def _guarded(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what goes wrong into one sentence on stderr and the exit code of its kind."""

    @functools.wraps(verb)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return verb(*arguments, **named)
        except KeyboardInterrupt:
            return _end("interrupted; nothing was written", 130)
        except BrokenPipeError:
            raise typer.Exit(0) from None  # the reader has seen enough (``| head``)
        except CommuniqueError as problem:
            return _end(str(problem), problem.exit_code)
        except MemoryError:
            return _end("there is not memory enough for this; give fewer rows at once", 1)
        except OSError as problem:
            named_file = f" ({problem.filename})" if problem.filename else ""
            return _end(f"{problem.strerror or problem}{named_file}", 1)
        except typer.Exit:
            raise
        except Exception as problem:  # noqa: BLE001 - a fault of ours, but still told in a sentence
            return _end(
                f"a fault in communique ({type(problem).__name__}: {problem}); run again with --debug and report it", 1
            )

    return guarded


def _end(sentence: str, code: int) -> None:
    if os.environ.get("COMMUNIQUE_DEBUG"):
        traceback.print_exc()
    typer.echo(f"communique: {sentence}", err=True)
    raise typer.Exit(code) from None


for _verb in (
    train.train,
    evaluate.evaluate,
    classify.classify,
    explain.explain,
    compare.compare,
    lint.lint,
    data.data,
    extract.extract,
    serve.serve,
    trend.trend,
    verify.verify,
):
    app.command()(_guarded(_verb))
_models = typer.Typer(help=models.models.__doc__, invoke_without_command=True, rich_markup_mode=None)
_models.callback()(_guarded(models.models))
_models.command("list")(_guarded(models.list_models))
_models.command("inspect")(_guarded(models.inspect))
_models.command("top")(_guarded(top.top))
app.add_typer(_models, name="models")
