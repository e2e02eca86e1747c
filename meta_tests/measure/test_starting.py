"""Starting registries: how often, and whether a detector is loaded once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from meta_tests.support.host import Host
from meta_tests.support.registries import Forgetful
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.errors import ChecksumError
from raxe_conformance.measure.starting import AT_ONCE, FEWEST, MOST, measure_start
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.target.shipped import shipped_registry


class Registry:
    """Gives one object to all, as it should."""

    def __init__(self) -> None:
        self.detector = object()

    def create_detector(self, model_id: str) -> object:
        assert model_id == "m"
        return self.detector


@pytest.mark.parametrize(("start_ms", "count"), [(1.0, MOST), (100.0, 60), (1000.0, 6), (9000.0, FEWEST)])
def test_as_many_starts_as_the_budget_allows(start_ms: float, count: int) -> None:
    made: list[Registry] = []

    def registry() -> Registry:
        made.append(Registry())
        return made[-1]

    found = measure_start(registry, "m", Host(start_ms=start_ms).start_stopwatch())
    assert found.samples_ms == [start_ms] * count
    assert found.first_ms == start_ms
    assert len(made) == 2 + count + 1
    assert len(found.cpu_ms) == len(found.preempted) == count == len(found.pulse_ms) - 1


def test_the_first_start_may_import_and_does_not_count() -> None:
    def run(target: Callable[[str], Any], texts: Sequence[str], before: Callable[[], None]) -> list[float]:
        for text in texts:
            before()
            target(text)
        return [5.0, 0.1] if len(texts) == 2 else [0.1] * len(texts)

    found = measure_start(Registry, "m", Stopwatch(run, "m", lambda: 0.0, lambda: 0, lambda: 0.04))
    assert (found.first_ms, max(found.samples_ms), len(found.samples_ms)) == (5000.0, 100.0, 60)


def test_threads_that_ask_at_once_and_a_call_after_them_get_one_object() -> None:
    found = measure_start(Registry, "m", Host().start_stopwatch())
    assert (found.at_once, found.objects, found.refused) == (AT_ONCE, 1, None)
    assert found.load_ms is not None
    assert found.again_ms is not None


def test_they_ask_at_once() -> None:
    """A registry that answers only when all threads are there: else its barrier breaks."""

    class Meeting(Registry):
        def __init__(self) -> None:
            super().__init__()
            self.barrier, self.calls = threading.Barrier(AT_ONCE, timeout=30), 0

        def create_detector(self, model_id: str) -> object:
            self.calls += 1
            if self.calls <= AT_ONCE:
                self.barrier.wait()
            return self.detector

    assert measure_start(Meeting, "m", Host().start_stopwatch()).objects == 1


def test_objects_are_counted() -> None:
    class Fresh(Registry):
        def create_detector(self, model_id: str) -> object:
            return object()

    class Second(Registry):
        calls = 0

        def create_detector(self, model_id: str) -> object:
            self.calls += 1
            return self.detector if self.calls <= AT_ONCE else object()

    assert measure_start(Fresh, "m", Host().start_stopwatch()).objects == AT_ONCE + 1
    assert measure_start(Second, "m", Host().start_stopwatch()).objects == 2


@pytest.mark.parametrize("error", [ChecksumError("is another file"), ValueError("is another\nfile")])
def test_a_registry_that_gives_nothing_says_why(error: Exception) -> None:
    class Refusing(Registry):
        def create_detector(self, model_id: str) -> object:
            raise error

    found = measure_start(Refusing, "m", Host().start_stopwatch())
    assert found.refused is not None
    assert found.refused.endswith("is another file")
    assert (found.load_ms, found.again_ms, found.objects) == (None, None, 0)
    assert len(found.samples_ms) > FEWEST


def test_the_shipped_registry_holds_and_a_forgetful_one_does_not(toy: Toy) -> None:
    stopwatch = Host(start_ms=6000.0).start_stopwatch()
    assert measure_start(lambda: shipped_registry(toy.models), MODEL_ID, stopwatch).objects == 1
    assert measure_start(lambda: Forgetful(toy.models), MODEL_ID, stopwatch).objects == AT_ONCE + 1


def test_a_registry_that_warns_is_not_heard_at_every_start(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("raxe_conformance")

    class Complaining(Registry):
        def __init__(self) -> None:
            super().__init__()
            log.warning("the bundle does not exist")

    measure_start(Complaining, "m", Host().start_stopwatch())
    assert caplog.records == []
    Complaining()
    assert len(caplog.records) == 1
