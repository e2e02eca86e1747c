"""What must not change a decision: asking again, batch mates, white space, quantization, time, the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from raxe_conformance.checks.reading import Exact, Finding, Findings, Gain, Proportion, Reading, Unknown
from raxe_conformance.checks.table import BATCH, FILES, Gate, Level, check
from raxe_conformance.measure.evidence_invariance import (
    Backends,
    Batches,
    Compared,
    Drift,
    Padding,
    Portability,
    Repeats,
    Soak,
)

GROUP = "robustness"
SOAK_CALLS = 100_000
CLOSE = 0.97
_BEYOND = "beyond §6"


def _unlike(parts: Iterable[Compared], remedy: str, *, scores: bool = False) -> list[Finding]:
    """A finding for each text without an answer, decided otherwise or, where `scores` count, scored otherwise."""
    found = []
    for part in parts:
        found += [
            Finding(f"row {row_id}", f"no answer {part.title}", "the answer that it has as it stands", remedy)
            for row_id in part.unanswered
        ]
        found += [
            Finding(f"row {row_id}", f"decided otherwise {part.title}", "the decision on it as it stands", remedy)
            for row_id in part.flipped
        ]
        if scores:
            found += [
                Finding(f"row {row_id}", f"another score {part.title} (by {by:.2g})", "the same, bit for bit", remedy)
                for row_id, by in part.moved.items() if row_id not in part.flipped
            ]  # fmt: skip
    return found


def _largest(parts: Sequence[Compared]) -> float:
    return max((by for part in parts for by in part.moved.values()), default=0.0)


def _kept(part: Compared) -> int:
    return part.texts - len(set(part.flipped) | set(part.unanswered))


def _asked(parts: Sequence[Compared]) -> int:
    return sum(part.texts for part in parts)


@check(
    "ROB-010", "the same text gets the same score", level=Level.MUST, spec=_BEYOND, needs=("repeats",),
    defect="drift_from_call_to_call", group=GROUP,
)  # fmt: skip
def same_score_again(repeats: Repeats) -> Reading:
    """The score is the same bit for bit when asked for again, from 8 threads at once, and in a fresh process."""
    found = _unlike(repeats.parts, "keep no state between calls", scores=True)
    if repeats.not_done and not found:
        what, why = next(iter(repeats.not_done.items()))
        return Unknown(f"it could not be tried {what}: {why}", "see INT-007")
    told = "; ".join(f"{part.texts} texts {part.title}" for part in repeats.parts)
    return Findings(tuple(found), _asked(repeats.parts), told)


@check(
    "ROB-011", "a batch is decided as its texts are", level=Level.MUST, spec="§5", needs=("batches",),
    defect="lose_the_last_of_a_batch", requires=(BATCH,), group=GROUP,
)  # fmt: skip
def batch_equals_single(batches: Batches) -> Reading:
    """`analyze_batch` gives one result a text, in order, with the decision of `analyze`, whatever the batch mates.

    A quarter of the texts are the hardest of the benchmark: those with scores nearest to texts decided otherwise. Where
    a batch moves scores at all, they flip first, and among the texts of a day some are as near.
    """
    found = [Finding(fault.batch, fault.observed, fault.expected, "give one result a text, in order")
             for fault in batches.faults]  # fmt: skip
    if not found:
        found = _unlike(batches.parts, "read each text by itself, or without padding")
    told = f"{'; '.join(f'{part.texts} texts {part.title}' for part in batches.parts)}{_moved(batches.parts)}"
    return Findings(tuple(found), _asked(batches.parts), told)


def _moved(parts: Sequence[Compared]) -> str:
    largest = _largest(parts)
    return f"; scores move by up to {largest:.2g}" if largest else "; no score moves"


@check(
    "ROB-012", "largest difference that batch mates make to a score", level=Level.SHOULD, spec=_BEYOND,
    needs=("batches",), gate=Gate("batch_score_drift", "<", ""), defect="take_the_scale_from_the_whole_batch",
    requires=(BATCH,), group=GROUP,
)  # fmt: skip
def batch_drift(batches: Batches) -> Reading:
    """The largest difference between a text's score in a batch and by itself.

    Dynamic int8 takes its activation scale from the whole tensor, padding and batch mates included: scores then depend
    on who else asks. Reading texts one by one avoids it.
    """
    if not any(part.texts > len(part.unanswered) for part in batches.parts):
        return Unknown("no batch was answered", "see ROB-011")
    worst = max(batches.parts, key=lambda part: max(part.moved.values(), default=0.0))
    note = f"largest {worst.title}" if worst.moved else "no score moves"
    return Exact(_largest(batches.parts), f"largest over {_asked(batches.parts)} texts in batches", note)


@check(
    "ROB-013", "white space around a text changes no decision", level=Level.MUST, spec=_BEYOND, needs=("padding",),
    defect="cut_texts_at_4000_characters", group=GROUP,
)  # fmt: skip
def padding_changes_nothing(padding: Padding) -> Reading:
    """No decision flips with blanks and line breaks before or behind a text, a few or far past the model's window.

    A detector that cuts texts off, or whose window fills with blanks, lets an attack pass behind them: the cheapest
    evasion there is. ROB-002 asks about harmless words around an attack; here nothing is added that could mean
    anything.
    """
    found = _unlike(padding.parts, "read a text to its end, in windows")
    told = "; ".join(f"{part.texts - len(part.flipped) - len(part.unanswered)} of {part.texts} kept {part.title}"
                     for part in padding.parts)  # fmt: skip
    return Findings(tuple(found), _asked(padding.parts), told)


@check(
    "ROB-014", "embeddings stay close to float32", level=Level.SHOULD, spec=_BEYOND, needs=("drift",),
    gate=Gate("close_to_float32", ">", ""), defect="round_the_vectors", requires=(FILES,), group=GROUP,
)  # fmt: skip
def close_to_float32(drift: Drift) -> Reading:
    """Share of texts whose embedding has a cosine of more than CLOSE to that of the same model in float32.

    Of all-MiniLM-L6-v2, 95 % of texts keep 0.982 when weights are quantized by channel, and 0.864 or less when by
    tensor, which is another model to the heads (docs/building.md); the limits stand between. Needs
    embeddings/{embedding}_fp32.onnx in the models folder. The message counts the decisions that the same heads make
    otherwise on float32 embeddings; they were fitted on the quantized ones, so some may be worse there.
    """
    if not drift.cosines:
        return Unknown("no text of the sample has an embedding", "name other rows: --raxe-benchmark FILE")
    cosines, decisions = sorted(drift.cosines), drift.decisions
    middle, low = cosines[len(cosines) // 2], cosines[len(cosines) // 20]
    note = (
        f"P5 {low:.4f}, median {middle:.4f}, least {cosines[0]:.4f}, against {drift.reference}; "
        f"{len(decisions.flipped)} of {decisions.texts} decisions flip with float32{_moved([decisions])}"
    )
    return Proportion(sum(cosine > CLOSE for cosine in cosines), len(cosines), "texts", note)


@check(
    "ROB-015", "memory does not grow with use", level=Level.SHOULD, spec=_BEYOND, needs=("soak",),
    gate=Gate("soak_growth_mb", "<", "MB"), defect="leak_100_bytes_a_call", group=GROUP,
)  # fmt: skip
def memory_does_not_grow(soak: Soak) -> Reading:
    """Growth of a process's resident memory over 100,000 analyses of short texts, their first tenth left out.

    Resident memory grows in steps that come at random moments, and the next run may have more of them or fewer: that is
    what the interval says. The message compares the time of the last tenth with that of the first. Measured with
    --raxe-thorough.
    """
    if soak.failed:
        finding = Finding(soak.first_error or "analyze", f"{soak.failed} of {soak.after[-1]:,} analyses failed", "none",
                          "answer every text")  # fmt: skip
        return Findings((finding,), soak.after[-1])
    tenth = len(soak.after) // 10
    if tenth < 2:
        return Unknown(f"memory was looked at {len(soak.after)} times", "look at it 20 times or more")
    first, last = sum(soak.seconds[:tenth]), sum(soak.seconds[-tenth:])
    note = (
        f"{soak.after[-1]:,} analyses in {sum(soak.seconds):.0f} s; {soak.resident_mb[tenth]:.1f} MB after the first "
        f"tenth, {soak.resident_mb[-1]:.1f} MB at the end; the last tenth took {last / max(first, 1e-9):.2f} times the "
        "time of the first"
    )
    steps = tuple(later - before for before, later in pairwise(soak.resident_mb[tenth:]))
    calls = soak.after[-1] - soak.after[tenth]
    return Gain(steps, SOAK_CALLS / max(1, calls), "needs more analyses in one process", note)


@check(
    "ROB-016", "decisions kept on older CPUs", level=Level.SHOULD, spec=_BEYOND, needs=("portability",),
    gate=Gate("decisions_kept_elsewhere", ">", ""), defect="decide_otherwise_without_avx", group=GROUP,
)  # fmt: skip
def decisions_kept_elsewhere(portability: Portability) -> Reading:
    """Share of texts that an emulated Nehalem and Haswell decide as this CPU does; the worse of the two.

    A CPU on which the variant does not run is told, and decides nothing: no requirement promises it. Measured with
    --raxe-thorough, where qemu-user is installed.
    """
    dead = [f"it does not run on {other.cpu}: {other.problem}" for other in portability.cpus if other.compared is None]
    parts = [other.compared for other in portability.cpus if other.compared is not None and other.compared.texts]
    if not parts:
        return Unknown("; ".join(dead) or "no CPU was emulated", "measure on such a machine itself")

    worst = min(parts, key=lambda part: _kept(part) / part.texts)
    told = [f"{_kept(part)} of {part.texts} kept {part.title}, scores move by up to {_largest([part]):.2g}"
            for part in parts]  # fmt: skip
    note = "; ".join([f"beside {portability.host}: {told[0]}", *told[1:], *dead])
    return Proportion(_kept(worst), worst.texts, f"texts {worst.title}", note)


@check(
    "ROB-017", "decisions kept on the other backend", level=Level.SHOULD, spec=_BEYOND, needs=("backends",),
    gate=Gate("decisions_kept_by_backends", ">", ""), defect="decide_otherwise_on_the_other_backend",
    requires=(FILES,), group=GROUP,
)  # fmt: skip
def decisions_kept_by_backends(backends: Backends) -> Reading:
    """Share of the benchmark's texts that OpenVINO decides as ONNX Runtime does, from the same files.

    Both compute with 8-bit weights, but round what flows through differently, so some scores near the threshold may
    fall on its other side. The message counts them, and says how close the embeddings are. Measured with
    --raxe-thorough, where the extra openvino is installed.
    """
    part = backends.decisions
    if not part.texts:
        return Unknown("no text was asked about", "name other rows: --raxe-benchmark FILE")
    close = ""
    if backends.cosines:
        cosines = sorted(backends.cosines)
        close = f"; cosine of the embeddings P5 {cosines[len(cosines) // 20]:.4f}, least {cosines[0]:.4f}"
    note = (
        f"{backends.judged} beside {backends.other}: {len(part.flipped)} of {part.texts} decisions flip"
        f"{f', {len(part.unanswered)} without an answer' if part.unanswered else ''}{_moved([part])}{close}"
    )
    return Proportion(_kept(part), part.texts, f"texts {part.title}", note)
