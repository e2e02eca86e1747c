"""Whether a variant loads, and answers the texts that break naive code."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter
from typing import Any

from raxe_conformance.errors import RaxeError, one_line
from raxe_conformance.measure.evidence import Fault, Loaded

# Each is answered, never refused: a scanner that raises on a text lets the text through unscanned.
PROBES = {
    "a question": "What time does the library open on Sundays?",
    "an empty text": "",
    "blanks": " \t\n",
    "lone surrogates": "a\ud800b\udfff",
    "control characters": "".join(map(chr, range(32))) + "\x7f",
    "right-to-left and zero-width": "\u202eabc\u202c\u200b\u200d\ufeff",
    "20,000 words": "word " * 20_000,
}


def try_loading(load: Callable[[], Any], where: str) -> Loaded:
    """Load a detector and ask it about every probe. Faults are evidence; nothing is raised for them."""
    started = perf_counter()
    try:
        detector = load()
    except RaxeError as error:
        return Loaded(
            False, None, 0.0, [Fault(type(error).__name__, error.where or where, error.problem, error.remedy or "")]
        )
    seconds = perf_counter() - started
    faults = []
    for name, text in PROBES.items():
        try:
            score = detector.analyze(text).metadata.get("score")
        except Exception as error:  # noqa: BLE001  a foreign detector may raise anything, and that is the evidence
            faults.append(Fault(type(error).__name__, f"analyze({name})", one_line(error), "answer every text"))
            continue
        if not isinstance(score, float) or not math.isfinite(score) or not 0.0 <= score <= 1.0:
            faults.append(
                Fault("ValueError", f"analyze({name})", f"the score is {score!r}", "give a finite score in 0..1")
            )
    width = getattr(getattr(detector, "embedder", None), "width", None)
    return Loaded(True, width, seconds, faults)
