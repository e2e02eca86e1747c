"""Loading a subject again, in another process, from a description that survives JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.target.foreign import foreign_again
from raxe_conformance.target.function import function_subject
from raxe_conformance.target.protocol import Analyzer
from raxe_conformance.target.shipped import shipped_subject


def load_again(target: Mapping[str, Any]) -> Analyzer:
    """The detector of a subject's `again`. Raises RaxeError as its `load` would, KeyError for another description."""
    return _LOADERS[target["kind"]](target)


def libraries(target: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules of other projects that a detector of this kind imports when it is loaded, as far as is known."""
    return (*_LIBRARIES, target["backend"]) if target["kind"] == "shipped" else ()


def _shipped(target: Mapping[str, Any]) -> Analyzer:
    return shipped_subject(Path(target["models"]), target["model_id"], target["backend"]).load()


def _function(target: Mapping[str, Any]) -> Analyzer:
    return function_subject(target["name"], Path(target["folder"])).load()


_LOADERS = {"shipped": _shipped, "function": _function, "foreign": foreign_again}
_LIBRARIES = ("numpy", "tokenizers")
