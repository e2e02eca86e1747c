"""How sure the verdict over all MUST gates is: four gates at 0.95 each are not one verdict at 0.95.

A PASS claims that every gate holds. It is wrong only if a gate that does not hold passed, and whichever that is, it had
at most its own chance: the largest of the gates' error rates bounds that of all (intersection–union test: Berger,
Technometrics 24, 1982). A FAIL claims that some gate does not hold. With m gates that all hold, each has its chance to
fail, so these add up; Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979) bounds them together.
Both hold however the gates depend on each other. Rules and exact figures have no sampling error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.outcome import Outcome


@dataclass(frozen=True)
class GateRecord:
    """What the release verdict needs of one check's: p_pass and p_fail are None where there is no sampling error."""

    id: str
    level: Level
    outcome: Outcome
    waived: bool
    p_pass: float | None
    p_fail: float | None


@dataclass(frozen=True)
class SampledGate:
    """A MUST gate that rests on a sample. `holm`: p_fail, adjusted for all of them."""

    id: str
    outcome: Outcome
    p_pass: float
    p_fail: float
    holm: float


@dataclass(frozen=True)
class Release:
    """The verdict over all MUSTs and the chance that it is wrong; None where it claims nothing.

    each: the error rate at which single gates are decided. uncorrected: the chance that at least one of the gates fails
    although all hold, if each is decided by itself. survives: whether a FAIL holds at `each` after Holm's correction.
    """

    outcome: Outcome
    error_rate: float | None
    method: str
    each: float
    uncorrected: float
    survives: bool | None
    gates: tuple[SampledGate, ...]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: the largest (m − j + 1) p over the j smallest, at most 1."""
    m, adjusted, largest = len(p_values), [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(m), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (m - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def release(outcome: Outcome, records: Iterable[GateRecord], confidence: float) -> Release:
    """What the verdict `outcome` over these records is worth. confidence: of each gate's bounds, from the profile.

    Waived checks are no part of the claim.
    """
    musts = [r for r in records if r.level is Level.MUST and not r.waived]
    sampled = [(r, r.p_pass, r.p_fail) for r in musts if r.p_pass is not None and r.p_fail is not None]
    adjusted = holm([p_fail for _, _, p_fail in sampled])
    gates = tuple(
        SampledGate(r.id, r.outcome, p_pass, p_fail, corrected)
        for (r, p_pass, p_fail), corrected in zip(sampled, adjusted, strict=True)
    )
    certain = [r for r in musts if r.p_fail is None and r.outcome is Outcome.FAIL]
    error_rate, method = _claim(outcome, gates, certain)
    alpha = round(1.0 - confidence, 12)  # 0.05, not 0.050000000000000044
    survives = error_rate is not None and error_rate <= alpha if outcome is Outcome.FAIL else None
    return Release(outcome, error_rate, method, alpha, min(1.0, round(alpha * len(gates), 12)), survives, gates)


def _claim(outcome: Outcome, gates: Sequence[SampledGate], certain: Sequence[GateRecord]) -> tuple[float | None, str]:
    many = f"{len(gates)} gate{'' if len(gates) == 1 else 's'}"
    if outcome is Outcome.INCONCLUSIVE:
        return None, "claims nothing"
    if outcome is Outcome.FAIL:
        if certain:
            return 0.0, f"{', '.join(r.id for r in certain)}: no sampling error"
        return min(gate.holm for gate in gates if gate.outcome is Outcome.FAIL), f"Holm over {many}"
    if not gates:
        return 0.0, "rules and exact figures alone: no sampling error"
    return max(gate.p_pass for gate in gates), f"intersection–union over {many}"
