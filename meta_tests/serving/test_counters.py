"""From scraped counters to what happened between two looks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.serving.counters import ATTEMPTS, BUCKET, FEEDBACK, STARTED, Scrape, selector
from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY
from raxe_conformance.serving.prometheus import Sample
from raxe_conformance.serving.rule import BESIDE, Counts

NONE = Scrape({}, {})


def samples(
    attempts: Mapping[str, float] = {},
    feedback: Mapping[str, float] = {},
    buckets: Mapping[str, float] = {},
    started: float = 100.0,
    instance: str = "a:1",
    release: str = "new",
) -> list[Sample]:
    process = {"job": "raxe", "instance": instance}
    place = {**process, "release": release}
    found = [Sample(STARTED, process, started)]
    found += [Sample(ATTEMPTS, {**place, "role": "canary", "outcome": name}, n) for name, n in attempts.items()]
    found += [Sample(FEEDBACK, {**place, "outcome": name}, n) for name, n in feedback.items()]
    found += [Sample(BUCKET, {**place, "role": "canary", "le": name}, n) for name, n in buckets.items()]
    return found


def scrape(**counts: object) -> Scrape:
    return Scrape.of(samples(**counts))  # type: ignore[arg-type]


def since(now: Scrape, before: Scrape, latency_ms: float = 5.0) -> Counts:
    return now.since(before, latency_ms, "new", None)


def test_counts_are_differences_of_what_was_scraped() -> None:
    before = scrape(
        attempts={"ok": 100, "error": 4, "slow": 1},
        feedback={"tp": 5, "fp": 1, "tn": 10, "fn": 0},
        buckets={"0.0035": 80, "0.005": 90, "+Inf": 101},
    )
    now = scrape(
        attempts={"ok": 150, "error": 7, "slow": 3},
        feedback={"tp": 9, "fp": 3, "tn": 30, "fn": 1},
        buckets={"0.0035": 110, "0.005": 135, "+Inf": 153},
    )
    expected = {ERRORS: (3, 55), LATENCY: (7, 52), FPR: (2, 22), FNR: (1, 5), BESIDE: (0, 0)}
    assert since(now, before) == expected
    assert since(now, now) == dict.fromkeys(expected, (0, 0))


def test_the_slow_requests_of_the_stable_variant_are_counted_beside_and_nothing_else_of_it() -> None:
    both = Scrape.of(
        samples({"ok": 10}, {"fp": 1}, {"0.005": 9, "+Inf": 10})
        + samples({"ok": 90, "error": 5}, {"fp": 7}, {"0.005": 60, "+Inf": 90}, release="old")
    )
    found = both.since(NONE, 5.0, "new", "old")
    assert found == {ERRORS: (0, 10), LATENCY: (1, 10), BESIDE: (30, 90), FPR: (1, 1), FNR: (0, 0)}
    assert both.has("old")
    assert not both.has("other")


@pytest.mark.parametrize(("limit_ms", "slow"), [(3.5, 40), (3.6, 20), (5.0, 20), (5.1, 0), (50.0, 0)])
def test_a_limit_between_two_buckets_counts_as_the_upper_one(limit_ms: float, slow: int) -> None:
    now = scrape(buckets={"0.0035": 60, "0.005": 80, "+Inf": 100})
    assert since(now, NONE, limit_ms)[LATENCY] == (slow, 100)


def test_the_limits_of_the_specification_are_buckets() -> None:
    pytest.importorskip("prometheus_client", reason="the extra serve is not installed")
    from raxe_conformance.serving.metrics import BUCKETS

    assert {0.0035, 0.005} <= set(BUCKETS)


def test_series_of_several_servers_and_roles_are_added_up() -> None:
    both = Scrape.of(samples(attempts={"ok": 10, "error": 1}) + samples(attempts={"ok": 20}, instance="b:1"))
    assert since(both, NONE, 5.0)[ERRORS] == (1, 31)


def test_after_a_restart_all_that_is_counted_is_new() -> None:
    before = scrape(attempts={"ok": 900, "error": 10}, started=100.0)
    now = scrape(attempts={"ok": 30, "error": 1}, started=200.0)
    assert now.restarted(before) == {("raxe", "a:1")}
    assert since(now, before, 5.0)[ERRORS] == (1, 31)


def test_a_restart_is_seen_where_new_counts_have_outgrown_the_old_ones() -> None:
    """900 requests of which none failed, and after the restart 950 of which 50 did: not 50 of 50."""
    before = scrape(attempts={"ok": 900, "error": 0}, started=100.0)
    now = scrape(attempts={"ok": 900, "error": 50}, started=200.0)
    assert since(now, before, 5.0)[ERRORS] == (50, 950)


def test_a_restart_is_seen_by_a_count_that_fell_where_no_start_is_known() -> None:
    before = Scrape.of([s for s in samples(attempts={"ok": 90}) if s.name != STARTED])
    now = Scrape.of([s for s in samples(attempts={"ok": 3}) if s.name != STARTED])
    assert now.restarted(before) == {("raxe", "a:1")}
    assert since(now, before, 5.0)[ERRORS] == (0, 3)


def test_a_server_that_was_not_scraped_for_a_while_is_not_counted_twice() -> None:
    first = Scrape.of(samples(attempts={"ok": 50}) + samples(attempts={"ok": 70}, instance="b:1"))
    second = Scrape.of(samples(attempts={"ok": 60}))
    assert since(second, first, 5.0)[ERRORS] == (0, 10)
    third = Scrape.of(samples(attempts={"ok": 60}) + samples(attempts={"ok": 75}, instance="b:1"))
    assert since(third, second.after(first), 5.0)[ERRORS] == (0, 5)


def test_a_counter_that_is_ahead_of_another_gives_no_impossible_counts() -> None:
    now = scrape(buckets={"0.005": 9, "+Inf": 8})
    assert since(now, NONE, 5.0)[LATENCY] == (0, 8)


def test_the_starts_of_other_processes_do_not_matter() -> None:
    other = Sample(STARTED, {"job": "node", "instance": "c:1"}, 5.0)
    before, now = Scrape.of([*samples({"ok": 1}), other]), samples({"ok": 2})
    assert Scrape.of([*now, Sample(STARTED, other.labels, 6.0)]).restarted(before) == set()


numbers = st.fixed_dictionaries(dict.fromkeys(("ok", "error", "slow"), st.integers(0, 10**9).map(float)))


@given(numbers, numbers, st.booleans())
def test_whatever_is_scraped_gives_counts_that_are_possible(
    one: dict[str, float], other: dict[str, float], restarted: bool
) -> None:
    before, now = scrape(attempts=one), scrape(attempts=other, started=101.0 if restarted else 100.0)
    for wrong, of in since(now, before, 5.0).values():
        assert 0 <= wrong <= of
    assert not math.isnan(since(now, before, 5.0)[ERRORS][1])


def test_the_selector_asks_for_releases_of_one_environment() -> None:
    counted = f'{{__name__=~"{ATTEMPTS}|{BUCKET}|{FEEDBACK}",environment="staging",release=~"abc|012"}}'
    assert selector("staging", ["abc", "012"]) == f"{counted} or {STARTED}"
