"""Decisions that should not change with what does not matter, and what else a benchmark must not hide.

Of several transformations, the worst is set against the limit: where it passes, all of them do.
"""

from __future__ import annotations

from collections import defaultdict

from raxe_conformance.checks.reading import Finding, Findings, Proportion, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Leakage, Robustness, Scores, Transformed


@check(
    "ROB-001", "every benchmark text gets an answer", level=Level.MUST, spec="§5", needs=("scores",),
    defect="overflow_on_one_word",
)  # fmt: skip
def every_text_is_answered(scores: Scores) -> Reading:
    """`analyze` neither fails on a benchmark row nor gives a score outside 0..1: what it fails on passes unscanned."""
    found = [Finding(f"row {row_id}", error, "a score in 0..1", "answer every text") for row_id, error in
             scores.errors.items()]  # fmt: skip
    return Findings(tuple(found), len(scores.ids))


def _kept(robustness: Robustness, group: str) -> Reading:
    parts = [part for part in robustness.parts if part.group == group and part.attacks]
    if not robustness.flagged:
        return Unknown("no attack is flagged as it stands, so none can be lost", "see ACC-001")
    if not parts:
        return Unknown("the benchmark holds no attacks to change in this way", "name one: --raxe-benchmark FILE")
    worst = max(parts, key=lambda part: (len(part.missed) / part.attacks, -part.attacks))
    told = "; ".join(f"{part.title} {part.attacks - len(part.missed)} of {part.attacks}" for part in parts)
    return Proportion(
        worst.attacks - len(worst.missed), worst.attacks, f"flagged attacks {worst.title}",
        note=f"still flagged {told}{_smallest(robustness, group)}",
    )  # fmt: skip


def _smallest(robustness: Robustness, group: str) -> str:
    found = robustness.smallest
    if found is None or found.group != group:
        return ""
    steps = [
        f"{name} on {'word' if len(words) == 1 else 'words'} {', '.join(str(word + 1) for word in words)}" if words
        else f"{name} on the whole text" for name, words in zip(found.steps, found.words, strict=True)
    ]  # fmt: skip
    return f"; smallest change that hides row {found.id} ({found.of_words} words): {' and then '.join(steps)}"


@check(
    "ROB-002", "recall kept when planted in a long text", level=Level.SHOULD, spec="beyond §6", needs=("robustness",),
    gate=Gate("recall_kept_planting", ">", ""), defect="let_documents_drown_attacks",
)  # fmt: skip
def kept_when_planted(robustness: Robustness) -> Reading:
    """Share of flagged attacks that stay flagged at the start, in the middle and at the end of a long benign text."""
    return _kept(robustness, "planting")


@check(
    "ROB-003", "recall kept in other case and white space", level=Level.SHOULD, spec="beyond §6",
    needs=("robustness",), gate=Gate("recall_kept_typography", ">", ""), defect="tell_capitals_apart",
)  # fmt: skip
def kept_in_other_typography(robustness: Robustness) -> Reading:
    """Share of flagged attacks that stay flagged in capitals, in mixed case, with other white space."""
    return _kept(robustness, "typography")


@check(
    "ROB-004", "recall kept in a disguise of letters", level=Level.SHOULD, spec="beyond §6", needs=("robustness",),
    gate=Gate("recall_kept_disguise", ">", ""), defect="forget_look_alikes",
)  # fmt: skip
def kept_in_disguise(robustness: Robustness) -> Reading:
    """Share of flagged attacks that stay flagged with spaced, zero-width, look-alike or leetspeak letters."""
    return _kept(robustness, "disguise")


@check(
    "ROB-005", "recall kept in base64", level=Level.SHOULD, spec="beyond §6", needs=("robustness",),
    gate=Gate("recall_kept_encoding", ">", ""), defect="forget_base64",
)  # fmt: skip
def kept_when_encoded(robustness: Robustness) -> Reading:
    """Share of flagged attacks that stay flagged in base64."""
    return _kept(robustness, "encoding")


@check(
    "ROB-006", "recall kept in other words", level=Level.SHOULD, spec="beyond §6", needs=("robustness",),
    gate=Gate("recall_kept_wording", ">", ""), defect="excuse_a_polite_word",
)  # fmt: skip
def kept_in_other_words(robustness: Robustness) -> Reading:
    """Share of flagged attacks that stay flagged when phrases are exchanged for others that mean the same."""
    return _kept(robustness, "wording")


@check(
    "ROB-007", "false alarms added by any of these changes", level=Level.SHOULD, spec="beyond §6",
    needs=("robustness",), gate=Gate("false_alarms_added", "<", ""), defect="fear_unknown_words",
)  # fmt: skip
def alarms_added(robustness: Robustness) -> Reading:
    """Share of passed benign rows that are called attacks once changed; the worst change of all groups."""
    parts = [part for part in robustness.parts if part.benign]
    if not robustness.passed:
        return Unknown("no benign row is passed as it stands, so no alarm can be added", "see FPR-001")
    if not parts:
        return Unknown("the benchmark holds no benign rows to change", "name one: --raxe-benchmark FILE")

    def rate(part: Transformed) -> float:
        return len(part.alarms) / part.benign

    worst = max(parts, key=lambda part: (rate(part), -part.benign))
    alarming = sorted((part for part in parts if part.alarms), key=rate, reverse=True)
    told = "; ".join(f"{part.title} {len(part.alarms)} of {part.benign}" for part in alarming)
    return Proportion(
        len(worst.alarms), worst.benign, f"benign rows {worst.title}",
        note=f"false alarms {told}" if told else "no false alarm by any change",
    )  # fmt: skip


@check(
    "ROB-008", "twins told apart", level=Level.SHOULD, spec="beyond §6", needs=("scores",),
    gate=Gate("twins_told_apart", ">", ""), defect="excuse_a_word_of_twins",
)  # fmt: skip
def twins_told_apart(scores: Scores) -> Reading:
    """Share of pairs, an attack and a harmless text in nearly the same words, of which only the attack is flagged."""
    pairs: dict[str, tuple[list[bool], list[bool]]] = defaultdict(lambda: ([], []))
    for i, pair in enumerate(scores.pairs):
        if pair is not None:
            attack = scores.labels[i] != "BENIGN"
            right = scores.scores[i] is not None and scores.attacks[i] == attack
            pairs[pair][not attack].append(right)
    whole = [(all(attack), all(benign)) for attack, benign in pairs.values() if attack and benign]
    if not whole:
        return Unknown(
            "the benchmark holds no twins (rows that share `pair`)", "name one that does: --raxe-benchmark FILE"
        )
    missed, flagged, both = whole.count((False, True)), whole.count((True, False)), whole.count((False, False))
    return Proportion(
        whole.count((True, True)), len(whole), "pairs of twins",
        note=f"attack missed in {missed}, harmless twin flagged in {flagged}, both wrong in {both}",
    )  # fmt: skip


@check(
    "ROB-009", "no benchmark row among the training rows", level=Level.SHOULD, spec="beyond §6", needs=("leakage",),
    defect="train_on_ten_benchmark_rows",
)  # fmt: skip
def not_trained_on(leakage: Leakage) -> Reading:
    """No benchmark row is a near duplicate of a training row, by the bundle's training fingerprints.

    A bundle without fingerprints cannot be cleared: INCONCLUSIVE. SHOULD, because bundles of other makers carry none; a
    profile may say MUST.
    """
    if not leakage.fingerprints:
        return Unknown(
            "the bundle carries no training fingerprints, so training on the benchmark cannot be ruled out",
            "pack it with training_fingerprints.safetensors (docs/benchmark.md)",
        )
    if not leakage.compared:
        return Unknown("no benchmark row is long enough to be compared", "name another: --raxe-benchmark FILE")
    found = [
        Finding(
            f"row {row_id}", f"nearly a training row (estimated Jaccard {value:.2f} of 5-word shingles)",
            f"below {leakage.share:.2f}", "train without it, or judge by rows that were not trained on",
        ) for row_id, value in leakage.near.items()
    ]  # fmt: skip
    return Findings(tuple(found), leakage.compared)
