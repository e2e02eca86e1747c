"""Reports and evidence of a made-up variant, for the tests of pages. Nothing is measured; the same each time."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from raxe_conformance.checks.table import catalogue
from raxe_conformance.corpus.rows import LABELS, Benchmark, read_benchmark
from raxe_conformance.measure.evidence import Latency, Scores
from raxe_conformance.report.evidence_file import write_evidence
from raxe_conformance.report.record import judged_report, verdict_record, write_report
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)
MODEL_ID = "v1.0_made_up"
STAGES = ("preprocess", "tokenize", "infer", "pool", "heads", "postprocess")
VOID = {"meta", "link", "br", "img", "input", "hr", "base"}


def write_rows(path: Path, count: int, texts: dict[int, str] | None = None) -> Benchmark:
    """A benchmark of `count` rows; texts: what stands in some of them, by position."""
    lines = []
    for i in range(count):
        label = LABELS[i % 14] if i % 14 < len(LABELS) else "BENIGN"
        text = (texts or {}).get(i, "word " * (1 + i % 200) + f"number {i}")
        lines.append({"id": f"row-{i:04}", "text": text, "label": label, "language": ("en", "de", "he")[i % 3],
                      "kind": "attack" if label != "BENIGN" else "plain", "source": "made-up",
                      "subfamily": None if label == "BENIGN" else f"{label.lower()}-a"})  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_benchmark(path)


def made_scores(benchmark: Benchmark, *, errors: dict[int, str] | None = None) -> Scores:
    """Scores that are mostly right; attacks are called by their family. errors: rows without an answer."""
    chance = random.Random(7)
    failed = errors or {}
    scores = [
        None if i in failed else round(min(1.0, max(0.0, chance.gauss(0.8 if row.is_attack else 0.2, 0.25))), 6)
        for i, row in enumerate(benchmark.rows)
    ]
    attacks = [score is not None and score >= 0.5 for score in scores]
    return Scores(
        ids=[row.id for row in benchmark.rows],
        labels=[row.label for row in benchmark.rows],
        subfamilies=[row.subfamily for row in benchmark.rows],
        languages=[row.language for row in benchmark.rows],
        sources=[row.source for row in benchmark.rows],
        kinds=[row.kind for row in benchmark.rows],
        pairs=[None] * len(scores),
        words=[len(row.text.split()) for row in benchmark.rows],
        scores=scores,
        attacks=attacks,
        families=[("PI" if row.label == "BENIGN" else row.label) if said else None
                  for row, said in zip(benchmark.rows, attacks, strict=True)],
        errors={benchmark.rows[i].id: text for i, text in failed.items()},
        answered_subfamilies=[None] * len(scores),
    )  # fmt: skip


def made_latency(rows: int, scale: float = 1.0) -> Latency:
    """One call a row, between about 1 and 4 ms times `scale`."""
    chance = random.Random(8)
    samples = [scale * (1.0 + 3.0 * chance.random() ** 4) for _ in range(rows)]
    return Latency(
        samples_ms=samples, texts=list(range(rows)), cpu_ms=samples, preempted=[0] * rows,
        pulse_ms=[0.04] * (rows + 1), stages_ms={name: [s / 6 for s in samples] for name in STAGES},
        warmup=1, seed=0, method="programmed", off_target=None,
    )  # fmt: skip


def made_report(benchmark: Benchmark, scores: Scores, latency: Latency, **model: Any) -> dict[str, Any]:
    """The report on the made-up variant; `model` replaces parts of its model section."""
    found = {"scores": scores, "latency": latency}
    records = [
        verdict_record(judge(check, check.reading(found), PROFILE), PROFILE, 0.01)
        for check in catalogue().values()
        if set(check.needs) <= set(found)
    ]
    sections = {
        "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat(),
        "model": {
            "model_id": MODEL_ID, "files": [{"path": "metadata/x.json", "bytes": 1234, "sha256": "0" * 64}], **model,
        },
        "environment": {
            "cpu": "Made Up 1", "isa": ["avx2"], "cores": 2, "memory_gb": 8.0, "os": "Linux", "python": "3.11.7",
            "onnxruntime": None, "threads": {}, "target": None, "noise": {"load_1min": 0.25, "disturbed_calls": 0.125},
        },
        "corpus": {"path": "rows.jsonl", "sha256": benchmark.sha256, "rows": len(benchmark.rows),
                   "benign": benchmark.benign, "attacks": benchmark.attacks},
        "generalisation": None,
        "not_claimed": [],
    }  # fmt: skip
    return judged_report(sections, records, scores, PROFILE)


def put(folder: Path, report: dict[str, Any], scores: Scores, latency: Latency) -> Path:
    """Write report and evidence as a run does."""
    path = write_report(folder, report)
    write_evidence(folder, report, {"scores": scores, "latency": latency})
    return path


def put_all(folder: Path, benchmark: Benchmark, scale: float = 1.0, **model: Any) -> Path:
    """A whole made-up variant."""
    scores, latency = made_scores(benchmark), made_latency(len(benchmark.rows), scale)
    return put(folder, made_report(benchmark, scores, latency, **model), scores, latency)


class Page(HTMLParser):
    """A page as its elements: (tag, attributes, text inside), and the whole visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.unclosed: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self.elements[self._open[-1]][0] != tag:
            self.unclosed.append(tag)
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for i in self._open:
            self.elements[i][2].append(data)

    def all(self, *tags: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of the elements with these tags, in order."""
        return [(attrs, "".join(text)) for tag, attrs, text in self.elements if tag in tags]

    @property
    def text(self) -> str:
        """What a reader sees: all text of the body but the script's."""
        return next(text for tag, text in ((t, "".join(x)) for t, _, x in self.elements) if tag == "body")
