"""The verb ``explain``: which words speak for a label, and which against it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from communique.cli.options import Force, IdColumn, Jobs, TextColumn, columns
from communique.cli.rows import read_inputs, spare_imports, told
from communique.cli.terminal import COLOURS, CONTROLS, is_terminal, progress
from communique.errors import UsageError

if TYPE_CHECKING:
    from rich.columns import Columns
    from rich.console import Console
    from rich.text import Text

    from communique.inference.bulk import Answered

_LISTED = 6  # words named for each side
# From this share of a statement's strongest weight on, a word is shown so.
_STRENGTHS = ((2 / 3, "reverse bold"), (1 / 3, "bold"), (0.08, ""))


# A statement is somebody else's text: it may not move the cursor, paint the terminal or turn the reading direction.
def explain(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT|FILE|-", help="Statements, files of them, or - for stdin.", show_default=False),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name, name@version, or path.", envvar="COMMUNIQUE_MODEL")
    ] = "stance",
    label: Annotated[str | None, typer.Option(help="Explain this label instead of the most probable one.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Compare with this label instead of the most probable other one.")
    ] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        str | None, typer.Option("--format", "-f", help="terminal, jsonl, csv, tsv or parquet.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    text_column: TextColumn = None,
    id_column: IdColumn = None,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Show which words speak for the label of a statement, and which for the runner-up.

    On a terminal the words are coloured by the label they speak for. Elsewhere every row in gives one row out, in
    order, with its columns, and label, runner_up, confidence, scores, margin, intercept and evidence behind them.
    Evidence is a list of words, each with its place in the text (start, end) and its weight; the weights and the
    intercept add up to the margin.

    Example: communique explain "Any attack will be answered with force." --against conciliatory
    """
    spare_imports()
    if label is not None and label == against:
        raise UsageError(f"the label {label!r} against itself", remedy="give --against another label, or leave it out")
    shown = _form(format) or ("terminal" if output is None and is_terminal(sys.stdout) else None)
    if shown == "terminal" and output is not None:
        raise UsageError(
            "what is made for a terminal cannot be written to a file",
            remedy="choose --format jsonl, csv, tsv or parquet",
        )
    batches = read_inputs(inputs or [], columns(text_column, identity=id_column))

    from communique.inference.bulk import answer
    from communique.inference.explanation import RUNNER_UP, Explainer
    from communique.inference.prediction import Options
    from communique.model import registry

    explainer = Explainer(registry.load(model), label=label, against=RUNNER_UP if against is None else against)
    answers = answer(explainer, batches, Options(), jobs=jobs)
    if shown == "terminal":
        with told(answers) as answers:
            _show(answers, explainer.labels)
        return

    from communique.corpus.sink import open_sink

    with open_sink(output, shown, force=force) as sink, told(answers) as answers, progress("explained") as advance:
        done = 0
        for answered in answers:
            sink.write(answered.rows)
            done += answered.rows.num_rows
            advance(done, 0)


def _form(name: str | None) -> Literal["terminal", "jsonl", "csv", "tsv", "parquet"] | None:
    match name:
        case None | "terminal" | "jsonl" | "csv" | "tsv" | "parquet":
            return name
    raise UsageError(f"the format {name!r}", expected="terminal, jsonl, csv, tsv or parquet")


def _show(answers: Iterable[Answered], labels: tuple[str, ...]) -> None:
    """Draw statement after statement, and at the end say how to read them."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=None if is_terminal(sys.stdout) else 100, highlight=False)
    colours = {label: COLOURS[place % len(COLOURS)] for place, label in enumerate(labels)}
    painted = console.color_system is not None and not console.no_color
    explained = False
    for answered in answers:
        rows = answered.rows.select(["label", "runner_up", "scores", "margin", "intercept", "evidence"])
        for identity, text, row in zip(
            answered.batch.id.to_pylist(), answered.batch.text.to_pylist(), rows.to_pylist(), strict=True
        ):
            if row["label"] is None:
                console.print(f"{identity.translate(CONTROLS)}  no text\n", markup=False)
            else:
                _draw(console, identity.translate(CONTROLS), text.translate(CONTROLS), row, colours, painted=painted)
                explained = True
    if explained:
        console.print(_legend(colours, painted=painted))


def _draw(
    console: Console, identity: str, text: str, row: dict[str, Any], colours: dict[str, str], *, painted: bool
) -> None:
    """Draw one statement: the verdict, the words, the strongest of them, and how it all adds up."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    label, other, scores = row["label"], row["runner_up"], row["scores"]
    paint = {side: colours[side] if painted else "" for side in (label, other)}
    if paint[label] == paint[other] != "":
        paint[other] = next(colour for colour in COLOURS if colour != paint[label])
    sides = {label: _sum_up(text, row["evidence"], 1), other: _sum_up(text, row["evidence"], -1)}

    heading = Text.assemble(
        f"{identity}  ", (label, f"bold {paint[label]}"), f" {scores[label]:.2f}  against  ",
        (other, f"bold {paint[other]}"), f" {scores[other]:.2f}",
    )  # fmt: skip
    sums = Table.grid(padding=(0, 2))
    for side, words in sides.items():
        listed = [f"{word} {weight:+.2f}" for word, weight in words[:_LISTED]]
        if rest := words[_LISTED:]:
            listed.append(f"{len(rest)} more {sum(weight for _, weight in rest):+.2f}")
        sums.add_row(Text(f"for {side}", paint[side]), _spread(listed or ["nothing"]))
    of_words = row["margin"] - row["intercept"]
    sums.add_row("margin", f"{row['margin']:+.2f} = words {of_words:+.2f}, before any word {row['intercept']:+.2f}")
    sums.add_row("scores", _spread([f"{name} {score:.2f}" for name, score in scores.items()]))
    console.print(heading)
    console.print(
        Padding(_highlight(text, row["evidence"], paint[label], paint[other], painted=painted), (1, 3), expand=False)
    )
    console.print(Padding(sums, (0, 0, 1, 3), expand=False))


def _spread(entries: list[str]) -> Columns:
    """Put entries side by side, and break lines only between them."""
    from rich.columns import Columns
    from rich.text import Text

    return Columns([Text(entry, no_wrap=True) for entry in entries], padding=(0, 2))


def _sum_up(text: str, evidence: list[dict[str, Any]], sign: int) -> list[tuple[str, float]]:
    """Sum the weights of each word over its occurrences: those on one side, the strongest first."""
    weights: dict[str, float] = {}
    for word in evidence:
        name = text[word["start"] : word["end"]].lower()
        weights[name] = weights.get(name, 0.0) + word["weight"]
    return sorted(((name, w) for name, w in weights.items() if w * sign > 0), key=lambda entry: -entry[1] * sign)


def _highlight(text: str, evidence: list[dict[str, Any]], label: str, other: str, *, painted: bool) -> Text:
    """Mark the words of a statement: by colour, or where there is none by the weights of the strongest."""
    from rich.text import Text

    marked, end = Text(), 0
    strongest = max((abs(word["weight"]) for word in evidence), default=0.0)
    for word in evidence:
        share = abs(word["weight"]) / strongest
        marked.append(text[end : word["start"]])
        end = word["end"]
        style = next((style for least, style in _STRENGTHS if share >= least), None)
        if painted and style is not None:
            marked.append(text[word["start"] : end], f"{style} {label if word['weight'] > 0 else other}".strip())
        else:
            marked.append(text[word["start"] : end])
            if not painted and share >= _STRENGTHS[1][0]:
                marked.append(f"[{word['weight']:+.2f}]")
    return marked.append(text[end:])


def _legend(colours: dict[str, str], *, painted: bool) -> Text:
    from rich.text import Text

    if not painted:
        return Text("[+0.48] behind a word is what it brings to the margin; only the strongest are marked.")
    names = Text(" ").join(Text(label, colour) for label, colour in colours.items())
    return Text.assemble(
        "A word has the colour of the label it speaks for (", names, "): ",
        ("strongly", "reverse bold"), ", ", ("clearly", "bold"), " or weakly, beside the strongest of the statement.",
    )  # fmt: skip
