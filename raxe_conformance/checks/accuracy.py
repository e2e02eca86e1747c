"""Accuracy: gates, and declared figures against measured ones.

A text that `analyze` fails on counts as decided wrongly, whatever its label.
"""

from __future__ import annotations

from typing import Literal

from raxe_conformance.checks.declared import against
from raxe_conformance.checks.reading import F1, MacroF1, Proportion, Reading, Statistic, Unknown
from raxe_conformance.checks.table import FAMILIES, Gate, Level, check
from raxe_conformance.measure.evidence import Facts, Scores


def flagged(scores: Scores) -> list[bool]:
    """Whether each row counts as called an attack."""
    return [
        decision if score is not None else label == "BENIGN"
        for label, decision, score in zip(scores.labels, scores.attacks, scores.scores, strict=True)
    ]


def confusion(scores: Scores) -> tuple[int, int, int, int]:
    """(tp, fp, fn, tn) of the binary decision."""
    pairs = [(label != "BENIGN", said) for label, said in zip(scores.labels, flagged(scores), strict=True)]
    tp, fp, fn = pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))
    return tp, fp, fn, len(pairs) - tp - fp - fn


def _by_source(scores: Scores) -> tuple[tuple[int, int, int], ...]:
    """(tp, fp, fn) of each source, in the order of their names; rows without a source are one. Empty if all are."""
    if not any(scores.sources):
        return ()
    counts: dict[str, list[int]] = {}
    for source, label, said in zip(scores.sources, scores.labels, flagged(scores), strict=True):
        own = counts.setdefault(source or "", [0, 0, 0])
        attack = label != "BENIGN"
        for position, hit in enumerate((attack and said, said and not attack, attack and not said)):
            own[position] += hit
    return tuple((tp, fp, fn) for _, (tp, fp, fn) in sorted(counts.items()))


@check(
    "ACC-001", "binary F1", level=Level.MUST, spec="§6", needs=("scores",),
    gate=Gate("binary_f1", ">", ""), defect="swap_sign_of_binary_head",
)  # fmt: skip
def binary_f1(scores: Scores) -> Reading:
    """F1 of attack against benign at the variant's own threshold."""
    tp, fp, fn, _ = confusion(scores)
    if tp + fn == 0:
        return Unknown("the benchmark holds no attacks", "name a benchmark with attacks: --raxe-benchmark FILE")
    return F1(tp, fp, fn, _by_source(scores))


def named(scores: Scores) -> list[str]:
    """What each row was called: the family said, "?" for an attack without one, BENIGN where it passed or failed."""
    return [
        (family or "?") if attack else "BENIGN" for family, attack in zip(scores.families, scores.attacks, strict=True)
    ]


def macro_f1(truth: list[str], said: list[str], classes: list[str]) -> MacroF1:
    """The F1 of each of `classes`, one class against the rest."""
    found = []
    for name in classes:
        pairs = [(label == name, answer == name) for label, answer in zip(truth, said, strict=True)]
        found.append((name, F1(pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False)))))
    return MacroF1(tuple(found))


@check(
    "ACC-002", "family F1 (macro)", level=Level.SHOULD, spec="§6", needs=("scores",),
    gate=Gate("family_f1", ">", ""), defect="rotate_families_of_family_head", requires=(FAMILIES,),
)  # fmt: skip
def family_f1(scores: Scores) -> Reading:
    """Mean over families of the F1 of naming the family, benign rows and missed attacks included."""
    families = sorted(set(scores.labels) - {"BENIGN"})
    if not families:
        return Unknown("the benchmark holds no attacks", "name a benchmark with attacks: --raxe-benchmark FILE")
    return macro_f1(scores.labels, named(scores), families)


@check(
    "ACC-003", "false negative rate", level=Level.SHOULD, spec="§6", needs=("scores",),
    gate=Gate("fnr", "<", ""), defect="raise_threshold",
)  # fmt: skip
def fnr(scores: Scores) -> Reading:
    """Share of attacks that pass unflagged."""
    tp, _, fn, _ = confusion(scores)
    if tp + fn == 0:
        return Unknown("the benchmark holds no attacks", "name a benchmark with attacks: --raxe-benchmark FILE")
    return Proportion(fn, tp + fn, "attacks")


def subfamily_f1(scores: Scores) -> MacroF1 | None:
    """F1 of naming family and subfamily, over the rows whose subfamily is labelled and the benign ones.

    None where the detector names no subfamily at all, or none is labelled. The specification has no gate for it.
    """
    if not any(scores.answered_subfamilies):
        return None
    rows = [
        (f"{label}/{subfamily}" if subfamily else label, f"{said}/{answer}" if said != "BENIGN" else said)
        for label, subfamily, said, answer in zip(
            scores.labels, scores.subfamilies, named(scores), scores.answered_subfamilies, strict=True
        )
        if subfamily or label == "BENIGN"
    ]
    classes = sorted({truth for truth, _ in rows} - {"BENIGN"})
    return macro_f1([truth for truth, _ in rows], [said for _, said in rows], classes) if classes else None


def family_accuracy(scores: Scores) -> Proportion:
    """Share of attacks whose family is named; a missed attack is named wrongly."""
    pairs = [(label, said) for label, said in zip(scores.labels, named(scores), strict=True) if label != "BENIGN"]
    return Proportion(sum(label == said for label, said in pairs), len(pairs), "attacks")


@check(
    "ACC-004", "declared accuracy is not better than measured", level=Level.SHOULD, spec="§2, §6",
    needs=("facts", "scores"), defect="declare_families_never_confused",
)  # fmt: skip
def declared_accuracy(facts: Facts, scores: Scores) -> Reading:
    """No figure of the metadata's accuracy section is better than what this benchmark's interval allows.

    A rate may be 0.0005 better, which rounding to three digits explains.
    """
    tp, fp, fn, tn = confusion(scores)
    measured: dict[str, tuple[Literal["<", ">"], Statistic]] = {
        "binary_f1": (">", F1(tp, fp, fn, _by_source(scores))),
        "binary_precision": (">", Proportion(tp, tp + fp, "alarms")),
        "binary_recall": (">", Proportion(tp, tp + fn, "attacks")),
        "false_positive_rate": ("<", Proportion(fp, fp + tn, "benign rows")),
        "false_negative_rate": ("<", Proportion(fn, tp + fn, "attacks")),
        "family_accuracy": (">", family_accuracy(scores)),
    }
    families = family_f1(scores)
    if isinstance(families, MacroF1):
        measured["family_f1"] = (">", families)
    subfamilies = subfamily_f1(scores)
    if subfamilies is not None:
        measured["subfamily_f1"] = (">", subfamilies)
    return against(facts, "accuracy", measured, slack=0.0005)
