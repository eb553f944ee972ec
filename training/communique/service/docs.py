"""The page that shows the OpenAPI document to a person: plain HTML, made once, from nothing but the document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

_CODE = re.compile(r"`([^`]+)`")


def write_docs(document: dict[str, Any]) -> str:
    """Write the page."""
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    info = document["info"]
    contents = "".join(
        f'<li><span class="method">{method.upper()}</span> <a href="#{escape(operation["operationId"])}">'
        f"<code>{escape(path)}</code></a> <span>{escape(operation['summary'])}</span></li>"
        for path, method, operation in operations
    )
    schemas = document["components"]["schemas"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: the API</title>"
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="page/icon.svg">'
        '<link rel="stylesheet" href="page/page.css"><link rel="stylesheet" href="page/docs.css"></head><body>'
        f"<header><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"{_prose(info['description'])}"
        '<p><a href="./">The page</a> · <a href="openapi.json">The OpenAPI document</a></p></header>'
        f'<nav aria-label="Addresses"><ul>{contents}</ul></nav><main>'
        + "".join(_operation(*each) for each in operations)
        + '<section id="schemas"><h2>Shapes</h2>'
        + "".join(_schema(name, schemas[name]) for name in sorted(schemas))
        + "</section></main></body></html>\n"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    name = escape(operation["operationId"])
    parts = [
        f'<section id="{name}"><h2><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h2>',
        f"<p>{_inline(operation['summary'])}</p>",
        _prose(operation.get("description", "")),
    ]
    if parameters := operation.get("parameters"):
        rows = [
            (f"<code>{escape(each['name'])}</code>", each["in"], _kind(each["schema"]), _inline(each["description"]))
            for each in parameters
        ]
        parts.append("<h3>Parameters</h3>" + _table(("name", "in", "kind", "meaning"), rows))
    if body := operation.get("requestBody"):
        parts.append("<h3>Takes</h3>" + _content(body["content"]))
        parts.append(_curl(path, body["content"]))
    parts.append("<h3>Gives</h3>")
    refusals = []
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            parts.append(f"<p><b>{status}</b> {escape(response['description'])}</p>" + _content(response["content"]))
        else:
            refusals.append((status, _inline(response["description"])))
    parts.append(_table(("status", "a problem"), refusals))
    return "".join(parts) + "</section>"


def _content(content: dict[str, Any]) -> str:
    parts = []
    for kind, media in content.items():
        shape = f": {_kind(media['schema'])}" if "schema" in media else ""
        parts.append(f"<p><code>{escape(kind)}</code>{shape}</p>")
        if "example" in media:
            example = media["example"]
            shown = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
            parts.append(f'<pre tabindex="0"><code>{escape(shown)}</code></pre>')
    return "".join(parts)


def _curl(path: str, content: dict[str, Any]) -> str:
    kind, media = next(iter(content.items()))
    data = json.dumps(media["example"], ensure_ascii=False).replace("'", "'\\''")
    command = f"curl http://127.0.0.1:8000{path} -H 'Content-Type: {kind}' -d '{data}'"
    return f'<pre tabindex="0"><code>{escape(command)}</code></pre>'


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (
            f"<code>{escape(field)}</code>" + (" *" if field in required else ""),
            _kind(inner),
            _inline(inner.get("description", "")),
        )
        for field, inner in schema.get("properties", {}).items()
    ]
    about = _prose(schema.get("description", ""))
    return f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>{about}' + _table(("field", "kind", "meaning"), rows)


def _kind(schema: dict[str, Any]) -> str:
    """Say in words, as HTML, what a schema allows."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for joint in ("anyOf", "oneOf"):
        if joint in schema and "type" not in schema:
            return " or ".join(map(_kind, schema[joint]))
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    kind = schema.get("type", "anything")
    said = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array" and "items" in schema:
        said = f"array of {_kind(schema['items'])}"
    bounds = {
        "minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<",
        "minLength": "length ≥", "maxLength": "length ≤", "minItems": "items ≥", "maxItems": "items ≤",
    }  # fmt: skip
    limits = [f"{words} {schema[key]:,}" for key, words in bounds.items() if key in schema]
    return f"{said} ({', '.join(limits)})" if limits else said


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()) if part)


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text.strip(), quote=False))
