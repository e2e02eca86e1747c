"""Loading a subject again, in another process, from a description that survives JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.target.protocol import Analyzer
from raxe_conformance.target.shipped import shipped_subject


def load_again(target: Mapping[str, Any]) -> Analyzer:
    """The detector of a subject's `again`. Raises RaxeError as its `load` would, KeyError for another description."""
    return _LOADERS[target["kind"]](target)


def _shipped(target: Mapping[str, Any]) -> Analyzer:
    return shipped_subject(Path(target["models"]), target["model_id"]).load()


_LOADERS = {"shipped": _shipped}
