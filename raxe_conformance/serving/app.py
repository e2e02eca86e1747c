"""The HTTP interface: /analyze, /feedback, /healthz, /metrics, /openapi.json."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raxe_conformance.errors import NoVariantError, RaxeError, TextError, VariantFailedError
from raxe_conformance.measure.environment import usable_cores
from raxe_conformance.serving.feedback import OUTCOMES, Decision, Judged, Served
from raxe_conformance.serving.metrics import CONTENT_TYPE, Metrics
from raxe_conformance.serving.openapi import openapi_document
from raxe_conformance.serving.reload import Current
from raxe_conformance.serving.requests import RateLimit, RefusedError, read_object, string

MOST_WAITING: Final = 256  # requests that wait for a core; more are refused with 503
MOST_KEY: Final = 1000  # characters of a request key or a request id
_FEEDBACK_BYTES: Final = 10_000
_ANSWER: Final = (
    "score", "is_attack", "family", "sub_family", "label", "recommended_action", "why_it_hit", "trigger_matches",
    "similar_attacks",
)  # fmt: skip
_LOG: Final = logging.getLogger("raxe_conformance")


@dataclass(frozen=True)
class Settings:
    """How a server guards itself.

    most_bytes: of a body. rate: requests of one client address in a second. poll: seconds between looks at the source.
    cores: texts that are read at once; more would only make each slower.
    """

    most_bytes: int = 100_000
    rate: int = 1000
    poll: float = 1.0
    cores: int = field(default_factory=usable_cores)


def make_app(current: Current, metrics: Metrics, settings: Settings) -> ASGIApp:
    """The application. `current` must have been refreshed."""
    service = _Service(current, metrics, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(service.follow)
            yield
            tasks.cancel_scope.cancel()

    routes = [
        Route("/analyze", service.analyze, methods=["POST"]),
        Route("/feedback", service.judge, methods=["POST"]),
        Route("/feedback", service.rates, methods=["GET"]),
        Route("/healthz", service.health, methods=["GET"]),
        Route("/metrics", service.metrics, methods=["GET"]),
        Route("/openapi.json", service.openapi, methods=["GET"]),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={RefusedError: _refused, HTTPException: _http_error},
    )
    return _counted(app, metrics, {route.path for route in routes})


class _Service:
    """The endpoints, with what they share."""

    def __init__(self, current: Current, metrics: Metrics, settings: Settings) -> None:
        self._current, self._metrics, self._settings = current, metrics, settings
        self._limiter = CapacityLimiter(settings.cores)
        self._judged = Judged()
        self._rate = RateLimit(settings.rate)
        self._document = openapi_document(settings.most_bytes)

    async def follow(self) -> None:
        """Look at the source again and again, and switch when it changes."""
        while True:
            await anyio.sleep(self._settings.poll)
            said = self._current.problem
            try:
                if await to_thread.run_sync(self._current.refresh):
                    _LOG.info("serving state %d", self._current.now.plan.sequence)
            except RaxeError as error:
                if str(error) != said:
                    _LOG.error("goes on with state %d: %s", self._current.now.plan.sequence, error)

    async def analyze(self, request: Request) -> Response:
        """POST /analyze."""
        self._admit(request)
        value = await read_object(request, self._settings.most_bytes, ("text", "key", "l1_results"))
        text, key = value.get("text"), string(value, "key", MOST_KEY)
        if not isinstance(text, str):
            raise RefusedError(422, f"text is {type(text).__name__}; send a string")
        queue = self._limiter.statistics()
        if queue.borrowed_tokens >= queue.total_tokens and queue.tasks_waiting >= MOST_WAITING:
            raise RefusedError(503, f"{MOST_WAITING} requests are waiting already", retry_after=1)
        serving = self._current.now
        try:
            # Without a key, a text is its own: asked again, it is answered by the same variant.
            routed = await to_thread.run_sync(
                serving.router.analyze,
                text,
                text if key is None else key,
                value.get("l1_results"),
                limiter=self._limiter,
            )
        except TextError as error:
            raise RefusedError(422, str(error)) from None
        except NoVariantError as error:
            raise RefusedError(503, str(error), retry_after=10) from None
        except VariantFailedError as error:
            return JSONResponse({"error": str(error)}, status_code=500)
        served, found, request_id = serving.served(routed.role), routed.result.metadata, uuid.uuid4().hex
        self._judged.remember(request_id, Decision(served, bool(found.get("is_attack"))))
        return JSONResponse(
            {
                "request_id": request_id,
                "variant": served.model_id,
                "release": served.release,
                "role": routed.role,
                "fell_back": routed.fell_back,
                **{name: found.get(name) for name in _ANSWER},
                "processing_time_ms": round(routed.result.processing_time_ms, 3),
            }
        )

    async def judge(self, request: Request) -> Response:
        """POST /feedback: {request_id, attack} or {variant, outcome}."""
        self._admit(request)
        value = await read_object(request, _FEEDBACK_BYTES, ("request_id", "attack", "variant", "outcome"))
        request_id, variant = (string(value, name, MOST_KEY) for name in ("request_id", "variant"))
        attack, outcome = value.get("attack"), value.get("outcome")
        if request_id is not None and isinstance(attack, bool) and len(value) == 2:
            decision = self._judged.take(request_id)
            if decision is None:
                raise RefusedError(
                    404, "no decision of this request_id is waiting: unknown, judged already, or too old"
                )
            served, outcome = decision.served, decision.outcome(attack=attack)
        elif variant is not None and outcome in OUTCOMES and len(value) == 2:
            served = self._in_use(variant)
        else:
            raise RefusedError(
                422, f"send request_id and attack (true or false), or variant and outcome ({', '.join(OUTCOMES)})"
            )
        self._judged.count(served, outcome)
        self._metrics.judged(served, outcome)
        return JSONResponse({"variant": served.model_id, "release": served.release, "outcome": outcome})

    async def rates(self, request: Request) -> Response:
        """GET /feedback."""
        return JSONResponse({"variants": self._judged.rates()})

    async def health(self, request: Request) -> Response:
        """GET /healthz: 200 while every request has a variant."""
        plan, problem = self._current.now.plan, self._current.problem
        ready = plan.stable is not None
        body = {
            "status": "no stable variant" if not ready else "ok" if problem is None else "degraded",
            "sequence": plan.sequence,
            "stable": plan.stable and plan.stable.model_id,
            "canary": plan.canary and plan.canary.model_id,
            "share": plan.share,
            "problem": problem,
        }
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        return Response(self._metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(self._document)

    def _admit(self, request: Request) -> None:
        client = request.client.host if request.client else ""
        if not self._rate.admit(client):
            raise RefusedError(429, f"more than {self._settings.rate} requests a second", retry_after=1)

    def _in_use(self, model_id: str) -> Served:
        plan = self._current.now.plan
        known = [wanted.served for wanted in (plan.stable, plan.canary) if wanted is not None]
        for served in known:
            if served.model_id == model_id:
                return served
        raise RefusedError(404, f"that variant is not served; served: {', '.join(s.model_id for s in known) or 'none'}")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return JSONResponse({"error": error.line}, status_code=error.status, headers=headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def _counted(app: ASGIApp, metrics: Metrics, paths: set[str]) -> ASGIApp:
    """The application with its responses counted. Paths that there are not are counted as one."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        label = path if path in paths else "other"

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.responses.labels(metrics.environment, label, str(message["status"])).inc()
            await send(message)

        await app(scope, receive, noting if scope["type"] == "http" else send)

    return counted
