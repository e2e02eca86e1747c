"""The catalogue: every check, declared once, in this folder's group files."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from raxe_conformance.checks.reading import Reading, Unknown
from raxe_conformance.errors import UsageError
from raxe_conformance.groups import GROUPS
from raxe_conformance.measure.evidence import EVIDENCE, Missing

_MODULES = ("schema", "integrity", "size", "latency", "accuracy", "fpr", "robustness")

Op = Literal["<", ">"]


class Level(enum.StrEnum):
    """MUST: a failure fails the variant. SHOULD: it is counted and shown."""

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True)
class Gate:
    """A numeric limit: the profile's `metric` must be on the `op` side of it. `unit` is for people."""

    metric: str
    op: Op
    unit: str


@dataclass(frozen=True)
class Check:
    """One rule.

    needs: the measurements it reads. read: evidence by measurement → reading; a pure function. defect: the seeded
    defect (meta_tests/mutations) that trips it. after: a check whose failure leaves this one nothing to say.
    """

    id: str
    title: str
    group: str
    level: Level
    spec: str
    needs: tuple[str, ...]
    gate: Gate | None
    defect: str
    read: Callable[..., Reading]

    def reading(self, evidence: Mapping[str, Any]) -> Reading:
        """What this check reads from the evidence; Unknown where one of the measurements is missing."""
        parts = []
        for name in self.needs:
            part = evidence.get(name)
            if part is None:
                return Unknown(f"{name} was not measured", "run the suites on this variant")
            if isinstance(part, Missing):
                return Unknown(part.reason, part.remedy)
            parts.append(part)
        return self.read(*parts)


_checks: dict[str, Check] = {}


def check(
    id: str,
    title: str,
    *,
    level: Level,
    spec: str,
    needs: tuple[str, ...],
    defect: str,
    gate: Gate | None = None,
) -> Callable[[Callable[..., Reading]], Callable[..., Reading]]:
    """Declare the decorated function as a check. Its module names the group."""

    def declare(read: Callable[..., Reading]) -> Callable[..., Reading]:
        if id in _checks:
            raise ValueError(f"the check id {id} is declared twice")
        if unknown := set(needs) - set(EVIDENCE):
            raise ValueError(f"{id} needs what nobody measures: {', '.join(sorted(unknown))}")
        group = read.__module__.rpartition(".")[2]
        _checks[id] = Check(id, title, group, level, spec, needs, gate, defect, read)
        return read

    return declare


@cache
def catalogue() -> dict[str, Check]:
    """All checks by id, in the order of groups and of their declaration."""
    for module in _MODULES:
        import_module(f"raxe_conformance.checks.{module}")
    order = list(GROUPS)
    return dict(sorted(_checks.items(), key=lambda item: order.index(item[1].group)))


def find_check(check_id: str) -> Check:
    """One check. Raises UsageError that lists the ids."""
    known = catalogue()
    if check_id not in known:
        raise UsageError(f"there is no check {check_id!r}", remedy=f"the checks are {', '.join(known)}")
    return known[check_id]
