"""Memory: what a meter reads of the kernel, what is asked of a fresh process, and one real process."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meta_tests.support.host import Host
from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure import memory_child
from raxe_conformance.measure.child import run_child
from raxe_conformance.measure.memory import BATCH, measure_memory
from raxe_conformance.measure.memory_child import KernelMeter, PortableMeter, measure_here

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SUBJECT: Any = SimpleNamespace(again={"kind": "shipped", "backend": "onnxruntime"})


class Kernel:
    """The files that a KernelMeter reads. Figures in kB, as the kernel has them."""

    def __init__(self, folder: Path, **status: int) -> None:
        self.folder, self.status = folder, {"VmRSS": 1000, "VmHWM": 4000, "VmSwap": 0, **status}
        (folder / "clear_refs").write_text("")
        (folder / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:    8000 kB\nHugePages_Total:       0\n")
        self.write()

    def write(self, **changes: int) -> None:
        self.status |= changes
        lines = [f"{name}:\t  {value} kB" for name, value in self.status.items()]
        # In one step: a second thread may be reading.
        (self.folder / "aside").write_text("\n".join(["Name:\tpython", "Threads:\t1", *lines, ""]))
        (self.folder / "aside").replace(self.folder / "status")

    def meter(self) -> KernelMeter:
        return KernelMeter(self.folder, self.folder / "meminfo")


def test_the_kernels_kilobytes_are_1024_bytes_and_a_megabyte_is_a_million(tmp_path: Path) -> None:
    meter = Kernel(tmp_path, VmSwap=3).meter()
    assert (meter.resident(), meter.highest()) == (1.024, 4.096)
    assert meter.left() == (0.003072, 8.192)


def test_a_request_adds_its_peak_above_what_was_held_before_it(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    meter = kernel.meter()
    assert meter.exact

    def request() -> None:
        assert (tmp_path / "clear_refs").read_text() == "5"
        kernel.write(VmRSS=1500, VmHWM=3000)

    assert meter.added(request) == pytest.approx((3000 - 1000) * 1024 / 1e6)
    kernel.write(VmHWM=1000)
    assert meter.added(lambda: None) == 0.0


@pytest.mark.parametrize("fault", ["unwritable", "no mark"])
def test_where_the_mark_cannot_be_set_back_memory_is_watched(tmp_path: Path, fault: str) -> None:
    kernel = Kernel(tmp_path)
    if fault == "unwritable":
        (tmp_path / "clear_refs").unlink()
        (tmp_path / "clear_refs").mkdir()
    else:
        del kernel.status["VmHWM"]
        kernel.write()
    meter = kernel.meter()
    assert not meter.exact
    assert meter.added(lambda: kernel.write(VmRSS=1700)) == pytest.approx(700 * 1024 / 1e6)
    assert meter.highest() == (4.096 if fault == "unwritable" else None)


def test_without_proc_resident_memory_is_psutils_and_no_peak_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> KernelMeter:
        raise FileNotFoundError("/proc/self/status")

    monkeypatch.setattr(memory_child, "KernelMeter", missing)
    meter = memory_child.meter()
    assert isinstance(meter, PortableMeter)
    assert meter.highest() is None
    held: list[bytearray] = []
    assert meter.added(lambda: held.append(bytearray(b"x") * 20_000_000)) > 15.0
    assert meter.resident() > 20.0
    assert meter.left()[1] > 0.0


class Hungry:
    """Takes 50 MB for a moment, or keeps 30."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def analyze(self, text: str) -> None:
        if text == "keep":
            self.kept.append(b"x" * 30_000_000)
        else:
            bytes(b"x" * 50_000_000)


@linux
def test_a_short_peak_is_not_missed_and_what_is_kept_counts_once() -> None:
    arguments = {"libraries": [], "warmup": [], "requests": ["use", "keep", "use"], "batch": []}
    # In a process of its own: the system may take cold pages of a large one away meanwhile.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        found = fresh.submit(measure_here, Hungry, arguments).result()
    assert found["exact_peaks"]
    first, keep, again = found["requests"]
    assert [first, again] == pytest.approx([50.0, 50.0], abs=2.0)
    assert keep == pytest.approx(30.0, abs=2.0)
    assert found["batch"] is None
    assert 0.0 < found["interpreter"] <= found["libraries"] <= found["load_peak"]


def test_every_process_gets_the_same_work_with_the_longest_text_in_it() -> None:
    asked: list[Mapping[str, Any]] = []

    def child(target: Mapping[str, Any], task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert (target["kind"], task) == ("shipped", "memory")
        asked.append(arguments)
        return Host().memory(arguments)

    texts = ["x" * n for n in range(320)]
    found = measure_memory(SUBJECT, texts, child)
    assert len(asked) == len(found.processes) == 3
    assert all(arguments == asked[0] for arguments in asked)
    assert asked[0]["libraries"] == ["numpy", "tokenizers", "onnxruntime"]
    assert found.request_characters == [len(text) for text in asked[0]["requests"]]
    assert found.request_characters[-1] == 319
    assert (found.warmup, found.batch_size, len(found.request_characters)) == (BATCH, BATCH, BATCH + 1)
    hands = [set(asked[0][key]) for key in ("warmup", "requests", "batch")]
    assert hands[0] & hands[2] == set()
    assert hands[0] & hands[1] <= {texts[-1]}


def test_one_process_without_exact_peaks_makes_all_of_them_inexact() -> None:
    exact = iter([True, False, True])

    def child(target: Mapping[str, Any], task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {**Host().memory(arguments), "exact_peaks": next(exact)}

    assert not measure_memory(SUBJECT, ["text"], child).exact_peaks


def test_a_benchmark_without_rows_is_named() -> None:
    with pytest.raises(MeasurementError, match="no rows"):
        measure_memory(SUBJECT, [], lambda *_: {})


@linux
def test_a_real_process_says_what_it_holds(toy: Toy, tmp_path: Path) -> None:
    session = session_on(toy, tmp_path)
    texts = [row.text for row in session.benchmark.rows]
    found = measure_memory(session.subjects[MODEL_ID], texts, run_child, processes=1)
    process = found.processes[0]
    # A Python of its own, numpy and ONNX Runtime, and no more than that: the toy weighs nothing.
    assert 15.0 < process.interpreter < process.libraries < process.loaded < 200.0
    assert process.load_peak is not None
    assert process.loaded <= process.load_peak
    assert process.libraries < process.steady
    assert len(process.requests) == BATCH + 1
    assert all(0.0 <= request < 5.0 for request in process.requests)
    assert process.batch is not None
    assert 0.0 <= process.batch < 5.0
