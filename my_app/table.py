"""The one table of routes: the routers and /openapi.json are made from it, and nothing else is served."""

from __future__ import annotations

from typing import Final

from my_app.routes import (
    events,
    importing,
    keys,
    media,
    metrics,
    pages,
    pictures,
    predecessor,
    prompt,
    queue,
    runs,
    schema,
    session,
    stems,
    stream,
    system,
    uploads,
)
from my_app.views.route import Route

# The routes of a process that only walks runs: its health.
WORKER_ROUTES: Final[tuple[Route, ...]] = (*system.ROUTES, *metrics.ROUTES)
ROUTES: Final[tuple[Route, ...]] = (
    *schema.ROUTES,
    *importing.ROUTES,
    *prompt.ROUTES,
    *runs.ROUTES,
    *queue.ROUTES,
    *predecessor.ROUTES,  # its /api/media/info before our /api/media/{media}
    *stream.ROUTES,  # before our /api/media/{media}
    *stems.ROUTES,
    *pictures.ROUTES,
    *media.ROUTES,
    *uploads.ROUTES,
    *events.ROUTES,
    *session.ROUTES,
    *keys.ROUTES,
    *system.ROUTES,
    *metrics.ROUTES,
    *pages.ROUTES,
)
