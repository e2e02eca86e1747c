"""What runs in the fresh process: one request on standard input, one answer as the last line of standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from raxe_conformance.measure.memory_child import measure_here
from raxe_conformance.measure.soak_child import soak_here

Load = Callable[[], Any]


def score_texts(load: Load, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """arguments: texts. Answers their scores (null where `analyze` failed), decisions and families, in order."""
    detector = load()
    scores: list[float | None] = []
    attacks: list[bool] = []
    families: list[str | None] = []
    for text in arguments["texts"]:
        try:
            found = detector.analyze(text).metadata
            score, attack, family = float(found["score"]), bool(found["is_attack"]), found.get("family")
        except Exception:  # noqa: BLE001  a foreign detector may raise anything
            score, attack, family = None, False, None
        scores.append(score)
        attacks.append(attack)
        families.append(None if family is None else str(family))
    return {"scores": scores, "attacks": attacks, "families": families}


TASKS: dict[str, Callable[[Load, Mapping[str, Any]], dict[str, Any]]] = {
    "scores": score_texts,
    "memory": measure_here,
    "soak": soak_here,
}


def main() -> None:
    """Answer the request."""
    request = json.load(sys.stdin)
    sys.path[:] = request["path"]
    from raxe_conformance.target.again import load_again

    answer = TASKS[request["task"]](lambda: load_again(request["target"]), request["arguments"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
