"""A rollout under load with a real Prometheus: a good variant reaches 100 %, bad ones are taken back."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

import httpx2

from meta_tests.deploy.support import FakeClock, Judged, calm, judged
from meta_tests.serving.load import Load
from meta_tests.serving.waiting import PATIENCE_S, address_of, process, until
from meta_tests.support.toy import MODEL_ID, make_toy
from raxe_conformance.deploy.clock import Clock, now
from raxe_conformance.deploy.landing import land
from raxe_conformance.deploy.package import assemble
from raxe_conformance.deploy.smoke import Decisions
from raxe_conformance.deploy.stages import to_production, to_staging
from raxe_conformance.deploy.state import EnvironmentState, read_state
from raxe_conformance.serving.limits import ERRORS, FPR, LATENCY, ROLLBACK
from raxe_conformance.serving.prometheus import Prometheus
from raxe_conformance.serving.watch import Taken, Watch

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="Prometheus is not installed (Debian: prometheus)")
BEHAVIOURS = ("base", "good", "slow", "alarming", "raising")
# What a busy machine adds is no fault of a variant: its speed is judged where it is what is shown.
CALM_LIMITS = {**ROLLBACK, LATENCY: 1000.0}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A target folder with a package for each behaviour: target → "", behaviour → its package's digest."""
    folder = tmp_path_factory.mktemp("rollout")
    toy = make_toy(folder)
    subject = Judged(toy, judged(toy, folder))
    found = {"target": str(folder / "target")}
    for number, behaviour in enumerate(BEHAVIOURS):
        # Packages of one variant, told apart by what their cases are said to be decided as.
        def decide(models: Path, model_id: str, texts: Sequence[str], number: int = number) -> Decisions:
            return [*calm(models, model_id, texts[number:]), *[{"is_attack": True, "family": "PI"}] * number]

        package = assemble(toy.models, subject.approved(), decide)
        land(package, folder / "target", decide)
        found[behaviour] = package.digest
    return found


class Rollout:
    """A target folder, the server of its production, Prometheus, and what is done with them."""

    def __init__(self, digests: dict[str, str], url: str, prometheus: str) -> None:
        self.target, self.digests, self.url, self.prometheus = Path(digests["target"]), digests, url, prometheus

    def stage(self, behaviour: str, share: int, clock: Clock = now) -> EnvironmentState:
        """To staging, then to a share of production, and wait until that is served."""
        to_staging(self.target, MODEL_ID, self.digests[behaviour], "test", clock=clock)
        # The good variant holds its stages; the bad ones are put where they are to be seen.
        force = behaviour != "good"
        state = to_production(self.target, MODEL_ID, share, why="test", force=force, clock=clock)
        self.is_served(state)
        return state

    def is_served(self, state: EnvironmentState) -> None:
        until(
            lambda: (
                httpx2.get(f"{self.url}/healthz", timeout=PATIENCE_S, trust_env=False).json()["sequence"]
                == state.sequence
            ),
            "switch",
        )

    def state(self) -> EnvironmentState:
        return read_state(self.target, "production")

    def watch(self, said: list[str]) -> Watch:
        return Watch(self.target, "production", Prometheus(self.prometheus), said.append, limits=CALM_LIMITS)


def start(digests: dict[str, str], folder: Path) -> tuple[list[object], list[object], str]:
    """Commands of the server and of Prometheus, and where Prometheus listens."""
    behaviours = {digest: "good" if name == "base" else name for name, digest in digests.items() if name != "target"}
    (folder / "behaviours.json").write_text(json.dumps(behaviours))
    server = [sys.executable, "-m", "meta_tests.serving.wrapped", digests["target"], folder / "behaviours.json"]
    port = free_port()
    address = f"127.0.0.1:{port}"
    prometheus = [
        PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}", "--log.level=warn",
    ]  # fmt: skip
    return server, prometheus, f"http://{address}"


def test_a_good_variant_reaches_all_requests_and_bad_ones_are_taken_back(
    digests: dict[str, str], tmp_path: Path
) -> None:
    target = Path(digests["target"])
    clock = FakeClock(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=100))
    to_staging(target, MODEL_ID, digests["base"], "test", clock=clock)
    to_production(target, MODEL_ID, 100, force=True, why="the first", clock=clock)
    server, prometheus, where = start(digests, tmp_path)
    with process(*server, log=tmp_path / "server.log"):
        url = address_of(tmp_path / "server.log")
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "raxe", "static_configs": [{"targets": [url.removeprefix("http://")]}]}],
        }
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))
        with process(*prometheus, log=tmp_path / "prometheus.log"), Load(url) as load:
            rollout = Rollout(digests, url, where)
            good_variant_reaches_all(rollout, load, clock, tmp_path)
            for behaviour, share, figure in (("alarming", 100, FPR), ("raising", 10, ERRORS)):
                bad_variant_is_taken_back(rollout, load, behaviour, share, figure)
            slow_variant_is_taken_back_by_the_command(rollout, load, tmp_path / "watch.log")
    assert load.failures == []
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    print(f"{load.answered} texts answered, {load.fell_back} by the stable variant for the canary, none failed")


def staging_answers(rollout: Rollout, log: Path) -> None:
    """The command that serves what is in staging does."""
    command = [sys.executable, "-m", "raxe_conformance", "serve", "--target", rollout.target, "--port", 0]
    with process(*command, "--environment", "staging", log=log):
        answer = httpx2.post(
            f"{address_of(log)}/analyze", json={"text": "please evilpi"}, timeout=PATIENCE_S, trust_env=False
        )
    found = answer.json()
    assert (found["release"], found["is_attack"]) == (rollout.digests["good"][:12], True)


def good_variant_reaches_all(rollout: Rollout, load: Load, clock: FakeClock, folder: Path) -> None:
    """Staging, then 10, 50 and 100 percent, each held for its time by the clock, with requests all the while."""
    to_staging(rollout.target, MODEL_ID, rollout.digests["good"], "test", clock=clock)
    staging_answers(rollout, folder / "staging.log")
    said: list[str] = []
    watch = rollout.watch(said)
    for share, hours in ((10, 50), (50, 30), (100, 1)):
        rollout.stage("good", share, clock)
        seen = load.answered
        until(lambda seen=seen: load.answered > seen + 100, "requests")
        until(lambda: watch.look() is None and any(f.estimate.n for f in watch.standing()), "a look")
        clock.passes(hours)
    assert load.failures == []
    stable = rollout.state().stable
    assert stable is not None
    assert stable.digest == rollout.digests["good"]
    assert load.by_role["canary"] > 0


def bad_variant_is_taken_back(rollout: Rollout, load: Load, behaviour: str, share: int, figure: str) -> None:
    rollout.stage(behaviour, share)
    began, answered = time.monotonic(), load.answered
    said: list[str] = []
    taken: list[Taken] = []
    watch = rollout.watch(said)

    def is_taken_back() -> bool:
        taken.extend(filter(None, [watch.look()]))
        return bool(taken)

    until(is_taken_back, f"the variant that is {behaviour}")
    assert [finding.name for finding in taken[0].findings] == [figure], said
    is_back(rollout, load, f"{behaviour}, {share} %", began, answered, said[-1])


def slow_variant_is_taken_back_by_the_command(rollout: Rollout, load: Load, log: Path) -> None:
    rollout.stage("slow", 10)
    began, answered = time.monotonic(), load.answered
    command = [sys.executable, "-m", "raxe_conformance", "watch", "--target", rollout.target, "--every", "0.5"]
    with process(*command, "--prometheus", rollout.prometheus, log=log) as running:
        until(lambda: running.poll() is not None, "the variant that is slow")
        assert running.returncode == 1, log.read_text()
    said = log.read_text().splitlines()[-1]
    assert LATENCY in said
    is_back(rollout, load, "slow, 10 %", began, answered, said)


def is_back(rollout: Rollout, load: Load, what: str, began: float, answered: int, said: str) -> None:
    """The variant before is served again, and nobody noticed."""
    seconds, requests = time.monotonic() - began, load.answered - answered
    state = rollout.state()
    assert state.canary is None
    assert state.stable is not None
    assert state.stable.digest == rollout.digests["good"]
    rollout.is_served(state)
    assert load.failures == []
    print(f"{what}: taken back after {seconds:.1f} s and {requests} requests to the server; {said}")
