"""Accuracy gates. A text that `analyze` fails on counts as decided wrongly, whatever its label."""

from __future__ import annotations

from raxe_conformance.checks.reading import F1, MacroF1, Proportion, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Scores


def confusion(scores: Scores) -> tuple[int, int, int, int]:
    """(tp, fp, fn, tn) of the binary decision."""
    tp = fp = fn = tn = 0
    for label, decision, score in zip(scores.labels, scores.attacks, scores.scores, strict=True):
        attack = label != "BENIGN"
        flagged = decision if score is not None else not attack
        tp, fp = tp + (attack and flagged), fp + (not attack and flagged)
        fn, tn = fn + (attack and not flagged), tn + (not attack and not flagged)
    return tp, fp, fn, tn


@check(
    "ACC-001", "binary F1", level=Level.MUST, spec="§6", needs=("scores",),
    gate=Gate("binary_f1", ">", ""), defect="swap_sign_of_binary_head",
)  # fmt: skip
def binary_f1(scores: Scores) -> Reading:
    """F1 of attack against benign at the variant's own threshold."""
    tp, fp, fn, _ = confusion(scores)
    if tp + fn == 0:
        return Unknown("the benchmark holds no attacks", "name a benchmark with attacks: --raxe-benchmark FILE")
    return F1(tp, fp, fn)


@check(
    "ACC-002", "family F1 (macro)", level=Level.SHOULD, spec="§6", needs=("scores",),
    gate=Gate("family_f1", ">", ""), defect="rotate_families_of_family_head",
)  # fmt: skip
def family_f1(scores: Scores) -> Reading:
    """Mean over families of the F1 of naming the family, benign rows and missed attacks included."""
    families = sorted(set(scores.labels) - {"BENIGN"})
    if not families:
        return Unknown("the benchmark holds no attacks", "name a benchmark with attacks: --raxe-benchmark FILE")
    named = [
        (family or "?") if flagged else "BENIGN"
        for family, flagged in zip(scores.families, scores.attacks, strict=True)
    ]
    classes = []
    for family in families:
        pairs = [(label == family, said == family) for label, said in zip(scores.labels, named, strict=True)]
        tp, fp, fn = pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))
        classes.append((family, F1(tp, fp, fn)))
    return MacroF1(tuple(classes))


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
