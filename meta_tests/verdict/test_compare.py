"""Two runs of made-up evidence: what is called REGRESSED or IMPROVED, what is not, and why some cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_tests.support.scored import scored
from raxe_conformance.checks.reading import Statistic
from raxe_conformance.checks.table import Level, catalogue, find_check
from raxe_conformance.measure.evidence import Facts, FileFact, Latency, Scores
from raxe_conformance.measure.evidence_invariance import Soak
from raxe_conformance.measure.evidence_resources import Block, Memory, ProcessMemory, Throughput
from raxe_conformance.verdict.compare import Change, Compared, Comparison, Side, compare
from raxe_conformance.verdict.intervals import Estimate, estimate
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)
MACHINE = {"cpu": "Made Up 1", "isa": ["avx2"], "cores": 2, "python": "3.11.7", "onnxruntime": "1.30.0"}
SHA = "a" * 64
LABELS = ["BENIGN"] * 300 + ["PI"] * 300
RIGHT = [label != "BENIGN" for label in LABELS]
ALL = list(catalogue())
REGRESSED, IMPROVED, NONE_SHOWN, CANNOT = Change


def decided(*flipped: int) -> Scores:
    """Every row is decided rightly but these."""
    return scored(LABELS, [right != (i in flipped) for i, right in enumerate(RIGHT)])


def timed(scale: float = 1.0, *, pulse: float = 0.04, seed: int = 1, lost: float = 0.0, passes: int = 3) -> Latency:
    """Calls of 1 ms, some 2 ms, times `scale`. lost: a share of the calls that waited for a CPU, ten times as long."""
    chance = np.random.default_rng(seed)
    texts = [t for _ in range(passes) for t in chance.permutation(len(LABELS)).tolist()]
    walls = [scale * (1.0 + (text % 10 == 0)) * chance.uniform(0.98, 1.02) for text in texts]
    waits = chance.random(len(walls)) < lost
    return Latency(
        samples_ms=[10 * w if wait else w for w, wait in zip(walls, waits, strict=True)],
        texts=texts, cpu_ms=walls, preempted=[int(wait) for wait in waits], pulse_ms=[pulse] * (len(walls) + 1),
        stages_ms={}, warmup=10, seed=0, method="programmed", off_target=None, looks=[len(walls)],
    )  # fmt: skip


def facts(bundle: int) -> Facts:
    files = [
        FileFact(role, f"{role}.bin", size, "0" * 64)
        for role, size in (("bundle", bundle), ("embeddings", 20_000_000), ("tokenizer", 700_000))
    ]
    nothing = dict.fromkeys((
        "metadata_path", "metadata", "metadata_fault", "embedding_model", "bundle", "bundle_fault", "benchmark_report",
        "benchmark_report_fault",
    ))  # fmt: skip
    return Facts(model_id="v1", origin="metadata", discovery_faults=[], member_faults=[], files=files, **nothing)


def side(sha: str | None = SHA, environment: Mapping[str, Any] = MACHINE, **measurements: Any) -> Side:
    return Side(measurements, sha, environment)


def comparison(before: Side, after: Side, *ids: str) -> Comparison:
    return compare(before, after, ids or ALL, PROFILE)


def one(before: Side, after: Side, check_id: str) -> Compared:
    (found,) = comparison(before, after, check_id).checks
    return found


@pytest.mark.parametrize(("rows", "change"), [(4, NONE_SHOWN), (5, REGRESSED)])
def test_five_new_false_alarms_regress_and_four_do_not(rows: int, change: Change) -> None:
    before, after = side(scores=decided()), side(scores=decided(*range(rows)))
    assert one(before, after, "FPR-001").change is change
    assert one(before, after, "ACC-001").change is change
    # And the other way round.
    better = IMPROVED if change is REGRESSED else NONE_SHOWN
    assert one(after, before, "FPR-001").change is better
    assert one(after, before, "ACC-001").change is better
    # No attack was missed.
    assert one(before, after, "ACC-003").change is NONE_SHOWN


def test_rows_that_go_both_ways_show_nothing_however_many() -> None:
    before, after = side(scores=decided(*range(30))), side(scores=decided(*range(30, 62)))
    found = one(before, after, "FPR-001")
    assert found.change is NONE_SHOWN
    assert (found.pairs.worse, found.pairs.better) == (32, 30)
    assert "one way and 30 the other would show a change" in found.message


def test_an_f1_that_fell_by_rows_that_mostly_became_right_is_no_regression() -> None:
    """Eight false alarms less and five misses more, of few attacks: more rows are right, and F1 is lower."""
    labels = ["BENIGN"] * 300 + ["PI"] * 10
    was = scored(labels, [i < 8 for i in range(300)] + [True] * 10)
    now = scored(labels, [False] * 300 + [False] * 7 + [True] * 3)
    found = one(side(scores=was), side(scores=now), "ACC-001")
    assert found.after.value < found.before.value
    assert found.change is NONE_SHOWN
    enough = scored(labels, [False] * 300 + [False] * 1 + [True] * 9)
    assert one(side(scores=was), side(scores=enough), "ACC-001").change is IMPROVED


@pytest.mark.parametrize(
    ("scale", "change"),
    [(1.04, NONE_SHOWN), (1.2, REGRESSED), (0.97, NONE_SHOWN), (0.8, IMPROVED)],
)
def test_latency_on_one_machine(scale: float, change: Change) -> None:
    before, after = side(latency=timed(seed=1)), side(latency=timed(scale, seed=2))
    assert one(before, after, "LAT-001").change is change


@pytest.mark.parametrize("speed", [0.5, 3.0])
def test_latency_is_in_units_of_the_kernel(speed: float) -> None:
    """Twice as fast a machine, or one that is slowed to a third, runs the kernel so, too."""
    before = side(latency=timed(seed=1))
    assert one(before, side(latency=timed(speed, pulse=0.04 * speed, seed=2)), "LAT-001").change is NONE_SHOWN
    slower = side(latency=timed(1.2 * speed, pulse=0.04 * speed, seed=2))
    assert one(before, slower, "LAT-001").change is REGRESSED


@pytest.mark.parametrize(
    "changed", [{"cpu": "Other 2"}, {"cores": 4}, {"isa": ["avx2", "avx512_vnni"]}, {"python": "3.12.1"}]
)
@pytest.mark.parametrize(("scale", "change"), [(1.8, NONE_SHOWN), (2.3, REGRESSED), (0.6, NONE_SHOWN), (0.4, IMPROVED)])
def test_between_machines_only_what_is_twofold_counts(changed: dict[str, Any], scale: float, change: Change) -> None:
    other = side(environment={**MACHINE, **changed}, latency=timed(scale, seed=2))
    assert one(side(latency=timed(seed=1)), other, "LAT-001").change is change


def test_one_pass_is_enough_where_all_texts_got_slower() -> None:
    """Texts differ tenfold, so that percentiles over them say little; each against itself says it."""
    chance = np.random.default_rng(3)
    lengths = np.exp(chance.normal(0.0, 0.6, len(LABELS)))

    def once(scale: float, seed: int, jitter: float = 0.05) -> Latency:
        noise = np.random.default_rng(seed)
        order = noise.permutation(len(LABELS)).tolist()
        walls = [scale * lengths[text] * noise.uniform(1 - jitter, 1 + jitter) for text in order]
        return replace(timed(passes=1), samples_ms=walls, cpu_ms=walls, texts=order)

    before = side(latency=once(1.0, 1))
    for scale, change in ((1.3, REGRESSED), (1.03, NONE_SHOWN), (0.75, IMPROVED)):
        found = one(before, side(latency=once(scale, 2)), "LAT-001")
        assert found.change is change
        assert (found.texts.n, found.shift.low < 1.0 < found.shift.high) == (60, True)
        assert "the typical one of the 60 slowest texts" in found.message
    # Over other texts, only the percentiles are left.
    other = once(1.3, 2)
    odd = replace(other, texts=[text + 1 for text in other.texts])
    assert one(before, side(latency=odd), "LAT-001").texts is None


@pytest.mark.parametrize(("was", "now", "change"), [(1.0, 0.97, IMPROVED), (1.0, 1.1, NONE_SHOWN)])
@pytest.mark.parametrize("back", [False, True])
def test_texts_show_a_change_only_if_the_percentile_went_their_way(
    was: float, now: float, change: Change, back: bool
) -> None:
    """All texts take 0.7 times as long but the one at the percentile, whose bounds lie far from it."""
    order = np.random.default_rng(4).permutation(len(LABELS)).tolist()

    def once(scale: float, own: float) -> Side:
        lengths = [0.1 * scale] * 540 + [0.9 * scale] * 29 + [own] + [3.0 * scale] * 30
        walls = [lengths[text] for text in order]
        return side(latency=replace(timed(passes=1), samples_ms=walls, cpu_ms=walls, texts=order))

    before, after = once(1.0, was), once(0.7, now)
    if back:
        before, after, change = after, before, REGRESSED if change is IMPROVED else change
    found = one(before, after, "LAT-001")
    assert found.change is change
    assert found.shift.value == pytest.approx(was / now if back else now / was)
    assert found.texts.high < 0.71 or found.texts.low > 1.42


def test_slow_calls_of_any_text_are_seen_by_the_percentile() -> None:
    """Every tenth call takes thrice as long, whatever its text: the typical call of a text does not."""
    steady = timed(seed=2)
    walls = [wall * (3.0 if i % 10 == 0 else 1.0) for i, wall in enumerate(steady.samples_ms)]
    stalls = replace(steady, samples_ms=walls, cpu_ms=walls)
    found = one(side(latency=timed(seed=1)), side(latency=stalls), "LAT-004")
    assert found.texts.low < 1.05 < found.shift.low
    assert found.change is REGRESSED


def test_a_newer_runtime_is_the_same_machine() -> None:
    other = side(environment={**MACHINE, "onnxruntime": "1.31.0", "python": "3.11.9"}, latency=timed(1.2, seed=2))
    assert one(side(latency=timed(seed=1)), other, "LAT-001").change is REGRESSED


def test_a_busy_machine_is_no_regression() -> None:
    busy = side(latency=timed(seed=2, lost=0.2))
    found = one(side(latency=timed(seed=1)), busy, "LAT-001")
    assert found.after.value > 5 * found.before.value
    assert found.change is NONE_SHOWN
    assert "needs a quieter machine (0% of the calls were disturbed before, 2" in found.message


@pytest.mark.parametrize(("grown", "change"), [(1, REGRESSED), (0, NONE_SHOWN), (-1, IMPROVED), (1_000_000, REGRESSED)])
def test_a_byte_is_a_change_of_size(grown: int, change: Change) -> None:
    found = one(side(facts=facts(1_000_000)), side(facts=facts(1_000_000 + grown)), "SIZ-001")
    assert found.change is change
    if grown == 1:
        assert "by +1e-06 MB" in found.message


def test_sizes_need_no_benchmark_and_decisions_do() -> None:
    before = side(facts=facts(1), scores=decided(), latency=timed())
    after = side(sha="b" * 64, facts=facts(2), scores=decided(), latency=timed())
    found = {c.check_id: c for c in comparison(before, after, "SIZ-001", "FPR-001", "LAT-001").checks}
    assert found["SIZ-001"].change is REGRESSED
    for check_id in ("FPR-001", "LAT-001"):
        assert found[check_id].change is CANNOT
        assert "another benchmark (SHA-256 aaaaaaaaaaaa…, now SHA-256 bbbbbbbbbbbb…)" in found[check_id].message
    assert comparison(before, after).flips is None


def test_what_is_said_of_another_benchmark_and_of_none() -> None:
    read, unread = side(scores=decided()), side(sha=None, scores=decided())
    none, other = "no benchmark that could be read", "SHA-256 bbbbbbbbbbbb…"
    for before, after, was, now in (
        (read, side(sha="b" * 64, scores=decided()), "SHA-256 aaaaaaaaaaaa…", other),
        (read, unread, "SHA-256 aaaaaaaaaaaa…", none),
        (unread, read, none, "SHA-256 aaaaaaaaaaaa…"),
        (unread, unread, none, none),
    ):
        found = one(before, after, "FPR-001")
        assert found.change is CANNOT
        assert found.message == (
            f"the baseline was measured on another benchmark ({was}, now {now}); "
            "measure both on one: --raxe-benchmark FILE"
        )


def soaked(failed: int = 0) -> Soak:
    """40 looks at a process that holds as much as at first."""
    after = [1000 * (look + 1) for look in range(40)]
    return Soak(10, after, [100.0] * 40, [1.0] * 40, failed, "no answer" if failed else None, "made up")


def test_a_figure_that_gives_way_to_a_breach_changes_with_its_verdict() -> None:
    """Where analyses failed, nothing is said of how much memory grew."""
    whole, failing = side(soak=soaked()), side(soak=soaked(failed=3))
    said = "no answer: 3 of 40,000 analyses failed"
    for before, after, change, begin in (
        (whole, failing, REGRESSED, "PASS before, FAIL now: "),
        (failing, whole, IMPROVED, "FAIL before, PASS now: "),
        (failing, failing, NONE_SHOWN, "FAIL as before"),
    ):
        found = one(before, after, "ROB-015")
        assert found.change is change
        assert found.message.startswith(begin + said if change is not NONE_SHOWN else begin)
        assert found.shift is None


def test_other_rows_under_the_same_digest_cannot_be_compared() -> None:
    other = replace(decided(), ids=[f"other-{i}" for i in range(len(LABELS))])
    assert one(side(scores=decided()), side(scores=other), "FPR-001").change is CANNOT


def test_what_was_not_measured_cannot_be_compared() -> None:
    with_latency, without = side(latency=timed()), side()
    for before, after, who in ((without, with_latency, "the baseline"), (with_latency, without, "this run")):
        found = one(before, after, "LAT-001")
        assert found.change is CANNOT
        assert found.message == f"{who}: latency was not measured; run the suites on this variant"
    no_pulse = side(latency=replace(timed(), pulse_ms=[0.0] * 1801))
    assert "kernel was not timed" in one(with_latency, no_pulse, "LAT-001").message


def test_a_rule_changes_with_its_verdict() -> None:
    unread = facts(1)
    right, wrong = (replace(unread, metadata={"model_id": said}, metadata_path="m.json") for said in ("v1", "other"))
    assert one(side(facts=right), side(facts=wrong), "SCH-002").change is REGRESSED
    assert one(side(facts=wrong), side(facts=right), "SCH-002").change is IMPROVED
    assert one(side(facts=wrong), side(facts=wrong), "SCH-002").change is NONE_SHOWN
    assert one(side(facts=unread), side(facts=right), "SCH-002").change is CANNOT


def test_what_is_said_of_a_rule_is_its_breach() -> None:
    """The message of the run that fails, whichever of the two that is."""
    right, wrong = (replace(facts(1), metadata={"model_id": said}, metadata_path="m.json") for said in ("v1", "other"))
    breach = "model_id: 'other', but should be 'v1'; rename the file or the id"
    for before, after, said in (
        (right, wrong, f"PASS before, FAIL now: {breach}"),
        (wrong, right, f"FAIL before, PASS now: {breach}"),
        (right, right, "PASS as before"),
        (wrong, wrong, "FAIL as before"),
    ):
        assert one(side(facts=before), side(facts=after), "SCH-002").message == said


def test_a_declaration_that_became_undecided_is_no_change() -> None:
    """Nothing is measured of the declared FPR where the benchmark has no benign rows."""
    declared = replace(facts(1), metadata={"accuracy": {"false_positive_rate": 0.01}}, metadata_path="m.json")
    attacks = scored(["PI"] * 9, [True] * 9)
    for before, after in ((decided(), attacks), (attacks, decided())):
        found = one(side(facts=declared, scores=before), side(facts=declared, scores=after), "ACC-004")
        assert found.change is NONE_SHOWN
        assert found.message.startswith(
            "PASS before, INCONCLUSIVE now: " if after is attacks else "INCONCLUSIVE before, PASS now: "
        )


@pytest.mark.parametrize(
    ("before", "after", "ids", "outcome"),
    [
        (side(facts=facts(1)), side(facts=facts(2)), ("SIZ-001",), Outcome.FAIL),  # a MUST
        (side(facts=facts(1)), side(facts=facts(2)), ("SIZ-002",), Outcome.PASS),  # a SHOULD
        (side(facts=facts(2)), side(facts=facts(1)), ("SIZ-001",), Outcome.PASS),
        (side(), side(facts=facts(1)), ("SIZ-001",), Outcome.INCONCLUSIVE),
        (side(), side(facts=facts(1)), ("SIZ-002",), Outcome.PASS),
        (side(), side(facts=facts(1)), ("SCH-001",), Outcome.PASS),  # a MUST without a limit
        (side(), side(facts=facts(1)), (), Outcome.PASS),
    ],
)
def test_the_outcome_is_that_of_the_musts(before: Side, after: Side, ids: tuple[str, ...], outcome: Outcome) -> None:
    assert compare(before, after, ids, PROFILE).outcome is outcome


def test_a_regression_outweighs_what_cannot_be_compared() -> None:
    before, after = side(facts=facts(1)), side(facts=facts(2), scores=decided())
    assert comparison(before, after, "SIZ-001", "FPR-001").outcome is Outcome.FAIL


def test_the_profile_says_what_must_hold() -> None:
    lax = replace(PROFILE, levels={"SIZ-001": Level.SHOULD})
    before, after = side(facts=facts(1)), side(facts=facts(2))
    found = compare(before, after, ("SIZ-001",), lax)
    assert (found.checks[0].change, found.outcome) == (REGRESSED, Outcome.PASS)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 599), max_size=25), st.sets(st.integers(0, 599), max_size=25))
def test_there_and_back_are_each_others_mirror(was: set[int], now: set[int]) -> None:
    before, after = side(scores=decided(*was)), side(scores=decided(*now))
    mirror = {REGRESSED: IMPROVED, IMPROVED: REGRESSED, NONE_SHOWN: NONE_SHOWN}
    there, back = comparison(before, after, *_PAIRED), comparison(after, before, *_PAIRED)
    for one_way, other_way in zip(there.checks, back.checks, strict=True):
        assert other_way.change is mirror[one_way.change]
    assert {flip.id for flip in there.flips} == {f"r{i}" for i in was ^ now}
    assert sum(flip.better for flip in there.flips) == len(was - now)


_PAIRED = ("ACC-001", "ACC-002", "ACC-003", "FPR-001")


def test_nothing_changes_against_itself() -> None:
    this = side(facts=facts(1_000_000), scores=decided(1, 400), latency=timed())
    found = comparison(this, this)
    assert {c.change for c in found.checks} <= {NONE_SHOWN, CANNOT}
    assert {c.check_id for c in found.checks if c.change is NONE_SHOWN} >= {"SIZ-001", "LAT-001", "LAT-003", *_PAIRED}
    assert found.flips == ()


def test_a_comparison_names_its_check() -> None:
    found = one(side(facts=facts(1)), side(facts=facts(2)), "SIZ-001")
    check = find_check("SIZ-001")
    assert (found.check_id, found.title, found.group, found.level, found.gate) == (
        check.id, check.title, check.group, check.level, check.gate,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "check_id", "said"),
    [
        (decided(), decided(*range(5)), "FPR-001",
         "0.0000 → 0.0167; 5 rows became wrong and 0 right (exact McNemar test, p = 0.031)"),
        (decided(*range(5)), decided(), "FPR-001",
         "0.0167 → 0.0000; 0 rows became wrong and 5 right (exact McNemar test, p = 0.031)"),
        (decided(), decided(*range(4)), "FPR-001",
         "0.0000 → 0.0133; 4 rows became wrong and 0 right (exact McNemar test, p = 0.062); "
         "5 one way and 0 the other would show a change"),
        (decided(), decided(0, 300), "ACC-003",
         "0.0000 → 0.0033; 1 rows became wrong and 0 right (exact McNemar test, p = 0.5); "
         "5 one way and 0 the other would show a change"),
        (decided(0), decided(1), "FPR-001",
         "0.0033 → 0.0033; 1 rows became wrong and 1 right (exact McNemar test, p = 0.75); "
         "7 one way and 1 the other would show a change"),
        (decided(), decided(*range(4)), "ACC-003", "0.0000 → 0.0000; every row is decided as before"),
    ],
)  # fmt: skip
def test_what_is_said_of_rows(before: Scores, after: Scores, check_id: str, said: str) -> None:
    assert one(side(scores=before), side(scores=after), check_id).message == said


def test_rows_at_the_error_rate_itself_show_a_change() -> None:
    exact, nearly = replace(PROFILE, confidence=1 - 1 / 32), replace(PROFILE, confidence=1 - 1 / 33)
    right, wrong = side(scores=decided()), side(scores=decided(*range(5)))
    for profile, there, back in ((exact, REGRESSED, IMPROVED), (nearly, NONE_SHOWN, NONE_SHOWN)):
        for before, after, change in ((right, wrong, there), (wrong, right, back)):
            (found,) = compare(before, after, ("FPR-001",), profile).checks
            assert found.change is change
            assert "did not go that way" not in found.message


def test_rows_that_leave_the_figure_as_it_is_are_no_change() -> None:
    """Benign rows that are named as a family without attacks: wrong, but they count for no family's F1."""
    odd = scored(LABELS, [i < 5 or right for i, right in enumerate(RIGHT)], families=["JB"] * 300 + ["PI"] * 300)
    for before, after, moved in (
        (decided(), odd, "5 rows became wrong and 0"),
        (odd, decided(), "0 rows became wrong and 5"),
    ):
        found = one(side(scores=before), side(scores=after), "ACC-002")
        assert found.change is NONE_SHOWN
        assert found.message == (
            f"1.0000 → 1.0000; {moved} right (exact McNemar test, p = 0.031); the figure itself did not go that way"
        )
        # At the error rate itself as well.
        (edge,) = compare(
            side(scores=before), side(scores=after), ("ACC-002",), replace(PROFILE, confidence=31 / 32)
        ).checks
        assert edge.message == found.message


def bounds(evidence: Any, check_id: str, confidence: float) -> Estimate:
    reading = find_check(check_id).reading(evidence)
    assert isinstance(reading, Statistic)
    return estimate(reading, confidence)


def served(per_second: float, pulse: float = 0.04) -> Throughput:
    blocks = [Block(1000, 1000 / per_second * jitter, 0.0, pulse) for jitter in (1.0, 1.01, 0.99, 1.005)]
    return Throughput({"one": blocks, "four": blocks, "batch": blocks}, 2, 0, "made up", None)


@pytest.mark.parametrize(("factor", "change"), [(0.8, REGRESSED), (0.98, NONE_SHOWN), (1.25, IMPROVED)])
def test_more_requests_a_second_are_better(factor: float, change: Change) -> None:
    before, after = side(throughput=served(500.0)), side(throughput=served(500.0 * factor))
    found = one(before, after, "THR-001")
    assert found.change is change
    # On a machine that runs the kernel as many times faster, it is no change.
    other = side(throughput=served(500.0 * factor, pulse=0.04 / factor))
    assert one(before, other, "THR-001").change is NONE_SHOWN
    assert found.kernel_ms == (0.04, 0.04)
    # One way to show a change: each run's bounds have half of the error rate.
    assert found.before == bounds(before.measurements, "THR-001", 0.975)
    assert found.after == bounds(after.measurements, "THR-001", 0.975)


def test_latency_may_show_a_change_by_either_of_two_ways() -> None:
    """So each run's bounds have a quarter of the error rate."""
    before, after = side(latency=timed(seed=1)), side(latency=timed(1.2, pulse=0.05, seed=2))
    found = one(before, after, "LAT-001")
    assert found.before == bounds(before.measurements, "LAT-001", 0.9875)
    assert found.after == bounds(after.measurements, "LAT-001", 0.9875)
    assert found.kernel_ms == (0.04, 0.05)


def held(*steady: float) -> Memory:
    processes = [ProcessMemory(20.0, 60.0, 130.0, 120.0, mb, [1.0], 2.0, 0.0, 9000.0) for mb in steady]
    return Memory(processes, 32, [100], 32, True, "made up")


def test_what_is_said_of_figures_with_a_unit() -> None:
    before = side(memory=held(100.0, 101.0, 102.0))
    grown, alike = (one(before, side(memory=held(*mb)), "MEM-002") for mb in ((140, 141, 142), (101, 102, 103)))
    assert (grown.change, alike.change) == (REGRESSED, NONE_SHOWN)
    assert grown.message == "101 MB → 141 MB, by 40 MB (35 MB to 45 MB)"
    assert alike.message == "101 MB → 102 MB, by 1 MB (-3.97 MB to 5.97 MB); a change by 4.97 MB would show as worse"
    size = side(facts=facts(1_000_000))
    assert one(size, size, "SIZ-001").message == "21.7 MB as before"


def test_what_the_texts_would_show_is_said() -> None:
    before, after = (side(latency=timed(scale, seed=seed)) for scale, seed in ((1.0, 1), (1.03, 2)))
    found = one(before, after, "LAT-001")
    assert found.change is NONE_SHOWN
    edge = 1.05 * found.texts.value / found.texts.low
    assert f"{edge:.3g}" != f"{1.05 * found.shift.value / found.shift.low:.3g}"
    assert found.message.endswith(f"; {edge:.3g} times would show as worse")


def test_a_run_without_a_figure_or_a_kernel_cannot_be_compared() -> None:
    whole = timed(seed=1)
    empty = replace(whole, samples_ms=[], texts=[], cpu_ms=[], preempted=[], pulse_ms=[0.04])
    unpulsed = replace(whole, pulse_ms=[0.0] * len(whole.pulse_ms))
    for odd, said in (
        (empty, "one of the runs has no figure; measure it again"),
        (unpulsed, "the calibration kernel was not timed in one of the runs; measure it again"),
    ):
        for before, after in ((whole, odd), (odd, whole)):
            found = one(side(latency=before), side(latency=after), "LAT-002")
            assert (found.change, found.message) == (CANNOT, said)
            assert (found.before.n, found.after.n) == (len(before.samples_ms), len(after.samples_ms))


def test_other_rows_are_to_be_measured_again() -> None:
    other = replace(decided(), ids=[f"other-{i}" for i in range(len(LABELS))])
    found = one(side(scores=decided()), side(scores=other), "FPR-001")
    assert found.message == "the two runs did not score the same rows; measure both again"
