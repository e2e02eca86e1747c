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

_MODULES = (
    "schema", "integrity", "size", "latency", "throughput", "memory", "registry", "registry_discovery", "registry_api",
    "registry_detectors", "accuracy", "fpr", "robustness", "invariance", "deployment",
)  # fmt: skip

Op = Literal["<", ">"]

# What a check may require of its subject (claims.py says who claims it).
FILES = "files"
FAMILIES = "families"
BATCH = "batch"
REGISTRY = "registry"  # it is about a registry: a foreign one is judged once, apart from its variants
# Measurements that are made of a variant's files.
_OF_FILES = {"facts", "leakage"}


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
    defect (meta_tests/mutations) that trips it. requires: what a subject must claim for it to be judged.
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
    requires: frozenset[str]

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
    requires: tuple[str, ...] | None = None,
    group: str | None = None,
) -> Callable[[Callable[..., Reading]], Callable[..., Reading]]:
    """Declare the decorated function as a check. Its module names the group, unless `group` does.

    requires: FILES where it reads a measurement of files, unless it is given.
    """

    def declare(read: Callable[..., Reading]) -> Callable[..., Reading]:
        if id in _checks:
            raise ValueError(f"the check id {id} is declared twice")
        if unknown := set(needs) - set(EVIDENCE):
            raise ValueError(f"{id} needs what nobody measures: {', '.join(sorted(unknown))}")
        of_group = group or read.__module__.rpartition(".")[2]
        required = ((FILES,) if _OF_FILES & set(needs) else ()) if requires is None else requires
        _checks[id] = Check(id, title, of_group, level, spec, needs, gate, defect, read, frozenset(required))
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
