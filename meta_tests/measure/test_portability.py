"""Other CPUs: how they are emulated, what they answer, and what is said where it cannot be done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure import portability
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.portability import CPUS, find_emulator, measure_portability
from raxe_conformance.measure.sampling import Sample

SAMPLE = Sample(["a", "b"], ["one", "two"], [0.9, 0.1], [True, False])
DIED = "the process that measures scores ended with -4 and said: uncaught target signal 4 (Illegal instruction)"


def test_each_cpu_is_asked_by_the_emulator_and_one_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    monkeypatch.delenv("NPY_ENABLE_CPU_FEATURES", raising=False)
    launchers: list[tuple[str, ...]] = []
    shown: list[str] = []

    def child(
        target: Mapping[str, Any], task: str, arguments: Mapping[str, Any], *, launcher: Sequence[str]
    ) -> dict[str, Any]:
        assert (task, arguments) == ("scores", {"texts": ["one", "two"]})
        launchers.append(tuple(launcher))
        if launcher[-1] == "Nehalem":
            raise MeasurementError(DIED, remedy="x")
        return {"scores": [0.9, 0.6], "attacks": [True, True]}

    found = measure_portability(SAMPLE, {"kind": "test"}, child, "/bin/qemu", shown.append, host="This CPU")
    assert [launcher[0] for launcher in launchers] == ["/bin/qemu"] * len(CPUS)
    assert [launcher[-2:] for launcher in launchers] == [("-cpu", cpu) for cpu in CPUS]
    # Libraries that are told which kernels to take would not ask the emulated CPU.
    assert "OPENBLAS_CORETYPE" in launchers[0]
    assert "NPY_ENABLE_CPU_FEATURES" not in launchers[0]
    nehalem, haswell = found.cpus
    assert (nehalem.compared, nehalem.problem) == (None, DIED)
    assert haswell.compared is not None
    assert (haswell.compared.flipped, haswell.compared.moved) == (["b"], {"b": 0.5})
    assert (found.host, len(shown), shown[-1]) == ("This CPU", 3, "")
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("portability", found)))) == found


@pytest.mark.parametrize(
    ("machine", "path", "said"),
    [
        ("arm64", "/bin/qemu", "older x86-64 CPUs are emulated on x86-64 only, and this is arm64"),
        ("x86_64", None, "qemu-x86_64 is not installed; install it: apt-get install qemu-user"),
        ("AMD64", "/bin/qemu", None),
    ],
)
def test_what_an_emulator_needs(
    machine: str, path: str | None, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portability.platform, "machine", lambda: machine)
    monkeypatch.setattr(portability.shutil, "which", lambda name: path)
    if said is None:
        assert find_emulator() == path
        return
    with pytest.raises(MeasurementError) as caught:
        find_emulator()
    assert str(caught.value).startswith(said)
