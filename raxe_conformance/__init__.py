"""RAXE conformance: release gates for L2 models.

The public names are imported when they are first used: a pytest run that has the plugin installed and does not use it
must not pay for onnxruntime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from raxe_conformance.errors import RaxeError as RaxeError
    from raxe_conformance.model_registry import ModelRegistry as ModelRegistry
    from raxe_conformance.model_registry import get_registry as get_registry
    from raxe_conformance.registry.variant import Variant as Variant
    from raxe_conformance.runtime.detector import Detector as Detector
    from raxe_conformance.runtime.result import L2Prediction as L2Prediction
    from raxe_conformance.runtime.result import L2Result as L2Result
    from raxe_conformance.runtime.result import L2ThreatType as L2ThreatType

_HOMES = {
    "RaxeError": "errors",
    "Variant": "registry.variant",
    "Detector": "runtime.detector",
    "L2Prediction": "runtime.result",
    "L2Result": "runtime.result",
    "L2ThreatType": "runtime.result",
    "ModelRegistry": "model_registry",
    "get_registry": "model_registry",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
