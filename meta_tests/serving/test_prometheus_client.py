"""What a Prometheus server may answer, and what becomes of anything else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from raxe_conformance.errors import MonitoringError
from raxe_conformance.serving import prometheus
from raxe_conformance.serving.prometheus import Prometheus, Sample


class Programmed(HTTPServer):
    """Answers every request with the same bytes, and keeps what it was asked."""

    answer: tuple[int, bytes] = (200, b"")
    asked: dict[str, list[str]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Programmed)
        self.server.asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Programmed]:
    with Programmed(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def client(server: Programmed) -> Prometheus:
    return Prometheus(f"http://127.0.0.1:{server.server_port}/")


def vector(*items: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": items}}).encode()


def test_a_vector_becomes_samples_and_what_is_no_number_is_left_out(server: Programmed) -> None:
    server.answer = (
        200,
        vector(
            {"metric": {"__name__": "up", "job": "raxe"}, "value": [1.0, "17"]},
            {"metric": {"__name__": "up", "job": "other"}, "value": [1.0, "NaN"]},
        ),
    )
    assert client(server).query("up") == [Sample("up", {"job": "raxe"}, 17.0)]
    assert server.asked == {"query": ["up"]}


def test_a_moment_is_asked_for(server: Programmed) -> None:
    server.answer = 200, vector()
    assert client(server).query("up", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == []
    assert server.asked["time"] == ["2026-01-02T03:04:05+00:00"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"status": "success"}'),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'),
        (200, vector(17)),
        (200, vector({"metric": {}, "value": [1]})),
        (200, vector({"metric": {}, "value": [1, "many"]})),
        (200, vector({"metric": [], "value": [1, "1"]})),
        (400, b'{"status": "error", "error": "parse error"}'),
        (503, b"starting"),
        (200, b"[" * 100_000),
        (200, b"x" * 3000),
    ],
)
def test_any_other_answer_is_one_line_that_names_the_server(
    server: Programmed, status: int, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "_MOST_BYTES", 2000 if body[:1] == b"x" else 200_000)
    server.answer = status, body
    with pytest.raises(MonitoringError, match=r"^http://127\.0\.0\.1:\d+: ") as caught:
        client(server).query("up")
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(MonitoringError, match="cannot be reached"):
        Prometheus(f"http://127.0.0.1:{port}").query("up")


@pytest.mark.parametrize("url", ["", "no url", "http://", "ftp://127.0.0.1", "http://[", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_said_to_be_unreachable(url: str) -> None:
    with pytest.raises(MonitoringError):
        Prometheus(url).query("up")
