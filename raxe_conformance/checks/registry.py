"""What the registry that holds the variant does: it starts fast, and loads a detector once."""

from __future__ import annotations

from raxe_conformance.checks.latency import disturbed
from raxe_conformance.checks.reading import Finding, Findings, Quantile, Reading, Unknown
from raxe_conformance.checks.table import REGISTRY, Gate, Level, check
from raxe_conformance.measure.evidence_resources import RegistryStart


@check(
    "REG-001", "P95 of the registry's start", level=Level.SHOULD, spec="§6", needs=("starting",),
    gate=Gate("registry_start_p95_ms", "<", "ms"), defect="start_slowly", requires=(REGISTRY,),
)  # fmt: skip
def start(starting: RegistryStart) -> Reading:
    """Making a registry of the whole models folder, in a process that has made one before.

    A foreign registry's start is that of a folder that the suite makes.
    """
    if starting.off_target is not None:
        return Unknown(
            f"this is {starting.off_target}, not the target CPU", "run on the target, or drop --raxe-target-cpu"
        )
    return Quantile(0.95, tuple(starting.samples_ms), disturbed(starting))


@check(
    "REG-002", "the second create_detector gives the same object", level=Level.SHOULD, spec="§5, §6",
    needs=("starting",), defect="load_at_every_call", requires=(REGISTRY, "loading", "caching"),
)  # fmt: skip
def loads_once(starting: RegistryStart) -> Reading:
    """Four threads that ask at once get one detector, and so does a call after them. Its time is told, not judged."""
    if starting.refused is not None or starting.load_ms is None or starting.again_ms is None:
        return Unknown(f"the registry gives no detector: {starting.refused}", "see the integrity checks")
    calls = starting.at_once + 1
    found = Finding(
        "create_detector", f"{starting.objects} detectors from {calls} calls", "one",
        "keep the detector, and let threads wait for the first load",
    )  # fmt: skip
    return Findings(
        (found,) if starting.objects != 1 else (),
        calls,
        f"first load {starting.load_ms:.0f} ms, a call after it {1e3 * starting.again_ms:.1f} µs",
    )
