"""What is done at each address. Every function reads its own request; `document` says what it takes and gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import pyarrow as pa
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from communique.errors import DataError, ModelMissingError, UsageError
from communique.inference.explanation import RUNNER_UP, explanations
from communique.inference.prediction import Classifier, Options, Texts
from communique.model.card import card
from communique.service import metrics, wire
from communique.service.corrections import Correction, Ledger
from communique.service.desk import Desk, Rows, answer_batch, make_batch, unless_gone
from communique.service.problems import NotJsonError, UnknownLabelError, UnreadableError
from communique.service.settings import Settings
from communique.service.shelf import Served, Shelf
from communique.service.stream import MEDIA_TYPES, Answering, Lines, answer_lines, begin

if TYPE_CHECKING:
    from communique.extraction.article import Article
    from communique.extraction.extraction import Statement

T = TypeVar("T")

JSON = "application/json"
ARTICLES = {"text/plain": "text", "text/markdown": "markdown", "text/html": "html"}
_CHARSETS = {"": "utf-8", "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8"}
_CHARSETS |= {"iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252"}  # as browsers read it


class Routes:
    """The functions behind the addresses, and what they all need."""

    def __init__(self, settings: Settings, shelf: Shelf, desk: Desk) -> None:
        self.settings, self.shelf, self.desk = settings, shelf, desk
        self.ledger = None if settings.corrections is None else Ledger(settings.corrections)

    # Statements

    async def classify(self, request: Request) -> Response:
        """Label statements."""
        kind = _media_type(request)
        if kind in MEDIA_TYPES:
            return await self._classify_lines(request, kind)
        told = _query(request, wire.Query)
        body = wire.read_body(wire.ToClassify, await _json(request, kind, MEDIA_TYPES), told)
        served = self.shelf.get(body.model)
        given = body.statements(self.settings)
        answering = self.desk.classify(served, body.options, given)
        rows = await answering if len(given) == 1 else await self._attend(request, answering)
        return _answer(request, served, rows)

    async def _classify_lines(self, request: Request, kind: str) -> Response:
        wanted = wire.Query(**_query(request, wire.Query))
        served = self.shelf.get(wanted.model)
        answering = Answering(self.settings, served, wanted.options)
        note = request.scope["note"]
        lines = answer_lines(request.stream(), answering, self.desk, self.settings, note, served)
        return Lines(await begin(lines), headers=_named(served), media_type=kind)

    async def explain(self, request: Request) -> Response:
        """Tell which words speak for a label."""
        body = wire.read_body(wire.ToExplain, await _json(request))
        served = self.shelf.get(body.model)
        wire.check_length(body.text, "text", self.settings)
        for label in (body.label, body.against):
            _check_label(label, served)
        if body.label is not None and body.label == body.against:
            raise UsageError(f"the label {body.label!r} against itself", expected="another label in 'against'")
        explainer = _Explainer(served.classifier, body.label, body.against)
        batch = make_batch([body.text])
        rows = await self._attend(request, self.desk.run(lambda: answer_batch(explainer, batch)))
        request.scope["note"].answer(served, rows.labels)
        return _respond(f'{{"model":{_block(served)},{rows.lines[0][1:]}', served)

    # Articles

    async def extract(self, request: Request) -> Response:
        """Find who said what in an article."""
        body = await self._article(request, wire.ToExtract, wire.ExtractQuery)
        article, lines = await self._attend(request, self.desk.run(lambda: _extract(body)))
        request.scope["note"].rows = len(lines)
        return _respond(f'{{"article":{article},"rows":[{",".join(lines)}]}}')

    async def article(self, request: Request) -> Response:
        """Find who said what in an article, and label it."""
        body = await self._article(request, wire.ToRead, wire.ArticleQuery)
        served = self.shelf.get(body.model)
        work = self.desk.run(lambda: _read(body, served))
        article, rows = await self._attend(request, work)
        request.scope["note"].answer(served, rows.labels, rows.abstained)
        return _respond(f'{{"model":{_block(served)},"article":{article},"rows":[{",".join(rows.lines)}]}}', served)

    async def _article(
        self, request: Request, shape: type[wire.B], query: type[wire.ExtractQuery | wire.ArticleQuery]
    ) -> wire.B:
        kind, told = _media_type(request), _query(request, query)
        if kind not in ARTICLES:
            return wire.read_body(shape, await _json(request, kind, tuple(ARTICLES)), told)
        text = _decode(await request.body(), _charset(request))
        return wire.check(shape, {"format": ARTICLES[kind]} | told | {"article": text})

    # Models

    async def models(self, request: Request) -> Response:  # noqa: ARG002
        """List what is served."""
        listed = {
            "default": _address(self.shelf.default, self.shelf),
            "corrections": self.ledger is not None,
            "models": [_list(served) for served in self.shelf.all()],
        }
        return _respond(orjson.dumps(listed), self.shelf.default)

    async def model(self, request: Request) -> Response:
        """Tell all about one model."""
        name = request.path_params["name"]
        if not name:
            raise ModelMissingError("no name of a model")
        served = self.shelf.get(name)
        model, manifest = served.classifier.model, served.saved.manifest
        page = _list(served) | {
            "card": card(manifest, model.codebook) if manifest else "",
            "codebook": model.codebook.to_dict(),
            "codebook_sha256": model.codebook.fingerprint,
            "recipe": model.recipe,
        }
        return _respond(orjson.dumps(page), served)

    # Corrections

    async def correct(self, request: Request) -> Response:
        """Write down what a person says against the model."""
        if self.ledger is None:
            raise ModelMissingError(
                "corrections are not taken here", remedy="start the service with --corrections FILE"
            )
        body = wire.read_body(wire.ToCorrect, await _json(request))
        served = self.shelf.get(body.model)
        wire.check_length(body.text, "text", self.settings)
        _check_label(body.label, served)
        if body.answer is not None:
            answer = body.answer.model_dump(exclude_unset=True)
        else:
            rows = await self.desk.classify(served, Options(), [body.text])
            row = orjson.loads(rows.lines[0])
            answer = {name: row[name] for name in ("label", "confidence", "scores")}
        correction = Correction(body.text, body.label, answer, served.name, served.sha256, body.note)
        event = await self.desk.run(lambda: self.ledger.append(correction))  # type: ignore[union-attr]
        return _respond(f'{{"model":{_block(served)},"id":"{event.id}","time":"{event.time}"}}', served, status=201)

    # The service itself

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """Tell that the process lives."""
        return _respond('{"status":"ok"}')

    async def readiness(self, request: Request) -> Response:  # noqa: ARG002
        """Tell that models are loaded and tested."""
        return _respond('{"status":"ok"}', self.shelf.default)

    async def metrics(self, request: Request) -> Response:
        """Give the counters."""
        counters: metrics.Metrics = request.app.state.metrics
        return Response(counters.render(self.shelf.all()), media_type=metrics.CONTENT_TYPE)

    async def _attend(self, request: Request, work: Awaitable[T]) -> T:
        """Wait for work unless the client leaves."""

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        try:
            return await unless_gone(asyncio.ensure_future(work), gone)
        except asyncio.CancelledError:
            raise ClientDisconnect from None


class _Explainer(Classifier):
    """A model at work whose verdicts are explanations, as those of `Explainer`; what it has looked up once it keeps."""

    def __init__(self, classifier: Classifier, label: str | None, against: str | None) -> None:
        super().__init__(classifier.model)
        self._classifier, self._label = classifier, label
        self._against = RUNNER_UP if against is None else against

    def verdicts(self, texts: Texts, options: Options = Options()) -> pa.StructArray:  # noqa: ARG002
        return explanations(self._classifier, texts, label=self._label, against=self._against)


# Requests


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _charset(request: Request) -> str:
    for parameter in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


async def _json(request: Request, kind: str | None = None, others: tuple[str, ...] = ()) -> bytes:
    kind = _media_type(request) if kind is None else kind
    if kind != JSON:
        raise UnreadableError(
            f"a body of the type {kind[:80]!r}" if kind else "a body without a Content-Type",
            expected=", ".join([JSON, *others]),
            remedy=f"say so with the header Content-Type: {JSON}",
        )
    return await request.body()


def _decode(body: bytes, charset: str) -> str:
    if charset not in _CHARSETS:
        raise UnreadableError(f"the charset {charset[:80]!r}", expected="utf-8")
    try:
        return body.decode(_CHARSETS[charset]).removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        raise NotJsonError(
            f"an article that is not {_CHARSETS[charset].upper()} (byte {problem.start + 1})", expected="text in UTF-8"
        ) from None


def _query(request: Request, shape: type[BaseModel]) -> dict[str, Any]:
    """Read what the query string says, and only that."""
    if not request.scope["query_string"]:
        return {}
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise UsageError(f"{name[:80]!r} twice in the query", expected="it once")
        given[name] = value
    return wire.check(shape, given, "the query").model_dump(exclude_unset=True)


def _check_label(label: str | None, served: Served) -> None:
    if label is not None and label not in served.classifier.labels:
        raise UnknownLabelError(f"the label {label!r}", expected=f"one of {', '.join(served.classifier.labels)}")


# Answers


def _block(served: Served) -> str:
    return orjson.dumps({"name": served.name, "version": served.version, "sha256": served.sha256}).decode()


def _named(served: Served) -> dict[str, str]:
    return {"Communique-Model": str(served)}


def _respond(body: str | bytes, served: Served | None = None, status: int = 200) -> Response:
    return Response(body, status, None if served is None else _named(served), JSON)


def _answer(request: Request, served: Served, rows: Rows) -> Response:
    request.scope["note"].answer(served, rows.labels, rows.abstained)
    return _respond(f'{{"model":{_block(served)},"rows":[{",".join(rows.lines)}]}}', served)


def _address(served: Served, shelf: Shelf) -> str:
    """Give the shortest name that leads to a model."""
    return served.name if shelf.get(served.name) is served else str(served)


def _list(served: Served) -> dict[str, Any]:
    model = served.classifier.model
    return {
        "name": served.name,
        "version": served.version,
        "sha256": served.sha256,
        "labels": list(model.labels),
        "background": model.codebook.background,
        "terms": len(model.weights),
    }


# Articles


def _extract(body: wire.ToExtract) -> tuple[str, list[str]]:
    article, statements = _statements(body)
    return _head(article), [orjson.dumps(statement.to_dict()).decode() for statement in statements]


def _read(body: wire.ToRead, served: Served) -> tuple[str, Rows]:
    from communique.inference.articles import batch_of

    article, statements = _statements(body)
    rows = (
        answer_batch(served.classifier, batch_of([(article, statements)]), body.options)
        if statements
        else Rows([], [], 0)
    )
    return _head(article), rows


def _statements(body: wire.ToExtract) -> tuple[Article, tuple[Statement, ...]]:
    """Find the statements; where there is no article, there is none."""
    from communique.extraction.article import Article
    from communique.extraction.extraction import extract
    from communique.extraction.reading import read_article

    try:
        article = read_article(body.article, body.source, body.format)
    except DataError:
        return Article("", (), body.source), ()
    return article, extract(article)


def _head(article: Article) -> str:
    told = {name: getattr(article, name) for name in wire.ArticleBlock.model_fields}
    return orjson.dumps(told).decode()
