"""What is measured of a machine without a detector."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from raxe_conformance.measure.environment import usable_cores
from raxe_conformance.measure.noise import PULSES, governors, measure_noise, quota


def test_every_core_is_tried_in_every_round_and_the_thread_is_free_again() -> None:
    before, beat = usable_cores(), count()
    found = measure_noise(rounds=3, pulse=lambda: float(next(beat)), pause_s=0.0)
    assert len(found.pulse_ms) == before
    assert {len(times) for times in found.pulse_ms.values()} == {3 * PULSES}
    assert 0.0 not in next(iter(found.pulse_ms.values()))  # the first one on a core warms up
    assert len(found.second_core) == (3 if before > 1 else 0)
    assert usable_cores() == found.usable == before


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({}, None),
    ],
)
def test_the_quota_of_either_version(files: dict[str, str], expected: float | None, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    assert quota(tmp_path) == expected


def test_governors_are_named_once(tmp_path: Path) -> None:
    assert governors(tmp_path) == ()
    for core, name in enumerate(("powersave", "powersave", "performance")):
        (tmp_path / f"cpu{core}" / "cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{core}" / "cpufreq" / "scaling_governor").write_text(f"{name}\n", encoding="ascii")
    assert governors(tmp_path) == ("performance", "powersave")
