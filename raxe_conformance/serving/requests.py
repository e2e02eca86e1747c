"""What comes in over HTTP, read with bounds. Whatever is wrong with it is a RefusedError: a status and one line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

import anyio
from starlette.requests import ClientDisconnect, Request

from raxe_conformance.errors import JsonError, one_line
from raxe_conformance.strict_json import parse_json_object

BODY_SECONDS: Final = 10.0  # in which a request's body must have come
MOST_BRACKETS: Final = 10_000


class RefusedError(Exception):
    """A request that is answered with an error of the client. `status` is 4xx, or 503 where the server is busy."""

    def __init__(self, status: int, line: str, retry_after: int | None = None) -> None:
        """retry_after: seconds, for the header of that name."""
        self.status, self.line, self.retry_after = status, one_line(line), retry_after
        super().__init__(self.line)


class RateLimit:
    """So many requests of one client in each second of the clock. For one thread, as an event loop is.

    It keeps nothing but the present second, so that however many clients there were take no memory.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """most: requests in a second. clock: seconds that only grow."""
        self._most, self._clock = most, clock
        self._second, self._seen = 0, Counter[str]()

    def admit(self, client: str) -> bool:
        """Count a request; whether it is within the limit."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._seen = second, Counter()
        self._seen[client] += 1
        return self._seen[client] <= self._most


async def read_object(request: Request, most: int, known: Collection[str]) -> dict[str, Any]:
    """The JSON object in a body of at most `most` bytes, with no keys but `known` ones. Raises RefusedError."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise RefusedError(415, f"the content type is {kind or 'missing'!r}; send application/json")
    charset = parameters.strip().lower().replace('"', "")
    if charset not in ("", "charset=utf-8"):
        raise RefusedError(415, f"the content type says {charset!r}; send UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(415, "the body is compressed; send it as it is")
    try:
        value = parse_json_object(await _body(request, most), file="the body", most_brackets=MOST_BRACKETS)
    except JsonError as error:
        raise RefusedError(400, str(error)) from None
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise RefusedError(422, f"there is no field {one_line(unknown[0], 60)!r}; send {', '.join(known)}")
    return value


def string(value: dict[str, Any], field: str, most: int) -> str | None:
    """A field that is a string of at most `most` characters, None where it is missing or null. Raises RefusedError."""
    found = value.get(field)
    if found is None or (isinstance(found, str) and len(found) <= most):
        return found
    what = f"{len(found)} characters" if isinstance(found, str) else type(found).__name__
    raise RefusedError(422, f"{field} is {what}; send a string of at most {most} characters")


async def _body(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    too_large = RefusedError(413, f"the body is larger than {most} bytes; send the text in parts")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise RefusedError(408, f"the body did not come within {BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise RefusedError(400, "the body broke off") from None
    return bytes(body)
