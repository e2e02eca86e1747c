"""Reports for the tests of exports: a made-up variant with findings about its files, and texts that attack readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meta_tests.report.site import made_latency, made_report, made_scores, write_rows
from raxe_conformance.checks.table import catalogue
from raxe_conformance.report.digest import with_digest

HOSTILE = (
    "</details></div><script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b]0;title\x07 \x00 nul",
    "abc \u202egnp.exe\u2066 \u200b\u200f end",
    "[click](http://evil.example) ![i](http://evil.example/x.png) [r]: http://evil.example",
    "www.evil.example @everyone a@evil.example $x^2$ :+1: #1 ftp://evil.example",
    "a | b \\| c `|` ``` d",
    "line\n\n# title\n\n---\nlicense: stolen\n...\n- x\r\n::error::fake",
    "::stop-commands::token",
    "%0A::add-mask::a,b:c%25",
    "--- \n",
    "- [x] 1. > # + =",
    "1. one",
    "!!python/object/apply:os.system ['id'] &a *a {x: y}",
    "{0} [link](1) {{1}}",
    "\ud800 alone \u2028 line",
    "{{ 7 * 7 }} {% raw %}",
    "_a_ *b* **c** ~~d~~ <b>e</b> &lt;f&gt; <http://evil.example>",
    "Z" + "\u0301" * 200,
    "x" * 1_000_000,
)
FILES = [
    {"path": "metadata/v1.0_made_up.json", "bytes": 1234, "sha256": "0" * 64},
    {"path": "bundles/made_up.raxe", "bytes": 99, "sha256": "1" * 64},
    {"path": "embeddings/made up_int8.onnx", "bytes": 7, "sha256": "2" * 64},
]


def record(check_id: str, verdict: str, message: str, *, waived: bool = False) -> dict[str, Any]:
    """The record of a check without a limit."""
    check = catalogue()[check_id]
    return {
        "id": check.id, "title": check.title, "group": check.group, "level": check.level.value, "spec": check.spec,
        "verdict": verdict, "interval_verdict": None, "point_verdict": None, "p_pass": None, "p_fail": None,
        "waived": waived, "gate": None, "evidence": None, "message": message, "seconds": 0.1,
    }  # fmt: skip


def report_with(folder: Path, *records: dict[str, Any], **model: Any) -> dict[str, Any]:
    """The report on the made-up variant with these records, too."""
    rows = write_rows(folder / "rows.jsonl", 40)
    found = made_report(rows, made_scores(rows), made_latency(40), **{"files": FILES, **model})
    return with_digest({**json.loads(json.dumps(found)), "checks": [*records, *found["checks"]]})


def hostile_report(folder: Path, text: str) -> dict[str, Any]:
    """A report whose texts from the variant are all `text`."""
    found = report_with(
        folder, record("INT-004", "FAIL", text), record("SCH-001", "INCONCLUSIVE", text), model_id=text,
        files=[{"path": text, "bytes": 1, "sha256": "3" * 64}],
    )  # fmt: skip
    for check in found["checks"]:
        check.update(title=text, message=text, spec=text)
        if check["gate"]:
            check["gate"].update(metric=text, unit=text)
    found["not_judged"] = [text, "INT-001"]
    found["environment"].update(cpu=text, os=text, onnxruntime=text)
    found["corpus"]["path"] = text
    found["profile"]["name"] = text
    return with_digest(found)


def hostile_metadata(text: str) -> dict[str, Any]:
    """Metadata that says `text` wherever an export reads it."""
    return {
        "name": text, "version": text, "description": text, "status": text, "tags": [text, text],
        "recommended_for": [text], "not_recommended_for": [text], "known_limitations": [text, 5, None, " "],
        "requirements": {"additional_dependencies": [text, "numpy>=1.26"]},
        "ml_config": {"embedding_model": text, "classifier_type": text, "threat_categories": [text]},
        "training_info": {"dataset_sources": [{"source": text, "repository": text, "commit": text, "license": text}]},
        "license": {"model": text, "embedding_model": {"name": text, "license": text, "attribution": text}},
    }  # fmt: skip


# Metadata in which nothing has the type that it should have.
WRONG_TYPES: dict[str, Any] = {
    "name": 5, "version": None, "description": ["x"], "status": {}, "tags": "abc", "recommended_for": {"a": 1},
    "known_limitations": 7, "requirements": [1], "ml_config": "x", "license": "MIT",
    "training_info": {"dataset_sources": ["x", {"source": 3, "license": "MIT"}]},
}  # fmt: skip
