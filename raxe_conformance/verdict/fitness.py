"""Whether a machine can measure latency, from what it did to fixed computations."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from raxe_conformance.checks.latency import PULSE_RATIO, TOGETHER
from raxe_conformance.measure.noise import Noise

# The gate is on P95: where as many calls as this are disturbed, its interval reaches from 0 to any time.
MOST_DISTURBED = 0.05
MOST_STOLEN = 0.05


@dataclass(frozen=True)
class Fitness:
    """obstacles: what keeps latency from being measured, with what to do about it, a line each; none: it can be.

    notes: what may, and does not now. disturbed: the share of fixed computations that took PULSE_RATIO times the usual
    time, on the core where there are most of them. gain: how many times as fast two threads are as one, in the median;
    None where there is one core.
    """

    obstacles: tuple[str, ...]
    notes: tuple[str, ...]
    disturbed: float
    gain: float | None


def judge_fitness(noise: Noise) -> Fitness:
    """Pure. The usual time of the kernel is its tenth percentile over all cores, so a slow core counts as disturbed."""
    beats = sorted(beat for times in noise.pulse_ms.values() for beat in times)
    usual = beats[len(beats) // 10]
    disturbed = max(sum(beat > PULSE_RATIO * usual for beat in times) / len(times) for times in noise.pulse_ms.values())
    gain = median(noise.second_core) if noise.second_core else None
    obstacles, notes = [], []
    if disturbed >= MOST_DISTURBED:
        obstacles.append(f"{disturbed:.0%} of fixed computations were disturbed: stop what else runs here")
    if noise.stolen is not None and noise.stolen >= MOST_STOLEN:
        obstacles.append(f"others on this host took {noise.stolen:.0%} of the time: use a machine of your own")
    if noise.quota is not None and noise.quota < noise.usable:
        obstacles.append(f"a quota of {noise.quota:g} cores for {noise.usable} stops calls half-way: lift it")
    if gain is not None and gain < TOGETHER:
        obstacles.append(f"two threads are {gain:.2g} times as fast as one: try again later")
    if noise.load is not None and noise.load > noise.usable / 2:
        notes.append(f"load {noise.load:.1f}: something else runs here")
    if slow := [name for name in noise.governors if name != "performance"]:
        notes.append(f"frequency governor {', '.join(slow)}: speed varies; performance does not")
    if noise.usable == 1:
        notes.append("one core: whatever else runs takes it from the detector")
    return Fitness(tuple(obstacles), tuple(notes), disturbed, gain)
