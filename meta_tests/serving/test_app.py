"""The HTTP interface: what it answers, and what it makes of whatever else is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from meta_tests.serving.served import Server, wanted
from meta_tests.serving.stubs import Clock, Fixed, Held
from raxe_conformance.serving import app
from raxe_conformance.serving.app import MOST_KEY
from raxe_conformance.serving.openapi import openapi_document
from raxe_conformance.serving.reload import Plan
from raxe_conformance.serving.requests import RateLimit

if TYPE_CHECKING:
    from httpx2 import Response
    from starlette.testclient import TestClient

JSON = {"content-type": "application/json"}


@pytest.fixture
def server() -> Server:
    return Server({"good": Fixed(0.9)}, Plan(3, wanted("good")))


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    with server.client(most_bytes=5000, rate=100_000) as found:
        yield found


def schema(name: str) -> Draft202012Validator:
    document = openapi_document(100)
    return Draft202012Validator({**document["components"]["schemas"][name], "components": document["components"]})


def is_refused(response: Response, status: int) -> str:
    assert response.status_code == status, response.text
    schema("Error").validate(response.json())
    line: str = response.json()["error"]
    assert line.isprintable()
    assert "Traceback" not in line
    return line


def test_a_text_is_judged_and_the_answer_is_what_the_document_says(client: TestClient, server: Server) -> None:
    answer = client.post("/analyze", json={"text": "hello", "key": "me", "l1_results": {"hits": []}})
    assert answer.status_code == 200
    body = answer.json()
    schema("Answer").validate(body)
    assert (body["variant"], body["release"], body["role"]) == ("good", "good-digest-", "stable")
    assert (body["score"], body["is_attack"], body["family"]) == (0.9, True, "PI")
    assert server.metric("raxe_attempts_total", role="stable", outcome="ok", variant="good") == 1
    assert server.metric("raxe_decisions_total", family="PI") == 1
    assert server.metric("raxe_analyze_seconds_count") == 1
    assert server.metric("raxe_http_responses_total", path="/analyze", status="200") == 1


REFUSED: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", JSON, 400, "no JSON"),
    (b"{", JSON, 400, "no JSON"),
    (b'{"text": "a"', JSON, 400, "no JSON"),
    (b"[]", JSON, 400, "not an object"),
    (b'"text"', JSON, 400, "not an object"),
    (b"null", JSON, 400, "not an object"),
    (b'{"text": NaN}', JSON, 400, "NaN"),
    (b'{"text": "a", "l1_results": Infinity}', JSON, 400, "Infinity"),
    (b'{"text": "a", "l1_results": 1e999}', JSON, 400, "out of range"),
    (b'{"text": "a", "l1_results": ' + b"9" * 500 + b"}", JSON, 400, "digits"),
    (b'{"text": "a", "text": "b"}', JSON, 400, "twice"),
    (b'{"text": "\\ud800"}', JSON, 400, "surrogate"),
    (b'{"text": "\xff"}', JSON, 400, "UTF-8"),
    ('{"text": "ä"}'.encode("latin-1"), JSON, 400, "UTF-8"),
    ('{"text": "a"}'.encode("utf-16"), JSON, 400, "UTF-8"),
    (b'\xef\xbb\xbf{"text": "a"}', JSON, 400, "byte order mark"),
    (b'{"l1_results": ' + b"[" * 2000 + b"]" * 2000 + b"}", JSON, 400, "nested"),
    (b'{"l1_results": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", JSON, 400, "nested"),
    (b"{}", JSON, 422, "text is NoneType"),
    (b'{"text": null}', JSON, 422, "text is NoneType"),
    (b'{"text": 17}', JSON, 422, "text is int"),
    (b'{"text": ["a"]}', JSON, 422, "text is list"),
    (b'{"text": {"a": 1}}', JSON, 422, "text is dict"),
    (b'{"text": "a", "key": 5}', JSON, 422, "key is int"),
    (b'{"text": "a", "key": "' + b"k" * (MOST_KEY + 1) + b'"}', JSON, 422, f"key is {MOST_KEY + 1} characters"),
    (b'{"text": "a", "texts": []}', JSON, 422, "no field 'texts'"),
    (b'{"text": "a", "\\u0000\\n\x7f": 1}', JSON, 422, "no field"),
    (b'{"text": "a"}', {}, 415, "application/json"),
    (b'{"text": "a"}', {"content-type": "text/plain"}, 415, "text/plain"),
    (b'{"text": "a"}', {"content-type": "application/json; charset=latin-1"}, 415, "UTF-8"),
    (b'{"text": "a"}', {**JSON, "content-encoding": "gzip"}, 415, "compressed"),
    (b'{"text": "' + b"a" * 5000 + b'"}', JSON, 413, "5000 bytes"),
    (b"a" * 1_000_000, JSON, 413, "5000 bytes"),
    (b'{"text": "a"}', {**JSON, "content-length": "99999999999999999999999999"}, 413, "5000 bytes"),
]


@pytest.mark.parametrize(("body", "headers", "status", "words"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_hostile_input_is_refused_in_one_line(
    client: TestClient, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    for path in ("/analyze", "/feedback"):
        response = client.post(path, content=body, headers=headers)
        if path == "/analyze":
            assert words in is_refused(response, status)
        else:  # whose bodies have other fields and another size
            is_refused(response, response.status_code)
            assert 400 <= response.status_code < 500


def test_a_body_that_comes_in_pieces_without_a_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b"a" * 1000

    assert "5000 bytes" in is_refused(client.post("/analyze", content=pieces(), headers=JSON), 413)


def test_the_largest_body_that_is_allowed_is_taken(client: TestClient) -> None:
    frame = len(b'{"text":""}')
    assert (
        client.post("/analyze", content=b'{"text":"' + b"a" * (5000 - frame) + b'"}', headers=JSON).status_code == 200
    )
    response = client.post("/analyze", content=b'{"text":"' + b"a" * (5001 - frame) + b'"}', headers=JSON)
    is_refused(response, 413)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_whatever_bytes_are_sent_are_no_error_of_the_server(client: TestClient, body: bytes) -> None:
    response = client.post("/analyze", content=body, headers=JSON)
    assert 400 <= response.status_code < 500
    is_refused(response, response.status_code)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["text", "key", "l1_results", "request_id", "attack", "variant", "outcome", "other"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["/analyze", "/feedback"]), st.dictionaries(fields, values, max_size=4))
def test_whatever_json_is_sent_is_no_error_of_the_server(client: TestClient, path: str, body: dict[str, Any]) -> None:
    response = client.post(path, content=json.dumps(body), headers=JSON)
    assert response.status_code < 500
    if response.status_code != 200:
        is_refused(response, response.status_code)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/analyze", 405), ("GET", "/nothing", 404), ("POST", "/metrics", 405), ("GET", "/../etc/passwd", 404)],
)
def test_other_paths_and_methods_are_refused_in_the_same_way(
    client: TestClient, server: Server, method: str, path: str, status: int
) -> None:
    is_refused(client.request(method, path), status)
    assert server.metric("raxe_http_responses_total", status=str(status)) == 1
    assert server.metric("raxe_http_responses_total", path="/nothing") == 0  # a client cannot make series


def test_a_variant_that_fails_is_an_error_in_one_line_that_says_nothing_of_the_text() -> None:
    broken = Fixed()
    server = Server({"bad": broken}, Plan(1, wanted("bad")))
    with server.client() as client:
        broken.error = RuntimeError("secret")
        line = is_refused(client.post("/analyze", json={"text": "secret"}), 500)
    assert "RuntimeError" in line
    assert "secret" not in line
    assert server.metric("raxe_attempts_total", outcome="error", variant="bad") == 1


def test_a_text_that_the_variant_refuses_is_refused(client: TestClient, server: Server) -> None:
    assert "is refused" in is_refused(client.post("/analyze", json={"text": "refused"}), 422)
    assert server.metric("raxe_attempts_total", outcome="error") == 0


def test_nothing_deployed_is_said(server: Server) -> None:
    empty = Server({}, Plan(0, None))
    with empty.client() as client:
        assert "deploy" in is_refused(client.post("/analyze", json={"text": "a"}), 503)
        health = client.get("/healthz")
    assert health.status_code == 503
    schema("Health").validate(health.json())
    assert health.json()["status"] == "no stable variant"


def test_one_address_may_send_so_many_requests_and_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "RateLimit", partial(RateLimit, clock=Clock()))
    with server.client(rate=5) as client:
        for _ in range(5):
            assert client.post("/analyze", json={"text": "a"}).status_code == 200
        response = client.post("/analyze", json={"text": "a"})
        assert "5 requests a second" in is_refused(response, 429)
        assert response.headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200


def test_more_requests_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(app, "MOST_WAITING", 0)
    held = Held()
    held.go.set()
    server = Server({"held": held}, Plan(1, wanted("held")))
    with server.client(cores=1) as client, ThreadPoolExecutor(1) as pool:
        held.go.clear()
        held.entered.clear()
        first = pool.submit(client.post, "/analyze", json={"text": "a"})
        assert held.entered.wait(60)
        response = client.post("/analyze", json={"text": "b"})
        held.go.set()
        assert first.result(60).status_code == 200
    is_refused(response, 503)
    assert response.headers["retry-after"] == "1"


def test_the_document_describes_every_path_and_every_status_that_is_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document == openapi_document(5000)
    assert set(document["paths"]) == {"/analyze", "/feedback", "/healthz", "/metrics", "/openapi.json"}
    for path, operations in document["paths"].items():
        for method in operations:
            response = client.request(method, path, content=b"", headers=JSON)
            assert str(response.status_code) in operations[method]["responses"], (method, path)
    documented = document["paths"]["/analyze"]["post"]["responses"]
    assert {str(status) for _, _, status, _ in REFUSED} | {"200", "429", "500", "503"} <= set(documented)
    for named in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(named)


def test_metrics_are_in_the_text_format_with_the_process_own(client: TestClient) -> None:
    client.post("/analyze", json={"text": "a"})
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"):
        assert f"\n{name} " in response.text
    labels = 'environment="production",le="0.005",release="good-digest-",role="stable",variant="good"'
    assert f"raxe_analyze_seconds_bucket{{{labels}}} 1.0" in response.text
    assert 'raxe_share_percent{environment="production",release="good-digest-",role="stable",variant="good"} 100.0' in (
        response.text
    )
