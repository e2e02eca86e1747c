"""SIGKILL at 200 points of deploying and rolling back: the old state or the new one, and a log that holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from meta_tests.deploy.support import Judged

POINTS, SEED = 200, 20251120
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(pristine: Judged, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What was found at each point."""
    arguments = [pristine.toy.models, pristine.report, tmp_path_factory.mktemp("points"), POINTS, SEED]
    done = subprocess.run(
        [sys.executable, "-m", "meta_tests.deploy.crash_points", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *points = map(json.loads, done.stdout.splitlines())
    assert first["pool"] >= POINTS == len(points)
    return points


def test_every_point_is_another_and_was_reached(found: list[dict[str, Any]]) -> None:
    assert len({(point["scenario"], point["step"]) for point in found}) == POINTS
    assert all(point["killed"] for point in found)
    assert len({point["scenario"] for point in found}) == 10


def test_the_state_is_the_old_one_or_the_new_one(found: list[dict[str, Any]]) -> None:
    states = Counter(point["state"] for point in found)
    assert set(states) == {"old", "new"}, states
    assert states["new"] >= 5


def test_the_log_holds_and_loses_nothing(found: list[dict[str, Any]]) -> None:
    assert [point for point in found if point["problems"] or not point["log_kept"]] == []


def test_torn_lines_and_stopped_switches_are_among_them(found: list[dict[str, Any]]) -> None:
    notes = [note for point in found for note in point["notes"]]
    assert sum("ends in a torn line" in note for note in notes) >= 5
    assert sum("a switch was stopped" in note for note in notes) >= 5
    said = Counter(what for point in found for what in point["said"])
    assert min(said["repair"], said["interrupted"]) >= 5, said


def test_the_next_writers_put_everything_right(found: list[dict[str, Any]]) -> None:
    assert sum(bool(point["left"]) for point in found) >= 20
    wrong = [point for point in found if point["problems_then"] or point["notes_then"] or point["left_then"]]
    assert wrong == []
