"""A second opinion on latency: MLCommons' LoadGen sends the queries and takes the times. Needs mlcommons-loadgen.

The rules of MLPerf (ten minutes a run, validity) are not claimed: LoadGen is used as an independent clock and as the
source of Poisson arrivals. Its times are read from its detailed log.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

from raxe_conformance.errors import MeasurementError, RuntimeMissingError, one_line

TARGET: Final = 0.95
FEWEST_QUERIES: Final = 100
_PREFIX = ":::MLLOG "


@dataclass(frozen=True)
class Driven:
    """One run of LoadGen. Latencies in ms, of a query from when it was due to when it was answered.

    rate: queries a second that were sent, on average; None where each waited for the one before.
    """

    rate: float | None
    queries: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Search:
    """The largest rate at which P95 stayed below a limit, None where no tried rate did; and the runs that say so."""

    largest: Driven | None
    tried: list[Driven]


def single_stream(detector: Any, texts: Sequence[str], queries: int) -> Driven:
    """Send one query after the other, in shuffled passes over the texts.

    Raises RuntimeMissingError without mlcommons-loadgen, MeasurementError where `analyze` raises.
    """
    lg = _loadgen()
    settings = _settings(lg, queries)
    settings.scenario = lg.TestScenario.SingleStream
    settings.single_stream_target_latency_percentile = TARGET
    return _drive(lg, detector, texts, settings, None)


def server(detector: Any, texts: Sequence[str], rate: float, queries: int, limit_ms: float) -> Driven:
    """Send queries at the times of a Poisson process of `rate` a second, to one detector that answers them in turn.

    A query that finds the detector busy waits, and its latency counts from when it was due. Raises as single_stream.
    """
    lg = _loadgen()
    settings = _settings(lg, queries)
    settings.scenario = lg.TestScenario.Server
    settings.server_target_qps = rate
    settings.server_target_latency_ns = int(limit_ms * 1e6)
    settings.server_target_latency_percentile = TARGET
    return _drive(lg, detector, texts, settings, rate)


def queries_for(rate: float, seconds: float) -> int:
    """How many queries a run at `rate` a second sends: for so many seconds, but enough for a P95."""
    return max(FEWEST_QUERIES, math.ceil(rate * seconds))


def largest_rate(
    run: Callable[[float], Driven],
    capacity: float,
    limit_ms: float,
    *,
    budget_s: float,
    precision: float = 0.05,
    clock: Callable[[], float] = monotonic,
) -> Search:
    """Bisect for the largest rate below `capacity` (a second) at which P95 is below `limit_ms`.

    Ends when the rate is known to `precision` of itself, when nothing down to 1 % of the capacity will do, or when
    `budget_s` seconds are over; the run that then goes on is finished.
    """
    low, high = 0.0, capacity
    largest: Driven | None = None
    tried: list[Driven] = []
    started = clock()
    while high - low > precision * low and high > 0.01 * capacity and clock() - started < budget_s:
        rate = (low + high) / 2.0
        found = run(rate)
        tried.append(found)
        if found.p95_ms < limit_ms:
            low, largest = rate, found
        else:
            high = rate
    return Search(largest, tried)


def loadgen_version() -> str | None:
    """The installed version, None where it does not say."""
    try:
        return version("mlcommons-loadgen")
    except PackageNotFoundError:
        return None


def _loadgen() -> Any:
    try:
        import mlperf_loadgen
    except ImportError:
        raise RuntimeMissingError(
            "mlcommons-loadgen is not installed", remedy="run: pip install 'raxe-conformance[loadgen]'"
        ) from None
    return mlperf_loadgen


def _settings(lg: Any, queries: int) -> Any:
    settings = lg.TestSettings()
    settings.mode = lg.TestMode.PerformanceOnly
    settings.min_query_count = settings.max_query_count = queries
    settings.min_duration_ms = 0
    # Whole shuffled passes instead of draws: the sample has exactly the benchmark's distribution of lengths.
    settings.sample_concatenate_permutation = True
    return settings


def _drive(lg: Any, detector: Any, texts: Sequence[str], settings: Any, rate: float | None) -> Driven:
    failed: list[Exception] = []

    def issue(samples: Sequence[Any]) -> None:
        # LoadGen calls this from a thread of its own and has no way to hear of an exception.
        for sample in samples:
            if not failed:
                try:
                    detector.analyze(texts[sample.index])
                except Exception as error:  # noqa: BLE001  a foreign detector may raise anything
                    failed.append(error)
            lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0)])

    with TemporaryDirectory(prefix="raxe-loadgen-") as folder:
        log = lg.LogSettings()
        log.log_output.outdir = folder
        log.log_output.copy_summary_to_stdout = False
        log.enable_trace = False
        system = lg.ConstructSUT(issue, lambda: None)
        library = lg.ConstructQSL(len(texts), len(texts), lambda indices: None, lambda indices: None)
        try:
            lg.StartTestWithLogSettings(system, library, settings, log)
        finally:
            lg.DestroyQSL(library)
            lg.DestroySUT(system)
        if failed:
            raise MeasurementError(f"the detector raised {type(failed[0]).__name__}: {one_line(failed[0], 200)}")
        return read_log((Path(folder) / "mlperf_log_detail.txt").read_text(encoding="utf-8"), rate)


def read_log(text: str, rate: float | None) -> Driven:
    """The figures in a detailed log. Raises MeasurementError where one is not there."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if line.startswith(_PREFIX):
            entry = json.loads(line.removeprefix(_PREFIX))
            found[entry["key"]] = entry["value"]
    try:
        mean, p50, p95, p99 = (
            found[f"result_{name}_latency_ns"] / 1e6
            for name in ("mean", "50.00_percentile", "95.00_percentile", "99.00_percentile")
        )
        return Driven(rate, int(found["result_query_count"]), mean, p50, p95, p99)
    except KeyError as error:
        raise MeasurementError(f"LoadGen's log holds no {error}", remedy="try another version of it") from None
