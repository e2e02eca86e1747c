"""What a check reads out of the evidence: a statistic to set against a limit, findings, or why there is nothing.

Readings carry counts and samples, not intervals: which interval is drawn, and at what confidence, is the profile's
matter and is done where it is judged.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exact:
    """A figure without sampling error, such as a file's size."""

    value: float
    method: str


@dataclass(frozen=True)
class Proportion:
    """`hits` of `n` independent rows, such as false alarms of benign rows. `rows` names what is counted.

    `note` is added to the message: what the figure is made of.
    """

    hits: int
    n: int
    rows: str
    note: str = ""


@dataclass(frozen=True)
class Quantile:
    """The q-quantile (0 < q < 1) of samples in the gate's unit, in the order in which they were taken.

    disturbed[i] says that sample i was slowed by something else than the subject, by an unknown amount: its true value
    is anywhere between 0 and what was measured.
    """

    q: float
    samples: tuple[float, ...]
    disturbed: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Mean:
    """The mean of samples in the gate's unit; `disturbed` as for Quantile."""

    samples: tuple[float, ...]
    disturbed: tuple[bool, ...] = ()


@dataclass(frozen=True)
class F1:
    """F1 from counts of true positives, false positives and false negatives."""

    tp: int
    fp: int
    fn: int


@dataclass(frozen=True)
class MacroF1:
    """The unweighted mean of several classes' F1."""

    classes: tuple[tuple[str, F1], ...]


@dataclass(frozen=True)
class Finding:
    """One breach of a rule: where, what was observed, what it should be, and what to do about it."""

    where: str
    observed: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.observed}, but should be {self.expected}" + (
            f"; {self.remedy}" if self.remedy else ""
        )


@dataclass(frozen=True)
class Findings:
    """Everything that breaks a rule; empty where the rule holds. `looked_at` counts what was examined."""

    found: tuple[Finding, ...]
    looked_at: int


@dataclass(frozen=True)
class Unknown:
    """Nothing can be said, and what would change that."""

    reason: str
    remedy: str


Statistic = Exact | Proportion | Quantile | Mean | F1 | MacroF1
Reading = Statistic | Findings | Unknown
