"""A state is read strictly, and whole while it is being replaced."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.deploy.state import (
    ENVIRONMENTS,
    NEVER,
    SHARES,
    EnvironmentState,
    Release,
    models_dir,
    nothing_deployed,
    package_name,
    read_state,
    state_bytes,
    state_path,
)
from raxe_conformance.errors import JsonError, StateError, UsageError
from raxe_conformance.fileio import write_atomically

DIGEST = "0123456789ab" + "c" * 52
TIME = "2026-03-01T12:00:00+00:00"
STABLE = Release("v1.0_toy_int8", f"v1.0_toy_int8-{DIGEST[:12]}", DIGEST, TIME)
STATE = EnvironmentState("production", STABLE, None, 0, TIME, None, 3)

_releases = st.builds(
    lambda model_id, digest, time: Release(model_id, package_name(model_id, digest), digest, time),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,30}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.datetimes().map(lambda moment: moment.isoformat() + "+00:00"),
)
_states = st.builds(
    lambda state, canary, share: replace(state, canary=canary, share=share if canary else 0),
    st.builds(
        EnvironmentState,
        st.sampled_from(ENVIRONMENTS),
        st.none() | _releases,
        st.none(),
        st.just(0),
        st.just(TIME),
        st.none() | _releases,
        st.integers(0, 10**9),
    ),
    st.none() | _releases,
    st.sampled_from(SHARES[1:]),
)


@settings(deadline=None)  # it forces files to the disk
@given(state=_states)
def test_what_is_written_is_read(state: EnvironmentState, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("state")
    write_atomically(state_path(folder, state.environment), state_bytes(state))
    assert read_state(folder, state.environment) == state


def test_nothing_is_deployed_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_state(tmp_path, "staging") == EnvironmentState("staging", None, None, 0, NEVER, None, 0)
    assert read_state(tmp_path, "staging") == nothing_deployed("staging")


def test_a_folder_or_an_environment_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        read_state(tmp_path / "nowhere", "staging")
    with pytest.raises(UsageError, match="there is no environment 'testing'"):
        read_state(tmp_path, "testing")


def test_the_models_folder_of_a_release_is_its_package() -> None:
    assert models_dir(Path("t"), STABLE) == Path("t/packages/v1.0_toy_int8-0123456789ab")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 10}, "share: is 10, but should be 0 if and only if there is no canary"),
        ({"share": 20, "canary": json.loads(state_bytes(STATE))["stable"]}, "share: is 20, but should be one of"),
        ({"share": "0"}, "'0' should be of the type int"),
        ({"share": 0.0}, "0.0 should be of the type int"),
        ({"sequence": True}, "True should be of the type int"),
        ({"sequence": -1}, "sequence: is -1"),
        ({"environment": "staging"}, "environment: is 'staging', but should be 'production'"),
        ({"environment": "test"}, "environment: is 'test', but should be one of"),
        ({"stage_started": "2026-03-01T12:00:00"}, "stage_started: is '2026-03-01T12:00:00'"),
        ({"stage_started": "2026-03-01T12:00:00+01:00"}, "stage_started: is"),
        ({"stage_started": None}, "None should be of the type str"),
        ({"stable": {}}, "model_id: is missing"),
        ({"stable": "v1.0"}, "does not hold a state"),
        ({"stable": {**vars(STABLE), "package": "../../etc"}}, "stable.package: is '../../etc', which is not of its"),
        (
            {"stable": {**vars(STABLE), "model_id": "../x", "package": "../x-0123456789ab"}},
            "stable.model_id: is '../x'",
        ),
        ({"stable": {**vars(STABLE), "digest": "0123456789ab"}}, "stable.digest: should be 64 hex digits"),
        ({"stable": {**vars(STABLE), "deployed": "now"}}, "stable.deployed: is 'now'"),
        ({"weight": 1}, "weight: is not known"),
    ],
)
def test_what_is_no_state_is_refused_by_name(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    path.write_text(json.dumps(json.loads(state_bytes(STATE)) | change), encoding="utf-8")
    with pytest.raises(StateError, match=message.replace("(", r"\(")) as found:
        read_state(tmp_path, "production")
    assert str(path) in str(found.value)


def test_half_a_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "production.json"
    path.write_bytes(state_bytes(STATE)[:-20])
    with pytest.raises(JsonError):
        read_state(tmp_path, "production")


def test_a_reader_sees_old_or_new_while_a_writer_replaces(tmp_path: Path) -> None:
    states = [replace(STATE, sequence=number) for number in range(300)]
    write_atomically(state_path(tmp_path, "production"), state_bytes(states[0]))

    def write() -> None:
        for state in states[1:]:
            write_atomically(state_path(tmp_path, "production"), state_bytes(state))

    writer = threading.Thread(target=write)
    writer.start()
    seen = [0]
    while writer.is_alive():
        seen.append(read_state(tmp_path, "production").sequence)
    writer.join()
    assert seen == sorted(seen)
    assert read_state(tmp_path, "production").sequence == 299
