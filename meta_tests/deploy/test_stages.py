"""Staging, then 10, 50 and 100 percent of production, and back: each rule from both sides, and by wrong clocks."""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from meta_tests.deploy.support import START, FakeClock
from meta_tests.support.toy import MODEL_ID
from raxe_conformance.deploy.audit import NAME, read_log
from raxe_conformance.deploy.clock import Clock
from raxe_conformance.deploy.package import Package
from raxe_conformance.deploy.stages import roll_back, to_production, to_staging
from raxe_conformance.deploy.state import EnvironmentState, models_dir, read_state, state_bytes
from raxe_conformance.deploy.survey import survey
from raxe_conformance.deploy.switching import locked, switchboard
from raxe_conformance.errors import DeploymentError, ReportError, StateError, UsageError


def stage(target: Path, package: Package, clock: Clock) -> EnvironmentState:
    return to_staging(target, package.model_id, package.digest, "", clock=clock)


def produce(target: Path, share: int, clock: Clock, why: str = "") -> EnvironmentState:
    """The next stage; forced where a reason is given."""
    return to_production(target, MODEL_ID, share, force=bool(why), why=why, clock=clock)


def at_100(target: Path, package: Package, clock: FakeClock) -> EnvironmentState:
    """The package through all stages, each held for as long as it must be."""
    stage(target, package, clock)
    produce(target, 10, clock)
    clock.passes(48)
    produce(target, 50, clock)
    clock.passes(24)
    return produce(target, 100, clock)


def test_a_package_goes_through_all_stages_and_the_old_one_stays(
    target: Path, package: Package, package2: Package
) -> None:
    clock = FakeClock()
    first = at_100(target, package, clock)
    assert first.stable is not None
    assert (first.stable.digest, first.canary, first.share, first.previous) == (package.digest, None, 0, None)
    clock.passes(1)
    second = at_100(target, package2, clock)
    assert second.stable is not None
    assert (second.stable.digest, second.previous, second.sequence) == (package2.digest, first.stable, 6)
    assert models_dir(target, first.stable).is_dir()
    assert read_state(target, "production") == second
    assert [entry.what for entry in read_log(target).entries[:4]] == [
        f"deploy {package.name} to staging",
        f"deploy {package.name} to 10 % of production",
        f"deploy {package.name} to 50 % of production",
        f"deploy {package.name} to 100 % of production",
    ]


def test_canary_beside_stable(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    at_100(target, package, clock)
    stage(target, package2, clock)
    state = produce(target, 10, clock)
    assert state.stable is not None
    assert state.canary is not None
    assert (state.stable.digest, state.canary.digest, state.share) == (package.digest, package2.digest, 10)
    assert state.stage_started == state.canary.deployed == clock.time.isoformat()


@pytest.mark.parametrize(("share", "hold"), [(50, 48), (100, 24)])
def test_a_stage_is_held_to_the_second(share: int, hold: int, target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    produce(target, 10, clock)
    if share == 100:
        clock.passes(48)
        produce(target, 50, clock)
    clock.passes(hold)
    clock.time -= timedelta(seconds=1)
    with pytest.raises(DeploymentError, match=rf"is held for {hold} h, but has been for {hold - 1}\.9 h"):
        produce(target, share, clock)
    clock.time += timedelta(seconds=1)
    produce(target, share, clock)


def test_stages_are_not_skipped(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    with pytest.raises(DeploymentError, match="is not in staging, which holds nothing"):
        produce(target, 10, clock)
    stage(target, package, clock)
    with pytest.raises(DeploymentError, match=r"50 % of production follows 10 %, but .* has none of it"):
        produce(target, 50, clock)
    produce(target, 10, clock)
    clock.passes(100)
    with pytest.raises(DeploymentError, match=r"100 % of production follows 50 %, but .* has 10 %"):
        produce(target, 100, clock)
    with pytest.raises(DeploymentError, match="has 10 % already"):
        produce(target, 10, clock)
    # What was built again since is another package, and begins at the beginning.
    stage(target, package2, clock)
    with pytest.raises(DeploymentError, match=r"50 % of production follows 10 %, but .* has none of it"):
        produce(target, 50, clock)
    assert produce(target, 10, clock).stage_started == clock.time.isoformat()
    clock.passes(47)
    with pytest.raises(DeploymentError, match="is held for 48 h"):
        produce(target, 50, clock)


def test_there_are_no_other_stages(target: Path, package: Package) -> None:
    stage(target, package, FakeClock())
    for share in (0, 20, 101):
        with pytest.raises(UsageError, match=f"there is no stage of {share} %"):
            produce(target, share, FakeClock(), why="because")


def test_another_variant_in_staging_is_not_this_one(target: Path, package: Package) -> None:
    stage(target, package, FakeClock())
    with pytest.raises(DeploymentError, match=f"other is not in staging, which holds {package.name}"):
        to_production(target, "other", 10, clock=FakeClock())


def test_force_needs_a_reason_which_goes_into_the_log(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    with pytest.raises(UsageError, match="--force needs a reason"):
        to_production(target, MODEL_ID, 100, force=True, why=" ", clock=clock)
    assert produce(target, 100, clock, why="the old one is down").stable is not None
    entry = read_log(target).entries[-1]
    assert entry.why == "the old one is down"
    assert entry.overridden == (f"100 % of production follows 50 %, but {package.name} has none of it",)
    assert "@" in entry.who
    assert entry.moment.time == START
    with pytest.raises(DeploymentError, match="is stable already"):
        produce(target, 10, clock, why="even so")


def test_a_rule_that_holds_is_not_said_to_be_set_aside(target: Path, package: Package) -> None:
    stage(target, package, FakeClock())
    produce(target, 10, FakeClock(), why="just in case")
    assert read_log(target).entries[-1].overridden == ()


def test_staging_again_switches_nothing(target: Path, package: Package) -> None:
    clock = FakeClock()
    before = stage(target, package, clock)
    clock.passes(1)
    assert stage(target, package, clock) == before
    assert len(read_log(target).entries) == 1


def test_rollback_takes_the_canary_back_then_what_is_stable(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    first = at_100(target, package, clock)
    at_100(target, package2, clock)
    stage(target, package, clock)
    produce(target, 10, clock)
    state = roll_back(target, "production", "false alarms", clock=clock)
    assert state.stable is not None
    assert (state.canary, state.share, state.stable.digest, state.previous) == (None, 0, package2.digest, first.stable)
    state = roll_back(target, "production", "these as well", clock=clock)
    assert (state.stable, state.previous) == (first.stable, None)
    with pytest.raises(DeploymentError, match="there is nothing to return to"):
        roll_back(target, "production", "once more", clock=clock)
    assert [entry.why for entry in read_log(target).entries[-2:]] == ["false alarms", "these as well"]
    # What was taken back begins at the beginning.
    stage(target, package2, clock)
    with pytest.raises(DeploymentError, match="has none of it"):
        produce(target, 50, clock)


def test_the_first_release_can_be_taken_back_while_it_is_a_canary(target: Path, package: Package) -> None:
    stage(target, package, FakeClock())
    produce(target, 10, FakeClock())
    state = roll_back(target, "production", "slow", clock=FakeClock())
    assert (state.stable, state.canary, state.sequence) == (None, None, 2)


def test_staging_is_rolled_back_by_itself(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    with pytest.raises(DeploymentError, match="there is nothing to return to"):
        roll_back(target, "staging", "bad", clock=clock)
    stage(target, package2, clock)
    state = roll_back(target, "staging", "bad", clock=clock)
    assert state.stable is not None
    assert state.stable.digest == package.digest


def test_a_rollback_of_a_switch_does_not_take_back_a_later_one(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    bad = produce(target, 10, clock)
    now = produce(target, 50, clock, why="in a hurry")
    with pytest.raises(DeploymentError, match="is at switch 2, not 1: somebody switched it meanwhile"):
        roll_back(target, "production", "bad", sequence=bad.sequence, clock=clock)
    assert roll_back(target, "production", "bad", sequence=now.sequence, clock=clock).share == 0


def test_a_rollback_needs_a_reason_a_folder_and_an_environment(target: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        roll_back(target, "production", " ")
    with pytest.raises(UsageError, match="is no folder"):
        roll_back(tmp_path / "nowhere", "production", "bad")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(UsageError, match="there is no environment"):
        roll_back(target, "testing", "bad")


def test_an_altered_package_is_neither_given_requests_nor_returned_to(
    target: Path, package: Package, package2: Package
) -> None:
    clock = FakeClock()
    at_100(target, package, clock)
    at_100(target, package2, clock)
    for name in (package.name, package2.name):
        with (target / "packages" / name / "README.md").open("a") as handle:
            handle.write("!")
    with pytest.raises(StateError, match=r"README.md: has the SHA-256"):
        roll_back(target, "production", "bad", clock=clock)
    with pytest.raises(StateError, match=r"README.md: has the SHA-256"):
        produce(target, 10, clock)
    assert len(survey(target, clock=clock).problems) == 2


# Clocks that are wrong


def test_a_clock_that_goes_back_never_fills_a_hold_time(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    produce(target, 10, clock)
    clock.is_set(-1000)
    with pytest.raises(
        DeploymentError, match=r"has been for 0 h \(the clock says .*, which is before the stage began\)"
    ):
        produce(target, 50, clock)


def test_setting_a_late_clock_right_again_does_not_fill_it_either(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    clock.is_set(-72)
    assert produce(target, 10, clock).stage_started == START.isoformat()
    clock.is_set(72)
    clock.passes(1)
    with pytest.raises(DeploymentError, match="has been for 1 h"):
        produce(target, 50, clock)
    clock.passes(47)
    produce(target, 50, clock)


def test_a_clock_that_stays_late_is_not_believed_at_the_second_switch_either(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    clock.is_set(-72)
    produce(target, 10, clock)
    roll_back(target, "production", "bad", clock=clock)
    with (target / NAME).open("ab") as handle:
        handle.write(b"torn")  # its repair is one more entry by the late clock
    assert produce(target, 10, clock).stage_started == START.isoformat()
    clock.is_set(72)
    clock.passes(47.9)
    with pytest.raises(DeploymentError, match=r"has been for 47.9 h"):
        produce(target, 50, clock)


def test_a_clock_that_was_decades_late_fills_nothing_when_it_is_right_again(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    clock.is_set(-24 * 365 * 50)
    produce(target, 10, clock)
    clock.is_set(24 * 365 * 50)
    clock.passes(1)
    with pytest.raises(DeploymentError, match="more than a year after the stage began"):
        produce(target, 50, clock)


def test_a_stage_that_began_in_the_far_future_is_left_by_force_and_the_next_is_right(
    target: Path, package: Package
) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    clock.is_set(24 * 365 * 70)
    produce(target, 10, clock)
    clock.is_set(-24 * 365 * 70)
    clock.passes(48)
    with pytest.raises(DeploymentError, match="before the stage began"):
        produce(target, 50, clock)
    state = produce(target, 50, clock, why="the clock was 70 years ahead; by the metrics it ran for 48 h")
    assert state.stage_started == clock.time.isoformat()
    clock.passes(23)
    with pytest.raises(DeploymentError, match="has been for 23 h"):
        produce(target, 100, clock)
    clock.passes(1)
    produce(target, 100, clock)
    assert survey(target, clock=clock).problems == ()


def test_a_leap_into_the_far_future_is_not_believed(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    produce(target, 10, clock)
    clock.is_set(24 * 366 + 1)
    with pytest.raises(DeploymentError, match="more than a year after the stage began"):
        produce(target, 50, clock)


def test_a_leap_forward_is_seen_while_the_machine_runs(target: Path, package: Package) -> None:
    clock = FakeClock(boot="one", uptime_s=1000.0)
    stage(target, package, clock)
    produce(target, 10, clock)
    clock.is_set(49)
    with pytest.raises(DeploymentError, match="the clock leapt"):
        produce(target, 50, clock)
    clock.passes(48)
    produce(target, 50, clock)


def test_a_rollback_asks_no_clock(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    produce(target, 10, clock)
    for hours in (-(10**5), 10**6):
        clock.is_set(hours)
        roll_back(target, "production", "bad", clock=clock)
        produce(target, 10, clock)
    assert survey(target, clock=clock).problems == ()


# Records that do not fit


def test_a_state_that_was_changed_by_hand_is_refused(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    state = stage(target, package, clock)
    path = target / "staging.json"
    for changed in (replace(state, sequence=7), replace(state, stage_started=START.replace(year=2020).isoformat())):
        path.write_bytes(state_bytes(changed))
        for write in (lambda: stage(target, package2, clock), lambda: roll_back(target, "staging", "x", clock=clock)):
            with pytest.raises(StateError, match="is not the state that the audit log knows"):
                write()
        assert any("staging.json" in problem for problem in survey(target, clock=clock).problems)
    path.write_bytes(state_bytes(state))
    stage(target, package2, clock)


def test_a_log_whose_end_was_cut_off_is_refused(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    whole = (target / NAME).read_bytes()
    stage(target, package2, clock)
    for cut in (whole, b""):
        (target / NAME).write_bytes(cut)
        with pytest.raises(StateError, match="is not the state that the audit log knows"):
            stage(target, package, clock)
        assert len(survey(target, clock=clock).problems) == 1


def test_a_switch_that_was_stopped_is_recorded_by_the_next_writer(
    target: Path, package: Package, package2: Package
) -> None:
    clock = FakeClock()
    first = stage(target, package, clock)
    stage(target, package2, clock)
    (target / "staging.json").write_bytes(state_bytes(first))  # as if the second had been stopped before this
    found = survey(target, clock=clock)
    assert (found.problems, found.notes) == ((), ("staging: a switch was stopped, and did not take place",))
    state = stage(target, package2, clock)
    assert (state.sequence, state.previous) == (2, first.stable)
    said = read_log(target).entries[-2]
    assert (said.what, said.why, said.state) == ("interrupted", "the switch of line 2 did not take place", first)
    assert survey(target, clock=clock).notes == ()


def test_recording_a_stopped_switch_does_not_begin_the_hold_time_again(
    target: Path, package: Package, package2: Package
) -> None:
    clock = FakeClock(boot="one", uptime_s=0.0)
    stage(target, package, clock)
    canary = produce(target, 10, clock)
    clock.passes(48)
    produce(target, 50, clock)
    (target / "production.json").write_bytes(state_bytes(canary))
    produce(target, 50, clock)


def test_a_state_that_cannot_be_written_stays_and_is_said(
    target: Path, package: Package, package2: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stage(target, package, FakeClock())

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("raxe_conformance.report.whole.write_atomically", full)
        with pytest.raises(ReportError, match=r"staging.json: cannot be written: No space left on device; make room"):
            stage(target, package2, FakeClock())
    assert read_state(target, "staging") == first
    assert stage(target, package2, FakeClock()).sequence == 2


def test_writers_take_turns(target: Path, package: Package, package2: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    writers = [threading.Thread(target=stage, args=(target, p, clock)) for p in (package2, package) * 4]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = survey(target, clock=clock)
    assert (found.problems, found.notes) == ((), ())
    assert found.log is not None
    assert found.states[0].sequence == len(found.log.entries)


def test_a_writer_that_does_not_end_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raxe_conformance.deploy.switching._WAIT_S", 0.05)
    with (
        locked(target / ".switching.lock", "somebody"),
        pytest.raises(DeploymentError, match="another deploy or rollback is at work on it"),
        switchboard(target, FakeClock()),
    ):
        pass


def test_a_canary_tells_what_is_left_of_its_hold_time(target: Path, package: Package) -> None:
    clock = FakeClock()
    stage(target, package, clock)
    state = produce(target, 10, clock)
    assert survey(target, clock=clock).remaining(state) == timedelta(hours=48)
    clock.passes(40)
    found = survey(target, clock=clock)
    assert [found.remaining(state) for state in found.states] == [None, timedelta(hours=8)]
    clock.passes(40)
    assert survey(target, clock=clock).remaining(state) == timedelta(0)
