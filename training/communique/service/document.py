"""The OpenAPI document: what each address takes and gives, as `wire` reads and `routes` answers it.

It is written from one table, so that a reader, the docs page and a test that throws everything at the service (the
document says what is right, and what must be refused) have the same ground.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from communique.service import wire
from communique.service.guard import MEDIA_TYPE
from communique.service.metrics import CONTENT_TYPE
from communique.service.settings import Settings

JSON, LINES = "application/json", "application/x-ndjson"
_REF = "#/components/schemas/{model}"

_ABOUT = """\
Tells the stance of official statements, finds who said what in an article, and says how sure it is and why.

Rows are those of the command line, to the letter. Every answer of a model names it and its hash, also in the header
`Communique-Model`. Offsets count Unicode code points; JavaScript counts UTF-16 units, which differ beyond U+FFFF.
What goes wrong is told as `application/problem+json` (RFC 9457): what was found, what was expected, what to do.
"""

_TEXT = "Unless the posts are dismantled by noon, our forces will remove them."
_SCORES = {"escalatory": 0.94, "conciliatory": 0.02, "dismissive": 0.03, "none": 0.01}
_MODEL = {"name": "stance", "version": "0123456789ab", "sha256": "0123456789ab" + "0" * 52}
_ANSWER = {"label": "escalatory", "confidence": 0.94, "scores": _SCORES}
_ARTICLE = (
    "Ruzane Imbali, the president of Veldania, said on Friday: “Unless the posts are dismantled by noon, "
    "our forces will remove them.”"
)
_BLOCK = {"title": "", "byline": "", "outlet": "", "date": "", "language": "en", "text": _ARTICLE}
_EXTRACT = {
    "id": "01", "text": _TEXT, "start": 59, "end": 128, "spans": [[59, 128]], "kind": "direct",
    "speaker": "Ruzane Imbali", "office": "president", "actor": "Veldania", "cue": "said", "confidence": 0.9,
    "date": "", "source": "", "clause": [59, 128],
}  # fmt: skip
_ATTRIBUTED = _EXTRACT | {
    "speaker_confidence": 0.9,
    "judged": _TEXT,
    "before": "Ruzane Imbali, the president of Veldania, said on Friday: “",
    "after": "”",
}
_EVIDENCE = [{"start": 0, "end": 6, "text": "Unless", "weight": 0.61}]


@dataclass(frozen=True)
class Media:
    """One form of a body: its schema (a model of `wire`, or written out), and an example."""

    schema: type[BaseModel] | dict[str, Any]
    example: Any = None
    kind: str = JSON


@dataclass(frozen=True)
class Operation:
    """What can be done at an address."""

    path: str
    method: str
    name: str
    summary: str
    tag: str
    takes: tuple[Media, ...] = ()
    gives: tuple[Media, ...] = ()
    status: int = 200
    refusals: tuple[int, ...] = ()
    query: type[BaseModel] | None = None
    description: str = ""
    parameters: tuple[dict[str, Any], ...] = field(default=())
    named: bool = False  # whether the answer has the header Communique-Model


# Bodies that are no JSON have no schema: any text is one. What they hold is told in the operation's description.
_ANY: dict[str, Any] = {}
_LINES = (Media(_ANY, None, LINES), Media(_ANY, None, "application/jsonl"))
_RAW = tuple(Media(_ANY, None, kind) for kind in ("text/plain", "text/markdown", "text/html"))
_STREAMED = (
    "JSON Lines may be of any length: objects with a text, one a line, are answered as they come, each with a row. "
    "Read the rows while you write, for nothing more is read while they are not taken. A line that is no row comes "
    "back with an `error`; if no further row can be read, the last line is a Problem."
)
_ANYWHERE = (414, 431, 503)
_BODY = (400, 413, 415, 422)  # what may be wrong with any body

OPERATIONS = (
    Operation(
        "/v1/classify", "post", "classify", "Tell the stance of statements.", "statements",
        takes=(
            Media(wire.ToClassify, {"text": _TEXT}),
            *_LINES,
        ),
        gives=(
            Media(wire.Classified, {"model": _MODEL, "rows": [{"id": "1", "text": _TEXT} | _ANSWER]}),
            *_LINES,
        ),
        refusals=(*_BODY, 404, 409),
        query=wire.Query,
        description="One statement, or many, or JSON Lines, streamed in and out. The options may also stand in the "
        "query, as they must for JSON Lines; those in the body come first. A statement without text keeps its place: "
        "its label is null.\n\n" + _STREAMED,
        named=True,
    ),
    Operation(
        "/v1/explain", "post", "explain", "Show which words speak for a label.", "statements",
        takes=(Media(wire.ToExplain, {"text": _TEXT}),),
        gives=(
            Media(
                wire.Explained,
                {"model": _MODEL, "id": "1", "text": _TEXT} | _ANSWER
                | {"runner_up": "dismissive", "margin": 1.9, "intercept": 0.1, "evidence": _EVIDENCE},
            ),
        ),
        refusals=(*_BODY, 404, 409),
        description="The weights of the words and the intercept add up to the margin of the label over the runner-up.",
        named=True,
    ),
    Operation(
        "/v1/article", "post", "article", "Find who said what in an article, and tell its stance.", "articles",
        takes=(Media(wire.ToRead, {"article": _ARTICLE}), *_RAW),
        gives=(
            Media(wire.Read, {"model": _MODEL, "article": _BLOCK, "rows": [_ATTRIBUTED | _ANSWER]}),
        ),
        refusals=(*_BODY, 404, 409),
        query=wire.ArticleQuery,
        description="What `extract` and `classify` do, one after the other.",
        named=True,
    ),
    Operation(
        "/v1/extract", "post", "extract", "Find who said what in an article.", "articles",
        takes=(Media(wire.ToExtract, {"article": _ARTICLE}), *_RAW),
        gives=(Media(wire.Extracted, {"article": _BLOCK, "rows": [_EXTRACT]}),),
        refusals=_BODY,
        query=wire.ExtractQuery,
        description="Where there is no article, there are no rows. Offsets count Unicode code points.",
    ),
    Operation(
        "/v1/models", "get", "list_models", "List the models.", "models",
        gives=(
            Media(
                wire.Models,
                {
                    "default": "stance", "corrections": False,
                    "models": [_MODEL | {"labels": list(_SCORES), "background": "none", "terms": 100000}],
                },
            ),
        ),
        named=True,
    ),
    Operation(
        "/v1/models/{name}", "get", "show_model", "Show card, codebook, hashes and recipe of a model.", "models",
        gives=(Media(wire.ModelPage),),
        refusals=(404,),
        parameters=(
            {
                "name": "name", "in": "path", "required": True, "description": "Its name, or name@version.",
                "schema": {"type": "string", "minLength": 1}, "example": "stance",
            },
        ),
        named=True,
    ),
    Operation(
        "/v1/corrections", "post", "correct", "Say that a label is wrong, and which is right.", "corrections",
        takes=(Media(wire.ToCorrect, {"text": _TEXT, "label": "escalatory", "note": "an ultimatum"}),),
        gives=(
            Media(wire.Event, {"model": _MODEL, "id": "0123456789abcdef", "time": "2031-05-14T09:30:00.000Z"}),
        ),
        status=201,
        refusals=(*_BODY, 404, 409, 507),
        description="Only where the service was started with a ledger of corrections, which `communique train` reads; "
        "404 elsewhere.",
        named=True,
    ),
    Operation(
        "/healthz", "get", "health", "Tell whether the process lives.", "service",
        gives=(Media(wire.State, {"status": "ok"}),),
    ),
    Operation(
        "/readyz", "get", "readiness", "Tell whether the models are loaded and tested.", "service",
        gives=(Media(wire.State, {"status": "ok"}),),
        named=True,
    ),
    Operation(
        "/metrics", "get", "metrics", "Count requests, statements by label, abstentions, reloads.", "service",
        gives=(Media({"type": "string"}, None, CONTENT_TYPE.partition(";")[0]),),
        description="In the text format of Prometheus.",
    ),
)  # fmt: skip

_REFUSALS = {
    400: "A body that is no JSON, or no UTF-8.",
    401: "The token is missing or wrong.",
    404: "What was named is not served.",
    408: "The request came too slowly.",
    409: "The model cannot do this: it does not have the label, or keeps no held-out scores for a promise.",
    414: "The address is too long.",
    431: "There are too many headers, or too long ones.",
    413: "More at once than is taken.",
    415: "A body of a type, or with an encoding, that is not read.",
    422: "JSON of another shape.",
    503: "Too many requests at once; Retry-After says when to come again.",
    507: "The correction could not be written down.",
}


def describe(settings: Settings) -> dict[str, Any]:
    """Write the document."""
    kinds = _models(OPERATIONS)
    _, schemas = models_json_schema([(kind, "validation") for kind in kinds], ref_template=_REF)
    components: dict[str, Any] = {"schemas": schemas["$defs"]}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation, settings)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "communique",
            "version": version("communique"),
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": components,
    }
    if settings.token is not None:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    _set_limits(components["schemas"], settings)
    return document


def _models(operations: Iterable[Operation]) -> list[type[BaseModel]]:
    found: dict[type[BaseModel], None] = {wire.Problem: None}
    for operation in operations:
        for media in (*operation.takes, *operation.gives):
            if isinstance(media.schema, type):
                found[media.schema] = None
    return list(found)


def _set_limits(schemas: dict[str, Any], settings: Settings) -> None:
    """Write in how long a text may be, and how many there may be: that is this service's own."""
    for name in ("ToClassify", "ToExplain", "ToCorrect"):
        schemas[name]["properties"]["text"]["maxLength"] = settings.max_chars
    texts = schemas["ToClassify"]["properties"]["texts"]
    texts["maxItems"] = settings.max_batch
    texts["description"] += f" None may have more than {settings.max_chars:,} characters."


def _describe(operation: Operation, settings: Settings) -> dict[str, Any]:
    headers: dict[str, Any] = {"Request-Id": _header("Names the request in the service's log.")}
    if operation.named:
        headers["Communique-Model"] = _header("The model that answered: name@version.")
    responses: dict[str, Any] = {
        str(operation.status): {
            "description": HTTPStatus(operation.status).phrase,
            "headers": headers,
            "content": _content(operation.gives),
        }
    }
    guarded = settings.token is not None and (operation.path.startswith("/v1/") or operation.path == "/metrics")
    for status in sorted(
        {*operation.refusals, *((401,) if guarded else ()), *((408,) if operation.takes else ()), *_ANYWHERE}
    ):
        responses[str(status)] = {
            "description": _REFUSALS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        if status == 503:
            responses["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses,
    }
    if operation.description:
        described["description"] = operation.description
    parameters = [*operation.parameters, *(_query(operation.query) if operation.query else ())]
    if parameters:
        described["parameters"] = parameters
    if operation.takes:
        described["requestBody"] = {"required": True, "content": _content(operation.takes)}
    if guarded:
        described["security"] = [{"token": []}]
    return described


def _content(media: Iterable[Media]) -> dict[str, Any]:
    content = {}
    for one in media:
        schema = {"$ref": _REF.format(model=one.schema.__name__)} if isinstance(one.schema, type) else one.schema
        content[one.kind] = ({"schema": schema} if schema else {}) | (
            {} if one.example is None else {"example": one.example}
        )
    return content


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _query(model: type[BaseModel]) -> Iterable[dict[str, Any]]:
    for name, schema in model.model_json_schema()["properties"].items():
        plain = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "description", "title")}
        kind: dict[str, Any] = next((kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"), {})
        yield {"name": name, "in": "query", "description": schema["description"], "schema": plain | kind}
