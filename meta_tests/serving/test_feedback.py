"""What becomes known of decisions afterwards."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from meta_tests.serving.served import Server, wanted
from meta_tests.serving.stubs import Fixed
from meta_tests.serving.test_app import schema
from raxe_conformance.serving import feedback
from raxe_conformance.serving.feedback import Decision, Judged, Served
from raxe_conformance.serving.reload import Plan
from raxe_conformance.verdict.intervals import clopper_pearson

HERE = Served("v", "1")


@pytest.mark.parametrize(
    ("is_attack", "attack", "outcome"),
    [(True, True, "tp"), (True, False, "fp"), (False, False, "tn"), (False, True, "fn")],
)
def test_a_request_is_judged_once_by_its_id(is_attack: bool, attack: bool, outcome: str) -> None:
    server = Server({"v": Fixed(0.9 if is_attack else 0.1)}, Plan(1, wanted("v")))
    with server.client() as client:
        request_id = client.post("/analyze", json={"text": "a"}).json()["request_id"]
        answer = client.post("/feedback", json={"request_id": request_id, "attack": attack})
        assert answer.json() == {"variant": "v", "release": wanted("v").served.release, "outcome": outcome}
        schema("Judged").validate(answer.json())
        again = client.post("/feedback", json={"request_id": request_id, "attack": attack})
        assert again.status_code == 404
        rates = client.get("/feedback").json()
    schema("Rates").validate(rates)
    assert {name: rates["variants"][0][name] for name in feedback.OUTCOMES} == {
        name: int(name == outcome) for name in feedback.OUTCOMES
    }
    assert server.metric("raxe_feedback_total", outcome=outcome, variant="v") == 1
    assert server.metric("raxe_feedback_total") == 1


def test_a_variant_that_is_served_is_judged_by_its_name() -> None:
    server = Server({"v": Fixed(), "w": Fixed()}, Plan(1, wanted("v"), wanted("w"), 10))
    with server.client() as client:
        assert client.post("/feedback", json={"variant": "w", "outcome": "fn"}).status_code == 200
        response = client.post("/feedback", json={"variant": "x", "outcome": "fn"})
    assert response.status_code == 404
    assert response.json() == {"error": "that variant is not served; served: v, w"}
    assert server.metric("raxe_feedback_total", outcome="fn", variant="w") == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request_id": "a"},
        {"request_id": "a", "attack": "true"},
        {"request_id": "a", "attack": 1},
        {"attack": True},
        {"variant": "v"},
        {"variant": "v", "outcome": "right"},
        {"variant": "v", "outcome": ["tp"]},
        {"variant": "v", "outcome": "tp", "attack": True},
        {"request_id": "a", "attack": True, "outcome": "tp"},
    ],
)
def test_what_is_no_judgement_is_refused(body: dict[str, object]) -> None:
    server = Server({"v": Fixed()}, Plan(1, wanted("v")))
    with server.client() as client:
        response = client.post("/feedback", json=body)
    assert response.status_code == 422
    assert "send request_id and attack" in response.json()["error"]
    assert server.metric("raxe_feedback_total") == 0


def test_rates_have_exact_intervals_and_none_where_nothing_was_judged() -> None:
    judged = Judged()
    for outcome, times in (("fp", 3), ("tn", 97)):
        for _ in range(times):
            judged.count(HERE, outcome)  # type: ignore[arg-type]
    (rates,) = judged.rates()
    low, high = clopper_pearson(3, 100, 0.95)
    assert rates["false_positive_rate"] == {"value": 0.03, "low": low, "high": high, "n": 100, "confidence": 0.95}
    assert rates["false_negative_rate"] is None


def test_the_oldest_decisions_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_REMEMBERED", 3)
    judged = Judged()
    for number in range(4):
        judged.remember(str(number), Decision(HERE, is_attack=True))
    assert judged.take("0") is None
    assert judged.take("1") == Decision(HERE, is_attack=True)


def test_a_decision_belongs_to_the_variant_that_made_it_after_the_switch() -> None:
    server = Server({"old": Fixed(0.9), "new": Fixed(0.9)}, Plan(1, wanted("old")))
    with server.client() as client:
        request_id = client.post("/analyze", json={"text": "a"}).json()["request_id"]
        server.plan = Plan(2, wanted("new"))
        assert server.current.refresh()
        assert client.post("/feedback", json={"request_id": request_id, "attack": False}).json()["variant"] == "old"
    assert server.metric("raxe_feedback_total", outcome="fp", variant="old") == 1
