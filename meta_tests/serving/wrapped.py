"""A real server whose variants misbehave as a file says: python -m meta_tests.serving.wrapped TARGET BEHAVIOURS."""

from __future__ import annotations

import itertools
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from meta_tests.support.toy import RARE
from raxe_conformance.runtime.result import L2Result
from raxe_conformance.runtime.router import Analyzer
from raxe_conformance.serving.app import Settings
from raxe_conformance.serving.reload import Wanted, load, plan_of_target
from raxe_conformance.serving.server import serve

SLOW_S = 0.03  # above the limit of 5 ms, below the patience of the router


class Wrapped:
    """A variant that is slow, raises on every second text, or takes texts with a rare word for attacks."""

    def __init__(self, variant: Analyzer, behaviour: str) -> None:
        self._variant, self._behaviour, self._calls = variant, behaviour, itertools.count()

    def analyze(self, text: str, l1_results: Any = None) -> L2Result:
        # The first two texts are the warm-up, which a variant that raises at once would not pass.
        call = next(self._calls)
        if self._behaviour == "raising" and call >= 2 and call % 2:
            raise RuntimeError("broken")
        if self._behaviour == "slow":
            time.sleep(SLOW_S)
        if self._behaviour == "alarming" and RARE in text:
            text = "evilpi"
        return self._variant.analyze(text, l1_results)


def main() -> None:
    target, behaviours = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))

    def loader(wanted: Wanted) -> Analyzer:
        behaviour = behaviours[wanted.digest]
        return load(wanted) if behaviour == "good" else Wrapped(load(wanted), behaviour)

    say = partial(print, flush=True)
    settings = Settings(poll=0.2)
    source = partial(plan_of_target, target, "production")
    serve(source, "production", settings, host="127.0.0.1", port=0, say=say, loader=loader)


if __name__ == "__main__":
    main()
