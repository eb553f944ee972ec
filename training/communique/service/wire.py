"""What comes in and what goes out: the shapes of bodies, for reading them and for the document that describes them.

Bodies are read by orjson, the parser of the command line, so that the same line means the same there and here: NaN is
no JSON, half a surrogate pair neither, of a key twice the last value counts. Then pydantic looks at the shape,
strictly: "0.1" is no number and an unknown field no oversight to be passed over in silence.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from communique.corpus.batch import describe
from communique.errors import UsageError
from communique.inference.prediction import Options
from communique.service.problems import NotJsonError, misfit
from communique.service.settings import Settings
from communique.statement import ID, TEXT

_BOM = b"\xef\xbb\xbf"
MOST_KEYS = 200
"""Different keys in the rows of one request: each is a column, which costs memory in every row."""

Given = str | dict[str, Any]
"""A statement as it was given: a text, or a row with one."""


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _whole(value: Any) -> Any:
    """Take 3.0 for 3, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Wanted(_Body):
    """What is wanted of a model; the options of the command line, under their names."""

    model: str | None = Field(None, max_length=100, description="The model: its name, or name@version.")
    evidence: bool = Field(False, description="Add the words that speak for the label and against it.")
    max_error: float | None = Field(
        None, gt=0, lt=1, description="Abstain where more than this share of the answers would be wrong."
    )
    min_confidence: float | None = Field(None, ge=0, le=1, description="Abstain where the confidence is below this.")
    coverage: float | None = Field(
        None, gt=0, lt=1, description="List the labels that hold the true one in this share of rows."
    )
    top_k: Annotated[int | None, BeforeValidator(_whole)] = Field(
        None, ge=1, le=1000, description="List this many labels, the most probable first."
    )

    @property
    def options(self) -> Options:
        """The options as inference has them."""
        return Options(
            threshold=self.min_confidence,
            top_k=self.top_k,
            evidence=self.evidence,
            max_error=self.max_error,
            coverage=self.coverage,
        )


class Query(Wanted):
    """The same in a query string, where everything is text."""

    model_config = ConfigDict(strict=False)


class Described(BaseModel):
    """What can be said of an article."""

    source: str = Field("", max_length=2000, description="Where it comes from; it is only handed through.")
    format: Literal["text", "markdown", "html"] | None = Field(
        None, description="What the article is written in; without it, what it looks like."
    )


class ExtractQuery(Described):
    """The same in a query string, which may not be long."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field("", max_length=400, description="Where it comes from; it is only handed through.")


class ArticleQuery(Query, ExtractQuery):
    """The same with what is wanted of a model."""


_ROW = {
    "type": "object",
    "properties": {
        ID: {"type": ["string", "integer", "null"]},
        TEXT: {"type": ["string", "null"]},
    },
    "required": [TEXT],
    "maxProperties": MOST_KEYS,
    "description": "A row with a text; whatever else it has comes back with the answer.",
}


class ToClassify(Wanted):
    """One statement, or many."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["texts"]}]},
    )

    text: str = Field("", json_schema_extra=_no_default, description="One statement.")
    texts: Annotated[
        list[Any],
        WithJsonSchema({"type": "array", "items": {"anyOf": [{"type": "string"}, _ROW]}}),
    ] = Field([], json_schema_extra=_no_default, description="Many statements, as texts or as rows with a text.")

    def statements(self, settings: Settings) -> list[Given]:
        """List the statements.

        Raises
        ------
        UsageError
            If there are too many, or one is too long, or none at all.
        """
        one = {"text", "texts"} & self.model_fields_set
        if len(one) != 1:
            raise UsageError(
                "a text and texts at once" if one else "neither 'text' nor 'texts'",
                expected="one of them",
                remedy="see /docs",
            )
        if "text" in one:
            check_length(self.text, "text", settings)
            return [self.text]
        if len(self.texts) > settings.max_batch:
            raise UsageError(
                f"{len(self.texts):,} texts",
                expected=f"at most {settings.max_batch:,} in a request",
                remedy="send them in several, or stream them as JSON Lines",
            )
        for place, given in enumerate(self.texts):
            _check_statement(given, f"texts.{place}", settings)
        return self.texts


class ToExtract(_Body, Described):
    """An article."""

    article: str = Field(description="The article, as text or markup.")


class ToRead(Wanted, ToExtract):
    """An article whose statements are to be extracted and classified."""


class ToExplain(_Body):
    """A statement whose label is to be explained."""

    text: str = Field(description="The statement.")
    model: str | None = Field(None, max_length=100, description="The model: its name, or name@version.")
    label: str | None = Field(None, max_length=200, description="Explain this label instead of the most probable one.")
    against: str | None = Field(
        None, max_length=200, description="Compare with this label instead of the most probable other one."
    )


class Answer(_Body):
    """What a model had answered: so much of a row as a correction keeps."""

    model_config = ConfigDict(extra="ignore")

    label: str | None = Field(None, max_length=200)
    confidence: float | None = Field(None, ge=0, le=1)
    scores: dict[str, float] | None = Field(None, max_length=200)
    abstained: bool | None = None


class ToCorrect(_Body):
    """A label that a person gives a statement, because the model's is wrong."""

    text: str = Field(min_length=1, pattern=r"\S", description="The statement.")
    label: str = Field(max_length=200, description="The label that is right; one of the model's.")
    note: str = Field("", max_length=2000, description="Why.")
    answer: Answer | None = Field(None, description="The answer the person saw; without it, the model is asked again.")
    model: str | None = Field(None, max_length=100, description="The model: its name, or name@version.")


# What goes out; for the document alone, for rows are made by Arrow.


class ModelBlock(BaseModel):
    """Which model answered."""

    name: str
    version: str
    sha256: str


class Top(BaseModel):
    """One label of several."""

    label: str
    confidence: float


class Word(BaseModel):
    """A word of the text and what it brings to the margin; offsets count Unicode code points."""

    start: int
    end: int
    text: str
    weight: float


class Row(BaseModel):
    """A row of ``communique classify --format jsonl``: what came in, and the answer behind it; all null without a text.

    A column that came in under the name of one of the answer's comes back as ``given_`` and its name.
    """

    model_config = ConfigDict(extra="allow")

    id: Annotated[Any, WithJsonSchema({"type": ["string", "integer", "null"]})] = None
    text: str | None
    label: str | None
    confidence: float | None
    scores: Annotated[
        dict[str, float] | None,
        WithJsonSchema({"type": ["object", "null"], "additionalProperties": {"type": ["number", "null"]}}),
    ]
    abstained: bool | None = None
    reason: str | None = None
    labels: list[str] | None = None
    top: list[Top] | None = None
    evidence: list[Word] | None = None
    error: str = Field("", description="Why a line could not be read; only there if it could not.")


class Classified(BaseModel):
    """The answer to statements: a row for each, in their order."""

    model: ModelBlock
    rows: list[Row]


class Extract(BaseModel):
    """A row of ``communique extract --format jsonl``: who said what, where."""

    id: str
    text: str
    start: int = Field(description="Offset of its first character in the article's text, in Unicode code points.")
    end: int
    spans: list[Annotated[list[int], Field(min_length=2, max_length=2)]]
    kind: str
    speaker: str
    office: str
    actor: str
    cue: str
    confidence: float
    date: str
    source: str
    clause: Annotated[list[int], Field(min_length=2, max_length=2)] = Field(
        description="Where it stands together with its speaker and cue, if it is not quoted whole."
    )


class ArticleBlock(BaseModel):
    """The article as it was read; ``text`` is what all offsets count in."""

    title: str
    byline: str
    outlet: str
    date: str
    language: str
    text: str


class Extracted(BaseModel):
    """The answer to an article."""

    article: ArticleBlock
    rows: list[Extract]


class Attributed(Extract):
    """A row of ``communique classify --article --format jsonl``; ``confidence`` is the label's."""

    model_config = ConfigDict(extra="allow")

    speaker_confidence: float
    judged: str = Field(
        description="What was classified: indirect speech with its speaker and cue. Evidence counts in it."
    )
    before: str = Field(description="What stands in the article before the statement.")
    after: str
    label: str | None
    scores: dict[str, float] | None


class Read(BaseModel):
    """The answer to an article whose statements were classified."""

    model: ModelBlock
    article: ArticleBlock
    rows: list[Attributed]


class Explained(BaseModel):
    """The object of ``communique explain --format jsonl``; the weights and the intercept add up to the margin."""

    model: ModelBlock
    id: str
    text: str
    label: str | None
    runner_up: str | None
    confidence: float | None
    scores: dict[str, float] | None
    margin: float | None
    intercept: float | None
    evidence: list[Word] | None


class Listed(ModelBlock):
    """A model that is served."""

    labels: list[str]
    background: str | None
    terms: int


class Models(BaseModel):
    """All models that are served."""

    default: str
    corrections: bool
    models: list[Listed]


class LabelBlock(BaseModel):
    """A label and what it means."""

    name: str
    definition: str
    acts: list[str]
    examples: list[str]


class CodebookBlock(BaseModel):
    """Which labels there are, and what they mean."""

    name: str
    question: str
    background: str | None
    rules: list[str]
    labels: list[LabelBlock]


class ModelPage(Listed):
    """All about one model."""

    card: str = Field(description="Markdown.")
    codebook: CodebookBlock
    codebook_sha256: str
    recipe: dict[str, Any]


class Event(BaseModel):
    """A correction that was written down."""

    model: ModelBlock
    id: str
    time: str


class State(BaseModel):
    """How the service is."""

    status: Literal["ok"]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    found: str
    expected: str
    remedy: str


B = TypeVar("B", bound=BaseModel)


def read_json(data: bytes) -> Any:
    """Read a body.

    Raises
    ------
    NotJsonError
        If it is no JSON.
    """
    try:
        return orjson.loads(data.removeprefix(_BOM))
    except orjson.JSONDecodeError as problem:
        raise NotJsonError(
            f"a body that is not JSON (line {problem.lineno}, character {problem.colno}: {problem.msg})"
            if data
            else "an empty body",
            expected="JSON in UTF-8",
        ) from None


def read_body(kind: type[B], data: bytes, defaults: dict[str, Any] | None = None) -> B:
    """Read a body of this kind; ``defaults`` are what the query string says.

    Raises
    ------
    NotJsonError
        If it is no JSON.
    UsageError
        If it is JSON of another shape.
    """
    given = read_json(data)
    if not isinstance(given, dict):
        raise UsageError(f"a body that is {describe(given)}", expected="an object", remedy="see /docs")
    return check(kind, defaults | given if defaults else given)


def check(kind: type[B], given: dict[str, Any], where: str = "") -> B:
    """See whether values fit.

    Raises
    ------
    UsageError
        If they do not.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as failure:
        raise misfit(failure, kind.model_fields, where) from None


def check_length(text: str, name: str, settings: Settings) -> None:
    """Refuse a text that is too long.

    Raises
    ------
    UsageError
        If it is.
    """
    if len(text) > settings.max_chars:
        raise UsageError(
            f"{name} has {len(text):,} characters",
            expected=f"at most {settings.max_chars:,}",
            remedy="send it as an article to /v1/article, or in parts",
        )


def _check_statement(given: Any, name: str, settings: Settings) -> None:
    if isinstance(given, dict):
        if TEXT not in given:
            raise UsageError(f"{name} has no {TEXT!r}", expected="a text in each row", remedy="see /docs")
        identity, given, name = given.get(ID), given[TEXT], f"{name}.{TEXT}"
        if not isinstance(identity, str | int | None) or isinstance(identity, bool):
            raise UsageError(f"an id in {name} that is {describe(identity)}", expected="a string or a whole number")
        if given is None:
            return
    if not isinstance(given, str):
        raise UsageError(f"{name} is {describe(given)}", expected="a string", remedy="see /docs")
    check_length(given, name, settings)
