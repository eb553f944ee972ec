"""The verb ``classify``: texts, files or stdin in, one row out for each."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from communique.cli.options import Force, IdColumn, Jobs, Spacy, TextColumn, columns
from communique.cli.rows import read_inputs, refuse_file, spare_imports, told
from communique.cli.terminal import is_terminal, progress, say, table
from communique.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from communique.corpus.batch import Batch
    from communique.corpus.sink import Format
    from communique.extraction.article import Article
    from communique.extraction.files import Extracted
    from communique.inference.bulk import Answered
    from communique.inference.prediction import Classifier, Options

_WIDE = 110  # columns of a terminal from which all scores are shown


def classify(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT|FILE|-", help="Statements, files of them, or - for stdin.", show_default=False),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name, name@version, or path.", envvar="COMMUNIQUE_MODEL")
    ] = "stance",
    format: Annotated[  # noqa: A002 - the flag's name
        str | None, typer.Option("--format", "-f", help="table, jsonl, csv, tsv or parquet.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")] = None,
    max_error: Annotated[
        float | None,
        typer.Option(help="Abstain where more than this share of the answers would be wrong (such as 0.1)."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option("--min-confidence", "--threshold", help="Abstain where the confidence is below this (0 to 1)."),
    ] = None,
    coverage: Annotated[
        float | None, typer.Option(help="List the labels that hold the true one in this share of rows (such as 0.9).")
    ] = None,
    evidence: Annotated[
        bool,
        typer.Option("--evidence", help="Add the words that speak for the label and against it, with their places."),
    ] = False,
    top_k: Annotated[int | None, typer.Option(help="List this many labels, the most probable first.")] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Write a receipt here: what was classified, with what; see communique verify.")
    ] = None,
    article: Annotated[
        bool, typer.Option("--article", help="The files are articles or transcripts: label every statement in them.")
    ] = False,
    text_column: TextColumn = None,
    id_column: IdColumn = None,
    spacy: Spacy = None,
    jobs: Jobs = 0,
    force: Force = False,
) -> None:
    """Tell the stance of statements.

    A single argument is a file if a file of that name exists, else a text. Every row in gives one row out, in order,
    with its columns, and label, confidence and scores behind them. With --article the rows are the statements found in
    the articles given (files, folders, - for stdin), as communique extract finds them, and on a terminal the article
    is shown with its statements coloured by stance.

    Example: communique classify statements.csv --format csv --output labelled.csv
    """
    spare_imports()
    from communique.inference.bulk import answer
    from communique.inference.prediction import Classifier, Options
    from communique.model import registry

    options = Options(threshold=min_confidence, top_k=top_k, evidence=evidence, max_error=max_error, coverage=coverage)
    saved = registry.find(model)
    classifier = Classifier(registry.open_saved(saved))
    _warn(classifier, options)
    shown = _form(format) or ("table" if output is None and is_terminal(sys.stdout) else None)
    wanted = columns(text_column, identity=id_column)
    if article and (receipt or text_column or id_column):
        raise UsageError(
            "--article with --receipt, --text-column or --id-column", remedy="run communique extract first"
        )
    if spacy is not None and not article:
        raise UsageError("--spacy without --article", remedy="add --article: the parser helps to find statements")
    if shown == "table":
        refuse_file(output)
        if top_k is not None or evidence or coverage is not None:
            say("communique: the table has no room for --top-k, --evidence and --coverage; --format jsonl has")
    if article:
        from communique.cli.extract import found_in
        from communique.inference.articles import batches

        with found_in(inputs, None, jobs, spacy) as found:
            if shown == "table":
                _show_articles(classifier, options, found)
            else:
                pairs = ((each.article, each.statements) for each in found if each.article is not None)
                answers = answer(classifier, batches(pairs), options, jobs=jobs)
                _write(_warn_of_language(classifier, options, answers), output, shown, force=force)
        return
    answers = answer(classifier, read_inputs(inputs or [], wanted), options, jobs=jobs)
    answers = _warn_of_language(classifier, options, answers)
    with nullcontext() if receipt is None else _receipt(receipt, force) as kept:
        ledger = None
        if kept is not None:
            from communique.inference.receipt import Ledger

            ledger = Ledger(saved, classifier, options, wanted, inputs or [], given=model)
            answers = ledger.watch(answers)
        if shown == "table":
            with told(answers) as answers:
                _show(answers)
        else:
            _write(answers, output, shown, force=force)
        if kept is not None and ledger is not None:
            kept.write(ledger.close(output).to_json())


def _show_articles(classifier: Classifier, options: Options, found: Iterable[Extracted]) -> None:
    from communique.cli.article import show_article
    from communique.inference.articles import batch_of
    from communique.inference.bulk import answer

    shown: list[Article] = []

    def batches() -> Iterator[Batch]:
        for each in found:
            if each.article is not None and each.statements:
                shown.append(each.article)
                yield batch_of([(each.article, each.statements)])

    for answered in _warn_of_language(classifier, options, answer(classifier, batches(), options, jobs=1)):
        rows, background = answered.rows.to_pylist(), classifier.model.codebook.background
        show_article(shown.pop(), rows, classifier.labels, background)


def _receipt(path: Path, force: bool) -> AbstractContextManager[IO[bytes]]:
    from communique.corpus.sink import open_file

    return open_file(path, force)


def _write(answers: Iterable[Answered], output: Path | None, form: Format | None, *, force: bool) -> None:
    from communique.corpus.sink import open_sink

    with open_sink(output, form, force=force) as sink, told(answers) as answers, progress("classified") as advance:
        done = 0
        for answered in answers:
            sink.write(answered.rows)
            done += answered.rows.num_rows
            advance(done, 0)


def _warn(classifier: Classifier, options: Options) -> None:
    """Say which promise cannot be made, before anything is answered."""
    if options.max_error is not None and not (promise := classifier.promise(options.max_error)).kept:
        then = "nothing is answered" if promise.threshold is None else "its threshold is a guess"
        say(f"communique: {promise.why}; {then}")
    if options.coverage is not None and (why := classifier.sets(options.coverage).why):
        say(f"communique: {why}; every label is listed")
    if options.max_error is not None or options.coverage is not None:
        say("communique: the promise holds for statements like the training rows; on others, expect more errors")


def _warn_of_language(classifier: Classifier, options: Options, answers: Iterable[Answered]) -> Iterator[Answered]:
    """Pass answers on; say so if most of the first batch is in a language that the model has not learnt."""
    for place, answered in enumerate(answers):
        if not place and options.threshold is None and options.max_error is None:
            foreign, rows = int(classifier.is_foreign(answered.batch.text).sum()), answered.rows.num_rows
            if 2 * foreign > rows:
                these = "the text is" if rows == 1 else f"{foreign:,} of the first {rows:,} texts are"
                say(
                    f"communique: {these} not in the language that {classifier.model.name} learnt, and labels mean "
                    "nothing there; --max-error 0.1 leaves such texts unanswered"
                )
        yield answered


def _form(name: str | None) -> Literal["table"] | Format | None:
    match name:
        case None | "table" | "jsonl" | "csv" | "tsv" | "parquet":
            return name
    raise UsageError(f"the format {name!r}", expected="table, jsonl, csv, tsv or parquet")


def _show(answers: Iterator[Answered]) -> None:
    first = next(answers, None)
    if first is None:
        return
    # On a narrow terminal the statement needs the room.
    wide = not is_terminal(sys.stdout) or shutil.get_terminal_size().columns >= _WIDE
    labels = [field.name for field in first.rows.schema.field("scores").type] if wide else []
    rows = list(
        chain.from_iterable(
            _table_rows(answered.rows, answered.batch.id, answered.batch.text, labels)
            for answered in chain([first], answers)
        )
    )
    table("", ["id", "statement", "label", "confidence", *labels], rows, wide=1)


def _table_rows(rows: pa.RecordBatch, ids: pa.Array, texts: pa.Array, labels: list[str]) -> Iterator[list[str]]:
    abstained = rows.column("abstained").to_pylist() if "abstained" in rows.schema.names else [False] * rows.num_rows
    for identity, text, label, confidence, scores, unsure in zip(
        ids.to_pylist(),
        texts.to_pylist(),
        rows.column("label").to_pylist(),
        rows.column("confidence").to_pylist(),
        rows.column("scores").to_pylist(),
        abstained,
        strict=True,
    ):
        if label is None:
            yield [identity, text or "", "", "", *("" for _ in labels)]
        else:
            yield [
                identity,
                text,
                f"{label} (unsure)" if unsure else label,
                f"{confidence:.2f}",
                *(f"{scores[name]:.2f}" for name in labels),
            ]
