"""Whether a machine can measure latency: each bound from both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raxe_conformance.measure.noise import Noise
from raxe_conformance.verdict.fitness import judge_fitness

QUIET = Noise(
    pulse_ms={0: (0.04,) * 200, 1: (0.041,) * 200},
    second_core=(1.4,) * 9,
    cores=2,
    usable=2,
    stolen=0.0,
    quota=None,
    load=0.1,
    governors=("performance",),
)


def beats(slow: int, ms: float = 0.0801) -> tuple[float, ...]:
    return (ms,) * slow + (0.04,) * (200 - slow)


def test_a_quiet_machine_can() -> None:
    fitness = judge_fitness(QUIET)
    assert (fitness.obstacles, fitness.notes, fitness.disturbed, fitness.gain) == ((), (), 0.0, 1.4)


@pytest.mark.parametrize(("slow", "can"), [(9, True), (10, False)])
def test_one_in_twenty_computations_disturbed_is_too_many(slow: int, can: bool) -> None:
    noise = replace(QUIET, pulse_ms={0: (0.04,) * 200, 1: beats(slow)})
    assert (judge_fitness(noise).obstacles == ()) is can


@pytest.mark.parametrize(("ms", "can"), [(0.08, True), (0.0801, False)])
def test_a_core_that_is_half_as_fast_is_disturbed(ms: float, can: bool) -> None:
    noise = replace(QUIET, pulse_ms={0: (0.04,) * 200, 1: (ms,) * 200})
    assert (judge_fitness(noise).obstacles == ()) is can


@pytest.mark.parametrize(
    ("change", "can"),
    [
        ({"stolen": 0.049}, True), ({"stolen": 0.05}, False), ({"stolen": None}, True),
        ({"quota": 2.0}, True), ({"quota": 1.99}, False),
        ({"second_core": (1.2, 1.2, 0.9)}, True), ({"second_core": (1.19, 1.19, 1.5)}, False),
        ({"second_core": ()}, True),
    ],
)  # fmt: skip
def test_what_keeps_latency_from_being_measured(change: dict[str, object], can: bool) -> None:
    fitness = judge_fitness(replace(QUIET, **change))  # type: ignore[arg-type]
    assert (fitness.obstacles == ()) is can
    assert fitness.notes == ()


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        ({"load": 1.0}, False), ({"load": 1.01}, True), ({"load": None}, False),
        ({"governors": ()}, False), ({"governors": ("performance", "powersave")}, True),
        ({"usable": 1, "load": 0.1}, True),
    ],
)  # fmt: skip
def test_what_may_keep_it(change: dict[str, object], noted: bool) -> None:
    fitness = judge_fitness(replace(QUIET, **change))  # type: ignore[arg-type]
    assert fitness.obstacles == ()
    assert (fitness.notes != ()) is noted


@pytest.mark.parametrize(("quick", "can"), [(11, True), (12, False)])
def test_the_usual_time_is_that_which_a_tenth_stay_below(quick: int, can: bool) -> None:
    """Of 110 computations, eleven: where more are four times as quick, all others are disturbed."""
    noise = replace(QUIET, pulse_ms={0: (0.01,) * quick + (0.04,) * (110 - quick)})
    assert (judge_fitness(noise).obstacles == ()) is can


def test_what_is_said_of_each_obstacle() -> None:
    fitness = judge_fitness(
        replace(QUIET, pulse_ms={0: beats(10)}, stolen=0.125, quota=1.5, second_core=(0.954,)),
    )
    assert fitness.obstacles == (
        "5% of fixed computations were disturbed: stop what else runs here",
        "others on this host took 12% of the time: use a machine of your own",
        "a quota of 1.5 cores for 2 stops calls half-way: lift it",
        "two threads are 0.95 times as fast as one: try again later",
    )
    assert (fitness.disturbed, fitness.gain) == (0.05, 0.954)


def test_what_is_said_of_each_note() -> None:
    fitness = judge_fitness(
        replace(QUIET, usable=1, load=0.87, governors=("performance", "powersave", "schedutil")),
    )
    assert fitness.notes == (
        "load 0.9: something else runs here",
        "frequency governor powersave, schedutil: speed varies; performance does not",
        "one core: whatever else runs takes it from the detector",
    )
