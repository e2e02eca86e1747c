"""A hold time is only over when it has surely passed, whatever the clock says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.deploy.support import START, FakeClock
from raxe_conformance.deploy.clock import MOST, Moment, elapsed, hours, now

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("hours_later", [0, 1, 47.9, 48, 8000])
def test_a_clock_that_runs_is_believed(hours_later: float) -> None:
    at = Moment(START + hours_later * HOUR)
    assert elapsed(START, Moment(START), at) == (found := elapsed(START, Moment(START), at))
    assert (found.surely, found.doubt) == (hours_later * HOUR, None)


@pytest.mark.parametrize("back", [1, 3600, 10**9])
def test_a_clock_before_the_beginning_proves_nothing(back: int) -> None:
    found = elapsed(START, Moment(START), Moment(START - timedelta(seconds=back)))
    assert found.surely == timedelta(0)
    assert "before the stage began" in str(found.doubt)


def test_more_than_a_year_is_not_believed_unless_the_machine_ran_for_it() -> None:
    recorded = Moment(START, "one", 10.0)
    just, above = START + MOST, START + MOST + timedelta(seconds=1)
    assert elapsed(START, Moment(START), Moment(just)).surely == MOST
    assert elapsed(START, Moment(START), Moment(above)).surely == timedelta(0)
    assert elapsed(START, recorded, Moment(above, "two", 10.0)).surely == timedelta(0)
    ran = Moment(above, "one", 10.0 + MOST.total_seconds())
    assert elapsed(START, recorded, ran).doubt is None


def test_a_leap_forward_does_not_count_while_the_machine_runs() -> None:
    clock = FakeClock(boot="one", uptime_s=500.0)
    recorded = clock()
    clock.passes(2)
    clock.is_set(72)
    found = elapsed(START, recorded, clock())
    assert found.surely == 2 * HOUR
    assert "the machine has run for 2 h" in str(found.doubt)


def test_after_a_restart_only_the_clock_is_left() -> None:
    found = elapsed(START, Moment(START, "one", 500.0), Moment(START + 50 * HOUR, "two", 5.0))
    assert (found.surely, found.doubt) == (50 * HOUR, None)


@given(
    st.integers(-(10**9), 10**9),
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**7),
    st.booleans(),
    st.booleans(),
)
def test_never_more_than_clock_and_machine_both_say(
    begun: int, reads: int, ran: int, told: bool, same_boot: bool
) -> None:
    started, recorded = START, Moment(START + timedelta(seconds=begun), "one" if told else None, 7.0 if told else None)
    at = Moment(START + timedelta(seconds=reads), "one" if same_boot else "two", 7.0 + ran)
    found = elapsed(started, recorded, at)
    assert timedelta(0) <= found.surely <= max(timedelta(0), timedelta(seconds=reads))
    if told and same_boot:
        assert found.surely <= timedelta(seconds=ran) + timedelta(minutes=5)


def test_hours_do_not_round_up() -> None:
    assert hours(timedelta(hours=48) - timedelta(seconds=1)) == "47.9 h"
    assert hours(timedelta(hours=48)) == "48 h"


def test_this_machine_tells_a_moment() -> None:
    first, second = now(), now()
    assert first.time.utcoffset() == timedelta(0)
    assert first.boot == second.boot
    assert None in (first.uptime_s, second.uptime_s) or first.uptime_s <= second.uptime_s  # type: ignore[operator]
