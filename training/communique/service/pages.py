"""What is shown in a browser: files that are read once, into memory; no name from a request reaches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from communique.bundled import PALETTE
from communique.service.docs import write_docs

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Page:
    """A file and its address."""

    path: str
    body: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        """A name for just these bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    async def answer(self, request: Request) -> Response:
        """Send it, unless the browser has it."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(self.body, 200, headers, self.media_type)


def collect(document: dict[str, Any]) -> Iterator[Page]:
    """Gather the page, its parts, and the document with its own page."""
    parts = files("communique.service").joinpath("page").iterdir()
    for file in sorted([*parts, PALETTE], key=lambda file: file.name):
        kind = _TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/page/{file.name}"
            yield Page(path, file.read_bytes(), kind)
    yield Page("/openapi.json", orjson.dumps(document), _TYPES[".json"])
    yield Page("/docs", write_docs(document).encode(), _TYPES[".html"])
