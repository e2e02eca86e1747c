"""Questions about what a registry finds in a folder, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raxe_conformance.measure import scratch
from raxe_conformance.measure.desk import Desk, ids_of, question, statuses_of


@question("list_models()")
def _listed(desk: Desk) -> Any:
    return ids_of(desk.whole.list_models())


@question("has_model of each")
def _has_each(desk: Desk) -> Any:
    return {variant.model_id: bool(desk.whole.has_model(variant.model_id)) for variant in scratch.ALL}


@question("has_model of none")
def _has_none(desk: Desk) -> Any:
    return bool(desk.whole.has_model(scratch.NOWHERE))


@question("create_detector of none")
def _create_none(desk: Desk) -> Any:
    return type(desk.whole.create_detector(scratch.NOWHERE)).__name__


@question("statuses of bundles without metadata")
def _bare(desk: Desk) -> Any:
    return statuses_of(desk.reading(scratch.make_bare))


@question("statuses beside broken files", "degradation")
def _beside(desk: Desk) -> Any:
    return statuses_of(desk.broken)


@question("has_model without its bundle", "degradation")
def _has_lost(desk: Desk) -> Any:
    return bool(desk.broken.has_model(scratch.LOST.model_id))


@question("create_detector without its bundle", "degradation")
def _create_lost(desk: Desk) -> Any:
    return type(desk.broken.create_detector(scratch.LOST.model_id)).__name__


@question("create_detector without its embeddings", "degradation", "loading")
def _create_blind(desk: Desk) -> Any:
    return type(desk.broken.create_detector(scratch.BLIND.model_id)).__name__


@question("warnings", "warnings")
def _warnings(desk: Desk) -> Any:
    found = desk.broken.warnings
    return [desk.without_root(str(line)) for line in (found() if callable(found) else found)]


@question("weights that were read", "laziness")
def _weights_read(desk: Desk) -> Any:
    """The embedding files that were read by making a registry and asking it what there is, by their time of access.

    None where the file system keeps no such time.
    """
    models = desk.folder(scratch.make_whole)
    files = sorted((models / "embeddings").glob("*.onnx"))
    canary = models / "canary"
    canary.write_bytes(b"canary")
    with _watched([canary]) as read:
        canary.read_bytes()
    if not read:
        return None
    with _watched(files) as read:
        registry = desk.registry(models)
        ids_of(registry.list_models())
        registry.has_model(scratch.SWIFT.model_id)
    return read


@contextmanager
def _watched(files: list[Path]) -> Iterator[list[str]]:
    """The names of those files that are read inside of `with`; filled at its end."""
    for file in files:
        os.utime(file, (0, file.stat().st_mtime))
    read: list[str] = []
    yield read
    read += [file.name for file in files if file.stat().st_atime != 0]
