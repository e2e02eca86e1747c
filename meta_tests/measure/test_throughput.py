"""Throughput measuring, by a clock that the test holds: equal work in every block, nothing lost, nothing done twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure import throughput
from raxe_conformance.measure.evidence_resources import Block
from raxe_conformance.measure.throughput import BATCH, BLOCK_S, FEWEST, MOST, THREADS, measure_throughput, time_block

TEXTS = [f"{'x' * n} {n}" for n in range(640)]


class Detector:
    """Keeps what it is asked, and by how many threads."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.batches: list[int] = []
        self.threads: set[str] = set()

    def analyze(self, text: str) -> None:
        self.threads.add(threading.current_thread().name)
        self.asked.append(text)

    def analyze_batch(self, texts: list[str]) -> None:
        self.batches.append(len(texts))
        self.asked.extend(texts)


class Timer:
    """Says that a request takes `seconds`, and keeps what each block asked."""

    def __init__(self, detector: Detector, seconds: float = 0.01) -> None:
        self.detector, self.seconds = detector, seconds
        self.blocks: dict[str, list[list[str]]] = {}

    def __call__(self, mode: str, requests: int, work: Callable[[], object]) -> Block:
        before = len(self.detector.asked)
        work()
        self.blocks.setdefault(mode, []).append(self.detector.asked[before:])
        return Block(requests, self.seconds * requests, 0.0, 0.04)


def test_every_mode_gets_the_same_texts_in_blocks_of_the_same_mixture() -> None:
    detector = Detector()
    timer = Timer(detector)
    found = measure_throughput(detector, TEXTS, timer)
    assert list(found.blocks) == ["one", "four", "batch"]
    assert set(detector.batches) == {BATCH}
    sizes = {block.requests for blocks in found.blocks.values() for block in blocks}
    assert sizes == {2 * BATCH}  # 0.32 s a hand
    for blocks in zip(*timer.blocks.values(), strict=True):
        assert len({tuple(sorted(block)) for block in blocks}) == 1
        assert all(set(Counter(len(text) // 21 for text in block).values()) <= {1, 2, 3, 4} for block in blocks)
    assert [len(block) for block in timer.blocks["four"]] == [
        b.requests for b in (Block(BATCH, 0, 0, 0), *found.blocks["four"])
    ]


@pytest.mark.parametrize(
    ("seconds", "hands", "blocks"),
    [(0.00011, 114, MOST), (0.01, 2, 5), (0.02, 1, 5), (0.1, 1, FEWEST), (10.0, 1, FEWEST)],
)
def test_blocks_are_long_enough_and_their_number_is_settled_beforehand(seconds: float, hands: int, blocks: int) -> None:
    detector = Detector()
    found = measure_throughput(detector, TEXTS, Timer(detector, seconds))
    for mode in found.blocks.values():
        assert [block.requests for block in mode] == [BATCH * hands] * blocks
        assert all(block.seconds >= BLOCK_S - 1e-9 for block in mode)


def test_four_threads_share_the_texts_and_begin_with_the_longest() -> None:
    """All four hold a text at the same time: with fewer threads, the barrier would break."""
    together = threading.Barrier(THREADS, timeout=30)

    class Meeting(Detector):
        def analyze(self, text: str) -> None:
            super().analyze(text)
            if threading.current_thread() is not threading.main_thread():
                together.wait()

    detector = Meeting()
    timer = Timer(detector)
    measure_throughput(detector, TEXTS, timer)
    assert len(detector.threads) == THREADS + 1
    for block in timer.blocks["four"]:
        lengths = [len(text) for text in block]
        assert sorted(lengths[:THREADS], reverse=True) == sorted(lengths, reverse=True)[:THREADS]


def test_without_analyze_batch_there_are_no_batches() -> None:
    class Plain:
        def analyze(self, text: str) -> None:
            pass

    found = measure_throughput(Plain(), TEXTS, lambda mode, requests, work: Block(requests, 1.0, 0.0, 0.04))
    assert list(found.blocks) == ["one", "four"]


@pytest.mark.parametrize("broken", ["analyze", "analyze_batch"])
def test_a_text_that_is_not_answered_is_no_quick_request(broken: str) -> None:
    def refuse(text: object) -> None:
        raise ValueError("no\nanswer")

    detector = Detector()
    setattr(detector, broken, refuse)
    with pytest.raises(MeasurementError, match="a text was not answered: ValueError: no answer; see ROB-001"):
        measure_throughput(detector, TEXTS, Timer(detector))


def test_a_failure_in_one_of_four_threads_is_not_lost() -> None:
    class Picky(Detector):
        def analyze(self, text: str) -> None:
            if threading.current_thread() is not threading.main_thread():
                raise ValueError("not from here")

    detector = Picky()
    with pytest.raises(MeasurementError, match="not from here"):
        measure_throughput(detector, TEXTS, Timer(detector))


def test_a_benchmark_without_rows_is_named() -> None:
    with pytest.raises(MeasurementError, match="no rows"):
        measure_throughput(Detector(), [])


@pytest.mark.parametrize(("busy", "own", "others"), [(5.0, 2.0, 3.0), (2.0, 2.5, 0.0)])
def test_what_others_had_of_the_cpu_is_what_the_machine_did_and_this_process_did_not(
    monkeypatch: pytest.MonkeyPatch, busy: float, own: float, others: float
) -> None:
    readings = {
        "machine_seconds": [100.0, 100.0 + busy],
        "process_time": [10.0, 10.0 + own],
        "perf_counter": [1.0, 4.0],
    }
    for name, values in readings.items():
        monkeypatch.setattr(throughput, name, iter(values).__next__)
    monkeypatch.setattr(throughput, "pulse_ms", iter([0.04, 0.05]).__next__)
    monkeypatch.setattr(throughput.os, "cpu_count", lambda: 2)
    done: list[str] = []
    block = time_block("one", 7, lambda: done.append("work"), iter([1.4, 0.9]).__next__)
    assert (block.requests, block.seconds, block.pulse_ms, done) == (7, 3.0, 0.05, ["work"])
    assert (block.own_seconds, block.second_core) == (own, 0.9)
    assert block.others_seconds == pytest.approx(others + 0.02)


def test_the_pulse_is_a_time() -> None:
    assert 0.0 < throughput.pulse_ms() < 1000.0
