"""What a second thread gives on this machine, now.

A virtual machine's cores need not be neighbours, and may move while it runs. Where they share no cache, handing
vectors from one to the other takes longer than computing them: a small model on two threads is then no faster than on
one, while nothing else on the machine is slower and no core was taken away. Minutes later it can be twice as fast. A
calibration kernel on one core does not see it, so there is this one, on two.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from raxe_conformance.measure.environment import usable_cores
from raxe_conformance.measure.scratch_onnx import chain_model

# Small products, one after another, each shared out between the threads: like a small encoder, and twice as sensitive.
WIDTH, LAYERS, ROWS = 128, 24, 64
TRIES = 3


class SecondCore:
    """A fixed chain of matrix products, timed on one thread and on two.

    Calling it gives how many times as fast two threads are: 1.4 to 1.5 on an EPYC 9004 whose cores share a cache, 0.6
    to 1.0 where they do not (docs/verdicts.md). Takes about a millisecond and a half.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        model = chain_model(WIDTH, LAYERS, ROWS)
        self._clock = clock
        self._one, self._two = _session(model, 1), _session(model, 2)
        self._input = {"x": np.ones((ROWS, WIDTH), dtype=np.float32)}
        self._alone = min(self._seconds(self._one) for _ in range(20))
        for _ in range(5):
            self._seconds(self._two)

    def __call__(self) -> float:
        """The quickest of a few tries on one thread, ever, over the quickest of a few on two, now.

        Single interruptions lengthen a try and not all of them; a core is as quick alone as it ever was.
        """
        self._alone = min(self._alone, self._seconds(self._one))
        return self._alone / min(self._seconds(self._two) for _ in range(TRIES))

    def _seconds(self, session: Any) -> float:
        started = self._clock()
        session.run(None, self._input)
        return self._clock() - started


@cache
def find_second_core() -> SecondCore | None:
    """The one of this process; None where it may use one core only."""
    return SecondCore() if usable_cores() > 1 else None


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    # Its second thread must not go on spinning beside the detector's own.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
