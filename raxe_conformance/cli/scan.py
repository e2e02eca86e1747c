"""`raxe-conformance scan`: one detector on a text, or on lines of standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click


def _texts(text: str) -> Iterator[str]:
    if text != "-":
        yield text
        return
    # Bytes, so that input that is no UTF-8 is scanned (as replacement characters) and not refused.
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


@click.command("scan")
@click.argument("model_id")
@click.argument("text", default="-", metavar="[TEXT or -]")
@click.option("--models-dir", default="models", type=click.Path(path_type=Path), help="the models folder")
@click.option("--backend", metavar="NAME", help="what computes: onnxruntime or openvino, not what the metadata names")
def command(model_id: str, text: str, models_dir: Path, backend: str | None) -> None:
    """One JSON line for each text: score, decision, family, action, reasons."""
    from raxe_conformance.model_registry import ModelRegistry

    detector = ModelRegistry(models_dir, backend=backend).create_detector(model_id)
    keys = (
        "score",
        "is_attack",
        "family",
        "sub_family",
        "label",
        "recommended_action",
        "why_it_hit",
        "trigger_matches",
        "similar_attacks",
    )
    for line in _texts(text):
        result = detector.analyze(line)
        answer = {key: result.metadata[key] for key in keys}
        # Only ASCII: what a bundle says of itself may hold what a terminal takes for commands.
        click.echo(json.dumps({**answer, "processing_time_ms": round(result.processing_time_ms, 3)}))
