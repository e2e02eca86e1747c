"""The switch from one state to the next under requests in flight."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from meta_tests.serving.served import Server, wanted
from meta_tests.serving.stubs import Fixed, Held
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.deploy.package import MANIFEST
from raxe_conformance.deploy.state import EnvironmentState, Release, models_dir, package_name, state_bytes
from raxe_conformance.errors import EmbeddingNotBuiltError, MissingFileError, StateError, VariantFailedError
from raxe_conformance.runtime.breaker import FAILURES, BreakerState
from raxe_conformance.serving.reload import RETRY, Plan, Wanted, load, plan_of_folder, plan_of_target

DIGEST = "0123456789abcdef" * 4
TIME = "2026-03-01T12:00:00+00:00"


def test_requests_in_flight_finish_on_the_variant_that_they_began_with() -> None:
    held = Held(0.1)
    held.go.set()  # for the warm-up
    server = Server({"old": held, "new": Fixed(0.2)}, Plan(1, wanted("old")))
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        held.go.clear()
        held.entered.clear()
        before = pool.submit(client.post, "/analyze", json={"text": "a"})
        assert held.entered.wait(60)
        server.plan = Plan(2, wanted("new"))
        assert server.current.refresh()
        assert client.post("/analyze", json={"text": "b"}).json()["variant"] == "new"
        held.go.set()
        answer = before.result(60)
    assert answer.status_code == 200
    assert (answer.json()["variant"], answer.json()["score"]) == ("old", 0.1)


def test_the_new_variant_is_loaded_and_tried_while_the_old_one_answers() -> None:
    slow = Held()
    server = Server({"old": Fixed(), "new": slow}, Plan(1, wanted("old")))
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        server.plan = Plan(2, wanted("new"))
        switching = pool.submit(server.current.refresh)
        assert slow.entered.wait(60)
        assert client.post("/analyze", json={"text": "a"}).json()["variant"] == "old"
        slow.go.set()
        assert switching.result(60)
        assert client.post("/analyze", json={"text": "a"}).json()["variant"] == "new"


def test_what_is_loaded_already_is_not_loaded_again_and_what_is_out_of_use_is_dropped() -> None:
    server = Server({"a": Fixed(), "b": Fixed()}, Plan(1, wanted("a")))
    server.current.refresh()
    for sequence, share in ((2, 10), (3, 50)):
        server.plan = Plan(sequence, wanted("a"), wanted("b"), share)
        server.current.refresh()
    assert server.loads == ["a", "b"]
    server.plan = Plan(4, wanted("a"))
    server.current.refresh()
    server.plan = Plan(5, wanted("a"), wanted("b"), 10)
    server.current.refresh()
    assert server.loads == ["a", "b", "b"]


def test_a_state_of_the_same_number_changes_nothing() -> None:
    server = Server({"a": Fixed()}, Plan(1, wanted("a")))
    assert server.current.refresh()
    before = server.current.now
    assert not server.current.refresh()
    assert server.current.now is before


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (EmbeddingNotBuiltError("is not built", remedy="build it"), "is not built"),
        (MemoryError(), "MemoryError"),
        (Fixed(error=RuntimeError("broken")), "RuntimeError"),
    ],
    ids=["refused", "crashed", "mute"],
)
def test_a_variant_that_cannot_be_used_leaves_the_old_one_and_is_tried_again_later(
    broken: Fixed | Exception, words: str
) -> None:
    server = Server({"old": Fixed(), "new": broken}, Plan(1, wanted("old")))
    with server.client() as client:
        server.plan = Plan(2, wanted("new"))
        with pytest.raises((EmbeddingNotBuiltError, VariantFailedError)):
            server.current.refresh()
        health = client.get("/healthz")
        assert (health.status_code, health.json()["status"], health.json()["sequence"]) == (200, "degraded", 1)
        assert words in health.json()["problem"]
        assert client.post("/analyze", json={"text": "a"}).json()["variant"] == "old"
        assert server.metric("raxe_reloads_total", outcome="failed") == 1

        server.clock.now = RETRY - 0.001
        assert not server.current.refresh()
        assert server.loads == ["old", "new"]
        assert client.get("/healthz").json()["status"] == "degraded"

        server.variants["new"] = Fixed()
        server.clock.now = RETRY
        assert server.current.refresh()
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.post("/analyze", json={"text": "a"}).json()["variant"] == "new"


def test_a_newer_state_is_tried_at_once_after_one_that_failed() -> None:
    server = Server({"old": Fixed(), "new": Fixed(error=OSError("x"))}, Plan(1, wanted("old")))
    server.current.refresh()
    server.plan = Plan(2, wanted("new"))
    with pytest.raises(VariantFailedError):
        server.current.refresh()
    server.plan = Plan(3, wanted("old"))
    assert server.current.refresh()
    assert server.current.problem is None


def test_the_breaker_of_a_canary_outlives_a_change_of_its_share_and_not_the_canary() -> None:
    canary = Fixed()
    server = Server({"old": Fixed(), "new": canary, "newer": Fixed()}, Plan(1, wanted("old"), wanted("new"), 10))
    server.current.refresh()
    canary.error = RuntimeError("broken")
    router = server.current.now.router
    for number in range(40 * FAILURES):
        router.analyze("text", str(number))
    assert router.breaker.state is BreakerState.OPEN
    assert server.metric("raxe_breaker_open", variant="new") == 1
    server.plan = Plan(2, wanted("old"), wanted("new"), 50)
    server.current.refresh()
    assert server.current.now.router.breaker.state is BreakerState.OPEN
    server.plan = Plan(3, wanted("old"), wanted("newer"), 10)
    server.current.refresh()
    assert server.current.now.router.breaker.state is BreakerState.CLOSED


def test_the_share_that_is_served_is_told() -> None:
    server = Server({"a": Fixed(), "b": Fixed()}, Plan(7, wanted("a"), wanted("b"), 10))
    server.current.refresh()
    assert server.metric("raxe_share_percent", variant="a", role="stable") == 90
    assert server.metric("raxe_share_percent", variant="b", role="canary") == 10
    assert server.metric("raxe_state_sequence") == 7
    server.plan = Plan(8, wanted("b"))
    server.current.refresh()
    assert server.metric("raxe_share_percent", variant="b", role="stable") == 100
    assert server.metric("raxe_share_percent") == 100


def test_a_shadow_is_counted_as_one() -> None:
    server = Server({"a": Fixed(), "b": Fixed(0.9)}, Plan(1, wanted("a"), wanted("b"), 50), shadow=True)
    server.current.refresh()
    for number in range(20):
        assert server.current.now.router.analyze("text", str(number)).role == "stable"
    assert server.metric("raxe_share_percent", variant="a", role="stable") == 100
    assert server.metric("raxe_share_percent", variant="b", role="shadow") == 0


def release(model_id: str = MODEL_ID) -> Release:
    return Release(model_id, package_name(model_id, DIGEST), DIGEST, TIME)


def test_a_plan_is_what_the_state_of_a_target_says(tmp_path: Path, pristine_toy: Toy) -> None:
    assert plan_of_target(tmp_path, "production") == Plan(0, None)
    state = EnvironmentState("production", release(), release("v2"), 10, TIME, None, 4)
    (tmp_path / "production.json").write_bytes(state_bytes(state))
    plan = plan_of_target(tmp_path, "production")
    assert (plan.sequence, plan.share) == (4, 10)
    assert plan.stable is not None
    assert plan.stable.folder == models_dir(tmp_path, release())
    assert plan.stable.served.release == DIGEST[:12]
    assert plan.canary is not None
    assert plan.canary.model_id == "v2"
    (tmp_path / "production.json").write_bytes(b'{"environment": "production"}')
    with pytest.raises(StateError):
        plan_of_target(tmp_path, "production")


def test_a_package_that_is_not_what_was_deployed_is_not_loaded(toy: Toy) -> None:
    manifest = toy.models / MANIFEST
    manifest.write_bytes(b"{}")
    with pytest.raises(StateError, match="has the SHA-256"):
        load(Wanted(MODEL_ID, toy.models, DIGEST))


def test_a_variant_of_a_folder_is_loaded_with_its_checksums_enforced(toy: Toy) -> None:
    plan = plan_of_folder(toy.models, MODEL_ID)
    assert plan.stable is not None
    assert load(plan.stable).analyze("please evilpi").metadata["is_attack"] is True
    toy.bundle.unlink()
    with pytest.raises(MissingFileError):
        load(plan.stable)
