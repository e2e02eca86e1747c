"""deploy, rollback and status as a user types them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from meta_tests.deploy.support import Judged
from meta_tests.deploy.test_approval import judge_as, waive
from meta_tests.support.toy import MODEL_ID, make_toy
from raxe_conformance import ModelRegistry
from raxe_conformance.cli.main import main
from raxe_conformance.deploy.audit import NAME
from raxe_conformance.deploy.state import models_dir, read_state


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Raxe(Protocol):
    """Runs a command in the test's folder."""

    def __call__(self, *args: str | Path) -> Done: ...


@pytest.fixture
def raxe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Raxe:
    """The command line, in this process and in the test's folder, where models/ and reports/ are by default."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str | Path) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["raxe-conformance", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def deploy(raxe: Raxe) -> Raxe:
    """The command that deploys the toy to target/."""
    return lambda *args: raxe("deploy", MODEL_ID, *args, "--target", "target")


def test_from_report_to_rollback(subject: Judged, tmp_path: Path, raxe: Raxe, deploy: Raxe) -> None:
    target = tmp_path / "target"
    done = deploy("staging", "--why", "better on documents")
    assert done.returncode == 0, done.stderr
    assert "9 files verified, 24 cases decided as at the source" in done.stdout
    assert "staging: v1.0_toy_int8-" in done.stdout
    assert deploy("production", "--canary", "10").returncode == 0
    state = read_state(target, "production")
    assert (state.share, state.stable) == (10, None)
    assert state.canary is not None
    assert (
        ModelRegistry(models_dir(target, state.canary))
        .create_detector(MODEL_ID)
        .analyze("evilpi")
        .metadata["is_attack"]
    )

    early = deploy("production", "--canary", "50")
    assert (early.returncode, early.stdout) == (2, "")
    assert early.stderr == (
        "ERROR: target: production: 10 % is held for 48 h, but has been for 0 h; or set the rule aside: --force --why"
        " TEXT\n"
    )
    assert deploy("production", "--canary", "100", "--force", "--why", "nothing else runs").returncode == 0

    status = raxe("status", "--target", "target")
    assert status.returncode == 0
    assert "audit log: 3 entries, the chain holds" in status.stdout
    assert "to 100 % of production: nothing else runs; set aside: 100 % of production follows 50 %" in status.stdout
    found = json.loads(raxe("status", "--target", "target", "--json").stdout)
    assert [e["environment"] for e in found["environments"]] == ["staging", "production"]
    assert (found["audit"]["entries"], found["problems"], found["notes"]) == (3, [], [])

    back = raxe("rollback", "--target", "target", "--environment", "production", "--why", "slow")
    assert (back.returncode, "there is nothing to return to" in back.stderr) == (2, True)


def test_status_tells_what_was_changed(subject: Judged, tmp_path: Path, raxe: Raxe, deploy: Raxe) -> None:
    assert deploy("staging").returncode == 0
    assert deploy("production", "--canary", "10").returncode == 0
    assert re.search(
        r"held for 0(\.\d)? h; the next stage may begin in 4[78]", raxe("status", "--target", "target").stdout
    )
    log = tmp_path / "target" / NAME
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"why": ""', b'"why": "ordered"', 1))
    status = raxe("status", "--target", "target")
    assert status.returncode == 1
    assert "FAIL: target/audit.jsonl: line 2: does not follow from the line before" in status.stderr
    log.write_bytes(whole + b'{"number": 3')
    status = raxe("status", "--target", "target")
    assert (status.returncode, "NOTE: audit.jsonl ends in a torn line of 12 bytes" in status.stdout) == (0, True)
    back = raxe("rollback", "--target", "target", "--why", "false alarms")
    assert back.returncode == 0
    assert back.stdout.startswith("production: nothing; switch 2, since ")
    assert "repair: 12 bytes of an unfinished line" in raxe("status", "--target", "target").stdout


def test_a_variant_that_fails_is_refused_and_leaves_nothing(subject: Judged, tmp_path: Path, deploy: Raxe) -> None:
    judge_as(subject, FPR_001="FAIL", LAT_001="INCONCLUSIVE")
    done = deploy("staging")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"the verdict on {MODEL_ID} is FAIL: FPR-001 FAIL, LAT-001 INCONCLUSIVE; mend the variant" in done.stderr
    assert not (tmp_path / "target").exists()


def test_what_is_waived_is_said(subject: Judged, tmp_path: Path, deploy: Raxe) -> None:
    judge_as(subject, SIZ_001="FAIL")
    today = datetime.now(UTC).date()
    waive(subject, "SIZ-001", today.replace(year=today.year + 1, day=1))
    done = deploy("staging", "--copy-to", f"file://{tmp_path}/mirror")
    assert done.returncode == 0, done.stderr
    assert "waived: SIZ-001 until " in done.stdout
    assert f"copied to file://{tmp_path}/mirror/{MODEL_ID}-" in done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("production",), "production needs --canary 10, 50 or 100"),
        (("production", "--canary", "20"), "'20' is not one of"),
        (("staging", "--canary", "10"), "--canary is of no use with staging"),
        (("staging", "--force"), "--force is of no use with staging"),
        (("production", "--canary", "10", "--sign-with", "k"), "--sign-with is of no use with production"),
        (("production", "--canary", "10"), "target: is no folder"),
        (("staging", "--report", "no.json"), "no.json: the file does not exist"),
    ],
)
def test_a_call_that_is_wrong_says_so(args: tuple[str, ...], message: str, tmp_path: Path, deploy: Raxe) -> None:
    make_toy(tmp_path)
    done = deploy(*args)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "target").exists()
