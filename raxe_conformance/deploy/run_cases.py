"""Tries a package: python tests/run_cases.py. Needs raxe_conformance, and nothing of where the package was made.

Exit 0: every text of tests/cases.jsonl is decided as it was when the package was made. 1: some are not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import raxe_conformance


def decide(models: Path, model_id: str, texts: list[str]) -> list[dict[str, Any]]:
    """What the variant of a models folder decides of each text: is_attack and family."""
    detector = raxe_conformance.ModelRegistry(models).create_detector(model_id)
    answers = [detector.analyze(text).metadata for text in texts]
    return [{"is_attack": bool(answer["is_attack"]), "family": answer["family"]} for answer in answers]


def main() -> int:
    """Decide the texts on standard input ({"models", "model_id", "texts"}) with --decide, else those of the package."""
    if sys.argv[1:] == ["--decide"]:
        request = json.load(sys.stdin)
        print(json.dumps(decide(Path(request["models"]), request["model_id"], request["texts"])))
        return 0
    package = Path(__file__).resolve().parent.parent
    model_id = json.loads((package / "manifest.json").read_text(encoding="utf-8"))["model_id"]
    lines = (package / "tests" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    found = decide(package, model_id, [case["text"] for case in cases])
    wrong = 0
    for number, (case, now) in enumerate(zip(cases, found, strict=True), 1):
        recorded = {key: case[key] for key in now}
        if now != recorded:
            wrong += 1
            print(f"case {number}: decided {now}, but should be {recorded}: {case['text'][:60]!r}")
    print(f"{model_id}: {len(cases) - wrong} of {len(cases)} cases are decided as recorded")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
