"""The application: addresses, what is done there, and what stands before all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from communique.errors import CommuniqueError
from communique.service import document, guard, pages, problems
from communique.service.desk import Desk
from communique.service.routes import Routes
from communique.service.settings import Settings
from communique.service.shelf import Shelf


def create_app(settings: Settings, shelf: Shelf) -> Starlette:
    """Make the application. It starts no thread and keeps no file open, so that processes may be forked from it.

    Raises
    ------
    OutputError
        If corrections are to be taken and their ledger cannot be written.
    """
    desk = Desk()
    routes = Routes(settings, shelf, desk)
    if routes.ledger is not None:
        routes.ledger.check()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        desk.close()

    described = document.describe(settings)
    app = Starlette(
        routes=[
            Route("/v1/classify", routes.classify, methods=["POST"]),
            Route("/v1/extract", routes.extract, methods=["POST"]),
            Route("/v1/article", routes.article, methods=["POST"]),
            Route("/v1/explain", routes.explain, methods=["POST"]),
            Route("/v1/corrections", routes.correct, methods=["POST"]),
            Route("/v1/models", routes.models),
            Route("/v1/models/{name}", routes.model),
            Route("/healthz", routes.health),
            Route("/readyz", routes.readiness),
            Route("/metrics", routes.metrics),
            *(Route(page.path, page.answer) for page in pages.collect(described)),
        ],
        exception_handlers={
            CommuniqueError: problems.on_error,
            404: problems.on_missing,
            405: problems.on_method,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.stuck = desk.stuck
    guard.protect(app, settings)
    return app
