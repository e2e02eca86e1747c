"""What metadata declares: figures by section and key, and those that are set against measurements."""

from __future__ import annotations

from typing import Any, Literal

from raxe_conformance.checks.reading import Declaration, Declarations, Statistic
from raxe_conformance.measure.evidence import Facts


def section(facts: Facts, name: str) -> dict[str, Any]:
    """A section of the metadata; empty where there is none, or where it is no object."""
    value = (facts.metadata or {}).get(name)
    return value if isinstance(value, dict) else {}


def number(values: dict[str, Any], key: str) -> float | None:
    """A number of a section, None where there is none."""
    value = values.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def against(
    facts: Facts,
    part: str,
    measured: dict[str, tuple[Literal["<", ">"], Statistic]],
    *,
    unit: str = "",
    slack: float,
    relative: float = 0.0,
) -> Declarations:
    """The figures that section `part` declares out of `measured`: key → (the better side, what was measured).

    slack: half a unit of the last digit that such figures are written with; relative: a share of the figure beside it.
    """
    values = section(facts, part)
    return Declarations(
        tuple(
            Declaration(f"{part}.{key}", declared, better, statistic, unit, slack + relative * abs(declared))
            for key, (better, statistic) in measured.items()
            if (declared := number(values, key)) is not None
        )
    )
