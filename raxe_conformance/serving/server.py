"""The server process: the application on uvicorn."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from raxe_conformance.errors import UsageError
from raxe_conformance.runtime.router import Analyzer
from raxe_conformance.serving.app import Settings, make_app
from raxe_conformance.serving.metrics import Metrics
from raxe_conformance.serving.reload import Current, Source, Wanted, load

GRACE: Final = 30  # seconds that requests in flight have to finish in when the server is told to stop
_CONNECTIONS: Final = 1000


def serve(
    source: Source,
    environment: str,
    settings: Settings,
    *,
    host: str,
    port: int,
    shadow: bool = False,
    say: Callable[[str], None] = print,
    loader: Callable[[Wanted], Analyzer] = load,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight. say: is told the address.

    port: 0 for a free one. Raises RaxeError where the first plan cannot be served, UsageError where nobody can listen
    at the address.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    metrics = Metrics(environment)
    current = Current(source, metrics, loader=loader, shadow=shadow, threads=settings.cores)
    app = make_app(current, metrics, settings)
    current.refresh()
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        lifespan="on",
        access_log=False,
        log_level="warning",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )
    plan, bound = current.now.plan, listening.getsockname()
    named = f"[{host}]" if ":" in host else host
    stable = plan.stable.model_id if plan.stable else "nothing"
    canary = f", {plan.canary.model_id} as canary with {plan.share} %" if plan.canary else ""
    say(f"serving {stable}{canary} ({environment}, state {plan.sequence}) at http://{named}:{bound[1]}")
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        problem = f"cannot listen at {host}, port {port}: {error.strerror or error}"
        raise UsageError(problem, remedy="name another --host or --port") from None
