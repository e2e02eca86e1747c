"""Stops deployments and rollbacks by SIGKILL at every kind of point, and looks at what is left.

Run as a process of its own: python -m meta_tests.deploy.crash_points MODELS REPORT FOLDER POINTS SEED. Each switch is
run in a forked child that counts its steps on the target folder (files opened, bytes written, forced to the disk,
renamed, removed) and kills itself at one of them; writes and copies are torn in the middle. A clock by hand and answers
by rule stand for what takes time. What was found at each point is printed as JSON lines.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta_tests.deploy.support import PROFILE, TODAY, FakeClock, calm, other
from meta_tests.support.toy import MODEL_ID
from raxe_conformance.deploy.approval import approve
from raxe_conformance.deploy.audit import read_log
from raxe_conformance.deploy.landing import land
from raxe_conformance.deploy.package import Package, assemble
from raxe_conformance.deploy.smoke import Decide
from raxe_conformance.deploy.stages import roll_back, to_production, to_staging
from raxe_conformance.deploy.state import ENVIRONMENTS, EnvironmentState, read_state
from raxe_conformance.deploy.survey import survey

Action = Callable[[Path], EnvironmentState]
SAID = ("interrupted", "repair")
CALLS = ("fsync", "replace", "rename", "mkdir", "unlink", "rmdir", "chmod")


class Steps:
    """Counts the steps of this process on a folder, and stops it at one of them."""

    def __init__(self, folder: Path, last: int | None) -> None:
        """last: the step at which the process is killed, None for never."""
        self.folder, self.last, self.taken = str(folder), last, 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on. There is no way back: the process is a child that ends soon."""
        for name in CALLS:
            setattr(os, name, self._before(getattr(os, name)))
        write = os.write

        def write_half(fd: int, data: bytes) -> int:
            self.step()
            return write(fd, data[: (len(data) + 1) // 2])  # as a full disk or a signal may

        def copy_half(source: Any, handle: Any, length: int = 0) -> None:
            data = source.read()
            handle.write(data[: len(data) // 2])
            handle.flush()
            self.step()
            handle.write(data[len(data) // 2 :])

        os.write, shutil.copyfileobj = write_half, copy_half
        sys.addaudithook(self._opened)

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*args: Any, **named: Any) -> Any:
            self.step()
            return call(*args, **named)

        return stepping

    def _opened(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str) and args[0].startswith(self.folder):
            self.step()


@dataclass(frozen=True)
class Scenario:
    """A switch: what was done before, what is stopped, and which writers come after."""

    name: str
    before: tuple[Action, ...]
    action: Action
    after: tuple[Action, ...]


def scenarios(first: Package, second: Package) -> Iterator[Scenario]:
    """Deployments and rollbacks of both kinds."""
    clock = FakeClock()

    def stage(package: Package, decide: Decide) -> Action:
        def run(target: Path) -> EnvironmentState:
            land(package, target, decide)
            return to_staging(target, MODEL_ID, package.digest, "", clock=clock)

        return run

    def produce(share: int) -> Action:
        return lambda target: to_production(target, MODEL_ID, share, force=True, why="a test", clock=clock)

    def back(environment: str) -> Action:
        return lambda target: roll_back(target, environment, "a test", clock=clock)

    one, two = stage(first, calm), stage(second, other)
    staged, produced, back_again = (one, two), (one, produce(100), two), back("production")
    for name, before, action in (
        ("first to staging", (), one),
        ("second to staging", (one,), two),
        ("10 %", (one,), produce(10)),
        ("50 %", (one, produce(10)), produce(50)),
        ("100 %", (*produced, produce(50)), produce(100)),
        ("canary back", (*produced, produce(10)), back_again),
        ("production back", (*produced, produce(100)), back_again),
        ("staging back", staged, back("staging")),
        # The writer that puts right what another has left may be stopped itself.
        ("after a torn line", (one, produce(10), tear), back_again),
        ("after a stopped switch", (one, produce(10), half_switch), back_again),
    ):
        yield Scenario(name, before, action, staged)


def tear(target: Path) -> EnvironmentState:
    """Leave half a line in the log, as a writer that was stopped does."""
    with (target / "audit.jsonl").open("ab") as handle:
        handle.write(b'{"number": 9, "time": "20')
    return read_state(target, "production")


def half_switch(target: Path) -> EnvironmentState:
    """Leave a switch that is in the log and did not take place."""
    path = target / "production.json"
    before = path.read_bytes()
    to_production(target, MODEL_ID, 50, force=True, why="a test", clock=FakeClock())
    path.write_bytes(before)
    return read_state(target, "production")


@contextmanager
def copied(base: Path, place: Path) -> Iterator[Path]:
    shutil.copytree(base, place)
    yield place
    shutil.rmtree(place)


def in_child(target: Path, action: Action, last: int | None) -> tuple[int, int]:
    """Run an action in a child; its wait status, and the steps that it took if it was not stopped."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        write = os.write
        steps = Steps(target, last)
        steps.watch()
        try:
            action(target)
            write(writer, str(steps.taken).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as handle:
        taken = handle.read()
    return os.waitpid(child, 0)[1], int(taken or 0)


def states(target: Path) -> dict[str, EnvironmentState]:
    return {name: read_state(target, name) for name in ENVIRONMENTS}


def leftovers(target: Path) -> list[str]:
    return [path.name for path in target.rglob("*") if path.name.endswith(".tmp") or ".incoming-" in path.name]


def look(scenario: Scenario, base: Path, place: Path, new: dict[str, EnvironmentState], step: int) -> dict[str, Any]:
    """What a switch that is stopped at a step leaves, and what the next writers make of it."""
    with copied(base, place) as target:
        old, entries = states(target), read_log(target).entries
        status, _ = in_child(target, scenario.action, step)
        found, after = states(target), survey(target, clock=FakeClock())
        point = {
            "scenario": scenario.name,
            "step": step,
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            "state": "old" if found == old else "new" if found == new else "another",
            "problems": after.problems,
            "notes": after.notes,
            "left": leftovers(target),
            "log_kept": after.log is not None and after.log.entries[: len(entries)] == entries,
        }
        # A switch that did not take place is tried again; then comes a deployment, which cleans up.
        for action in (*([scenario.action] if found == old else []), *scenario.after):
            action(target)
        end = survey(target, clock=FakeClock())
        then = {"problems_then": end.problems, "notes_then": end.notes, "left_then": leftovers(target)}
        return point | then | {"said": sorted({e.what for e in end.log.entries if e.what in SAID}) if end.log else []}


def main(models: Path, report: Path, folder: Path, points: int, seed: int) -> None:
    """Print how many points there are, and what was found at `points` of them."""
    # SIGKILL loses nothing that was written: what is forced to the disk is for the day the power fails.
    os.fsync = lambda fd: None
    approval = approve(models, MODEL_ID, report, PROFILE, TODAY)
    pool = []
    for scenario in scenarios(assemble(models, approval, calm), assemble(models, approval, other)):
        base = folder / scenario.name.replace(" ", "-")
        base.mkdir(parents=True)
        for action in scenario.before:
            action(base)
        with copied(base, folder / "whole") as target:
            status, steps = in_child(target, scenario.action, None)
            assert (status, steps > 0) == (0, True), scenario.name
            new = states(target)
        pool += [(scenario, base, new, step) for step in range(1, steps + 1)]
    print(json.dumps({"pool": len(pool)}))
    for number in sorted(random.Random(seed).sample(range(len(pool)), points)):
        scenario, base, new, step = pool[number]
        print(json.dumps(look(scenario, base, folder / "point", new, step)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), *map(int, sys.argv[4:6]))
