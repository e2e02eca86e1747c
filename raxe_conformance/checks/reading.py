"""What a check reads out of the evidence: a statistic to set against a limit, findings, or why there is nothing.

Readings carry counts and samples, not intervals: which interval is drawn, and at what confidence, is the profile's
matter and is done where it is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Exact:
    """A figure without sampling error, such as a file's size. `note` as for Proportion."""

    value: float
    method: str
    note: str = ""


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

    disturbed[i] is the largest share of sample i that something else than the subject may have taken: 0 for none of it,
    1 for any amount. Its true value is between what that leaves and what was measured. `note` as for Proportion.
    look: how many times it was looked at whether these are enough, with more to come if not; 0 where their number was
    settled beforehand. texts: what each sample is a repetition of, where the same things were measured again and again,
    all of them equally often.
    """

    q: float
    samples: tuple[float, ...]
    disturbed: tuple[float, ...] = ()
    note: str = ""
    look: int = 0
    texts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mean:
    """The mean of samples in the gate's unit; `disturbed` and `look` as for Quantile, `note` as for Proportion."""

    samples: tuple[float, ...]
    disturbed: tuple[float, ...] = ()
    note: str = ""
    look: int = 0


@dataclass(frozen=True)
class IndependentMean:
    """The mean of independent repeats in the gate's unit, such as fresh processes. `note` as for Proportion.

    missed: each may truly have been larger, by an unknown amount, and this says what would tell; None: it may not.
    """

    samples: tuple[float, ...]
    missed: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Rate:
    """How many a second, from blocks of equal work: seconds[i] is the time of one in block i, as measured.

    at_best[i] is what it can at the least truly have been, without what others did on the machine meanwhile. n: how
    many there were in all.
    """

    seconds: tuple[float, ...]
    at_best: tuple[float, ...]
    n: int
    note: str = ""


@dataclass(frozen=True)
class Gain:
    """What a figure gains over a run, step by step, times `scale`. `longer` says what gives more steps.

    `note` as for Proportion.
    """

    steps: tuple[float, ...]
    scale: float
    longer: str
    note: str = ""


@dataclass(frozen=True)
class F1:
    """F1 from counts of true positives, false positives and false negatives.

    by_source: the same counts, source by source, where the rows come from several; they sum to the whole.
    """

    tp: int
    fp: int
    fn: int
    by_source: tuple[tuple[int, int, int], ...] = ()


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
    """Everything that breaks a rule; empty where the rule holds. `looked_at` counts what was examined.

    `note` is added to the message.
    """

    found: tuple[Finding, ...]
    looked_at: int
    note: str = ""


@dataclass(frozen=True)
class Declaration:
    """A figure that is declared somewhere (`where`), and what was measured of it. `better` is the side that is better.

    `slack` is what rounding may have added to the declared figure, in its own unit.
    """

    where: str
    declared: float
    better: Literal["<", ">"]
    measured: Statistic
    unit: str
    slack: float


@dataclass(frozen=True)
class Declarations:
    """Declared figures; none may be better than what the measured interval allows."""

    figures: tuple[Declaration, ...]


@dataclass(frozen=True)
class Unknown:
    """Nothing can be said, and what would change that."""

    reason: str
    remedy: str


Statistic = Exact | Proportion | Quantile | Mean | IndependentMean | Rate | Gain | F1 | MacroF1
Reading = Statistic | Findings | Declarations | Unknown
