"""Which variant answers a key, and who answers when the canary does not."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from concurrent.futures import Future, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.serving.stubs import Clock, Fixed, Held, Told
from meta_tests.serving.waiting import until
from raxe_conformance.errors import NoVariantError, TextError, VariantFailedError
from raxe_conformance.runtime import router as module
from raxe_conformance.runtime.breaker import COOL_DOWN, FAILURES, BreakerState, CircuitBreaker
from raxe_conformance.runtime.router import PIECE, CanaryRouter, in_canary

KEYS = 1_000_000
SHARES = (10, 50)


def test_of_a_million_keys_each_share_is_what_it_says_and_lies_within_the_larger_ones() -> None:
    hits = dict.fromkeys(SHARES, 0)
    for number in range(KEYS):
        key = f"user-{number}"
        # 10 % without 50 %, 100 % without a key, 0 % with one: none of these may be.
        small, large = in_canary(key, 10, "salt"), in_canary(key, 50, "salt")
        assert large or not small
        hits[10] += small
        hits[50] += large
    for share, found in hits.items():
        # Four and a half standard deviations: one run in 150,000, and the keys are the same in every run.
        assert abs(found - KEYS * share / 100) < 4.5 * math.sqrt(KEYS * share / 100 * (1 - share / 100)), share


@given(st.text(), st.text(max_size=10))
def test_none_of_the_keys_belongs_to_0_percent_and_all_to_100(key: str, salt: str) -> None:
    assert not in_canary(key, 0, salt)
    assert in_canary(key, 100, salt)


@given(st.text(st.characters(), max_size=20), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_keeps_the_keys_of_a_smaller_one(key: str, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert in_canary(key, large, "s") or not in_canary(key, small, "s")


def test_the_choice_is_the_same_in_another_process_and_another_with_another_salt() -> None:
    keys = [f"k{number}" for number in range(200)]
    here = [in_canary(key, 50, "a") for key in keys]
    code = (
        "from raxe_conformance.runtime.router import in_canary\n"
        "print([in_canary(f'k{n}', 50, 'a') for n in range(200)])"
    )
    environment = {"PYTHONHASHSEED": "4711"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(here)
    assert here != [in_canary(key, 50, "b") for key in keys]


def test_a_lone_surrogate_is_a_key_like_another() -> None:
    assert in_canary("\ud800", 100, "")


def test_each_key_is_answered_by_its_variant_every_time() -> None:
    stable, canary = Fixed(0.0), Fixed(0.25)
    router = CanaryRouter(stable, canary, 10, salt="s")
    for number in range(300):
        key = f"k{number}"
        expected = "canary" if in_canary(key, 10, "s") else "stable"
        for _ in range(2):
            routed = router.analyze("text", key)
            assert (routed.role, routed.fell_back) == (expected, False)
            assert routed.result.metadata["score"] == (0.25 if expected == "canary" else 0.0)
    assert len(canary.asked) + len(stable.asked) == 600


def test_the_stable_variant_answers_for_a_canary_that_raises_until_the_breaker_spares_it() -> None:
    clock, told = Clock(), Told()
    stable, canary = Fixed(0.0), Fixed(0.25, error=RuntimeError("broken"))
    router = CanaryRouter(stable, canary, 100, observer=told, breaker=CircuitBreaker(clock))
    for _ in range(FAILURES + 5):
        routed = router.analyze("text", "key")
        assert (routed.role, routed.fell_back, routed.result.metadata["score"]) == ("stable", True, 0.0)
    assert len(canary.asked) == FAILURES
    assert told.attempts.count(("canary", "error")) == FAILURES
    assert told.fallbacks == ["error"] * FAILURES + ["open"] * 5

    canary.error = None
    clock.now = COOL_DOWN
    assert router.analyze("text", "key").role == "canary"
    assert router.breaker.state is BreakerState.CLOSED


def test_the_stable_variant_answers_for_a_canary_that_is_slow() -> None:
    told, canary = Told(), Held()
    router = CanaryRouter(Fixed(), canary, 100, observer=told, patience=0.0)
    try:
        routed = router.analyze("text", "key")
        assert (routed.role, routed.fell_back) == ("stable", True)
        assert told.attempts == [("canary", "slow"), ("stable", "ok")]
        assert told.fallbacks == ["slow"]
        # It holds all threads of the canary; what waits behind them is given up, too, and opens the breaker.
        for _ in range(FAILURES):
            assert router.analyze("text", "key").role == "stable"
        assert router.breaker.state is BreakerState.OPEN
    finally:
        canary.go.set()


def test_a_long_text_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    def waiting(futures: list[Future[object]], timeout: float) -> object:
        waited.append(timeout)
        return wait(futures)

    monkeypatch.setattr(module, "wait", waiting)
    router = CanaryRouter(Fixed(), Fixed(), 100, patience=0.5)
    for length in (PIECE - 1, PIECE, 10 * PIECE):
        router.analyze("a" * length, "key")
    assert waited == [0.5, 1.0, 5.5]


@pytest.mark.parametrize("score", [math.nan, 1.5, -0.1, 1, None])
def test_a_canary_whose_score_is_none_has_failed(score: float) -> None:
    canary = Fixed(0.0)
    canary.analyze = lambda text, l1_results=None: _with_score(score)  # type: ignore[method-assign]
    told = Told()
    assert CanaryRouter(Fixed(), canary, 100, observer=told).analyze("text", "key").role == "stable"
    assert told.fallbacks == ["error"]


def _with_score(score: object) -> object:
    found = Fixed(0.0).analyze("text")
    found.metadata["score"] = score
    return found


def test_a_text_that_is_refused_is_no_failure_of_the_canary() -> None:
    told, router_breaker = Told(), CircuitBreaker(Clock())
    router = CanaryRouter(Fixed(), Fixed(), 100, observer=told, breaker=router_breaker)
    for _ in range(2 * FAILURES):
        with pytest.raises(TextError):
            router.analyze("refused", "key")
    assert router_breaker.state is BreakerState.CLOSED
    assert told.attempts == told.fallbacks == []


def test_without_another_variant_a_failure_is_said() -> None:
    broken = Fixed(error=ValueError("secret of the text"))
    told = Told()
    with pytest.raises(VariantFailedError, match="ValueError") as caught:
        CanaryRouter(broken, observer=told).analyze("text", "key")
    assert "secret" not in str(caught.value)
    assert told.attempts == [("stable", "error")]
    with pytest.raises(VariantFailedError, match="canary did not answer"):
        CanaryRouter(None, broken, 100).analyze("text", "key")


def test_the_threads_of_a_router_that_is_dropped_end() -> None:
    def ours() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("canary")} - before

    before = set(threading.enumerate())
    router = CanaryRouter(Fixed(), Fixed(), 100)
    router.analyze("text", "key")
    assert ours()
    del router
    until(lambda: not ours(), "the end of the canary's threads")


def test_a_key_of_a_variant_that_is_not_there_is_refused() -> None:
    router = CanaryRouter(None, Fixed(), 10, salt="s")
    inside = next(key for key in map(str, range(100)) if in_canary(key, 10, "s"))
    outside = next(key for key in map(str, range(100)) if not in_canary(key, 10, "s"))
    assert router.analyze("text", inside).role == "canary"
    with pytest.raises(NoVariantError, match="deploy"):
        router.analyze("text", outside)


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_that_is_none_is_refused(share: int) -> None:
    with pytest.raises(ValueError, match="share"):
        CanaryRouter(Fixed(), Fixed(), share)


@pytest.mark.parametrize(("score", "same"), [(0.2, True), (0.9, False)])
def test_a_shadow_reads_everything_and_answers_nothing(score: float, same: bool) -> None:
    told, shadow = Told(), Fixed(score)
    router = CanaryRouter(Fixed(0.0), shadow, 100, observer=told, shadow=True)
    routed = router.analyze("text", "key")
    assert (routed.role, routed.result.metadata["score"]) == ("stable", 0.0)
    assert told.something.wait(30)
    assert told.compared_ == [same]
    assert shadow.asked == ["text"]
    assert ("shadow", "ok") in told.attempts


def test_a_shadow_that_is_slow_holds_nothing_up_and_misses_texts() -> None:
    told, shadow = Told(), Held()
    router = CanaryRouter(Fixed(), shadow, observer=told, shadow=True, threads=2)
    try:
        for _ in range(10):
            assert router.analyze("text", "key").role == "stable"
        assert told.compared_ == [None] * 6  # two are being read, two wait
    finally:
        shadow.go.set()


def test_a_shadow_that_raises_is_counted_and_spared() -> None:
    told, shadow = Told(), Fixed(error=RuntimeError("broken"))
    router = CanaryRouter(Fixed(), shadow, observer=told, breaker=CircuitBreaker(Clock()), shadow=True, threads=1)
    for number in range(FAILURES + 3):
        router.analyze("text", "key")
        until(lambda number=number: len(told.compared_) == number + 1, "the shadow")
    assert len(shadow.asked) == FAILURES
    assert told.compared_ == [None] * (FAILURES + 3)
