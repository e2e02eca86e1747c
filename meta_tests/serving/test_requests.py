"""Bodies that do not come, and bodies that break off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

import anyio
from starlette.requests import Request

from meta_tests.serving.stubs import Clock
from raxe_conformance.serving import requests
from raxe_conformance.serving.requests import RateLimit, RefusedError, read_object

Message = MutableMapping[str, Any]


def refusal_of(receive: Callable[[], Awaitable[Message]]) -> RefusedError:
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}

    async def read() -> None:
        await read_object(Request(scope, receive), 100, ("text",))

    with pytest.raises(RefusedError) as caught:
        anyio.run(read)
    return caught.value


def test_a_body_that_does_not_come_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.0)

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    found = refusal_of(receive)
    assert (found.status, found.line) == (408, "the body did not come within 0 s")


def test_a_body_that_breaks_off_is_refused() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"te', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    assert refusal_of(receive).status == 400


def test_each_client_has_its_own_number_of_requests_in_each_second() -> None:
    clock = Clock(7.0)
    limit = RateLimit(3, clock)
    assert [limit.admit("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert limit.admit("b")
    clock.now = 7.999
    assert not limit.admit("a")
    clock.now = 8.0
    assert limit.admit("a")
