"""Prometheus' HTTP API: instant queries, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from raxe_conformance.errors import JsonError, MonitoringError
from raxe_conformance.strict_json import parse_json_object

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 20_000_000


@dataclass(frozen=True)
class Sample:
    """One series at one moment. labels: without the metric's name."""

    name: str
    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A Prometheus server."""

    def __init__(self, url: str) -> None:
        """url: such as http://127.0.0.1:9090."""
        self.url = url.rstrip("/")

    def query(self, expression: str, at: datetime | None = None) -> list[Sample]:
        """The instant vector of a PromQL expression, now or at a moment. Samples that are no numbers are left out.

        Raises MonitoringError where the server cannot be reached, refuses, or answers with something else.
        """
        import httpx2

        parameters = {"query": expression} | ({} if at is None else {"time": at.isoformat()})
        try:
            with httpx2.stream(
                "POST", f"{self.url}/api/v1/query", data=parameters, timeout=_SECONDS, trust_env=False
            ) as response:
                status, body = response.status_code, bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise self._error(f"answers with more than {_MOST_BYTES} bytes", "narrow what it scrapes")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._error(
                f"cannot be reached: {error or type(error).__name__}", "start it, or mend --prometheus"
            ) from None
        try:
            answer = parse_json_object(bytes(body), file=self.url)
        except JsonError as error:
            raise self._error(f"does not answer as Prometheus (status {status}): {error.problem}") from None
        if status != 200 or answer.get("status") != "success":
            raise self._error(f"refuses the query (status {status}): {answer.get('error')}")
        try:
            return [_sample(item) for item in _vector(answer)]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise self._error(f"does not answer as Prometheus: {type(error).__name__} in its vector") from None

    def _error(
        self, problem: str, remedy: str = "check that --prometheus names a Prometheus server"
    ) -> MonitoringError:
        return MonitoringError(problem, file=self.url, remedy=remedy)


def _vector(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer["data"]
    if data["resultType"] != "vector":
        raise ValueError(data["resultType"])
    return [item for item in data["result"] if math.isfinite(float(item["value"][1]))]


def _sample(item: dict[str, Any]) -> Sample:
    labels = {str(name): str(value) for name, value in item["metric"].items()}
    return Sample(labels.pop("__name__", ""), labels, float(item["value"][1]))
