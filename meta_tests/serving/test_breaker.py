"""The circuit breaker, by a clock that is set by hand."""

from __future__ import annotations

from meta_tests.serving.stubs import Clock
from raxe_conformance.runtime.breaker import COOL_DOWN, FAILURES, WINDOW, BreakerState, CircuitBreaker


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES):
        assert breaker.allow()
        breaker.record(failed=True)
    return breaker


def test_it_opens_with_the_last_failure_that_it_takes_and_not_before() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES - 1):
        breaker.record(failed=True)
    assert breaker.state is BreakerState.CLOSED
    breaker.record(failed=True)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.allow()


def test_failures_that_are_longer_ago_than_the_window_do_not_count() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(20):
        for _ in range(FAILURES - 1):
            breaker.record(failed=True)
        for _ in range(WINDOW - FAILURES + 1):
            breaker.record(failed=False)
    assert breaker.state is BreakerState.CLOSED
    for _ in range(FAILURES):  # nine of the last twenty stay as these push them out one by one
        breaker.record(failed=True)
    assert breaker.state is BreakerState.OPEN


def test_one_call_is_let_through_when_it_has_cooled_down() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = COOL_DOWN - 0.001
    assert not breaker.allow()
    clock.now = COOL_DOWN
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.allow()
    assert not breaker.allow()  # the first has not come back yet


def test_it_closes_when_that_call_succeeds_and_has_forgotten_the_failures() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = COOL_DOWN
    assert breaker.allow()
    breaker.record(failed=False)
    assert breaker.state is BreakerState.CLOSED
    breaker.record(failed=True)
    assert breaker.allow()


def test_it_stays_open_for_as_long_again_when_that_call_fails() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = COOL_DOWN
    assert breaker.allow()
    breaker.record(failed=True)
    clock.now = 2 * COOL_DOWN - 0.001
    assert not breaker.allow()
    clock.now = 2 * COOL_DOWN
    assert breaker.allow()


def test_calls_that_were_made_before_it_opened_change_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.record(failed=False)
    assert breaker.state is BreakerState.OPEN
    clock.now = COOL_DOWN
    assert breaker.allow()
