"""What a fresh process does to be soaked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from raxe_conformance.errors import one_line
from raxe_conformance.measure.memory_child import meter


def soak_here(load: Callable[[], Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The task "soak": analyse the texts in turn and look at the memory between.

    arguments: texts, calls (analyses in all), samples (how often memory is looked at, at most). Answers Soak's fields
    but `texts`, and prints the progress after each sample.
    """
    texts, calls = arguments["texts"], int(arguments["calls"])
    stretch = max(1, calls // int(arguments["samples"]))
    scale, detector = meter(), load()
    after: list[int] = []
    resident: list[float] = []
    seconds: list[float] = []
    failed, first_error = 0, None
    while not after or after[-1] < calls:
        done = after[-1] if after else 0
        until = min(calls, done + stretch)
        started = perf_counter()
        for number in range(done, until):
            try:
                detector.analyze(texts[number % len(texts)])
            except Exception as error:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
                failed += 1
                first_error = first_error or one_line(f"analysis {number + 1}: {type(error).__name__}: {error}", 200)
        seconds.append(perf_counter() - started)
        resident.append(scale.resident())
        after.append(until)
        print(json.dumps({"progress": until}), flush=True)
    return {
        "after": after,
        "resident_mb": resident,
        "seconds": seconds,
        "failed": failed,
        "first_error": first_error,
        "method": scale.method,
    }
