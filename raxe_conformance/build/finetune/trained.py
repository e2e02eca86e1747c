"""What training gives, as one file: encoder, heads, a window selector or none, scores of sources held out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.bert import Bert, BertConfig, Dense, Layer, Norm
from raxe_conformance.build.heads import Flags, Floats, Linear, Numbers
from raxe_conformance.headset import WindowSelector

_DENSE, _NORM = ("qkv", "out", "up", "down"), ("attention_norm", "norm")


@dataclass(frozen=True)
class HeldOut:
    """By text, in the order of the training rows: the attack probability [texts] float64 and the family [texts] int64
    from the model of the fold in which the text's source was held out, and that fold (-1: never held out)."""

    score: Floats
    family: Numbers
    fold: Numbers

    @property
    def known(self) -> Flags:
        """Which texts were held out at all."""
        return self.fold >= 0


@dataclass(frozen=True)
class Trained:
    """An encoder fine-tuned for attacks. The attack head is calibrated; `threshold` is on its probability."""

    bert: Bert
    binary: Linear
    family: Linear
    selector: WindowSelector | None
    threshold: float
    held_out: HeldOut = field(repr=False)


def to_bytes(trained: Trained) -> bytes:
    """As a safetensors file: plain arrays, and the shape of the encoder in its header."""
    from safetensors.numpy import save

    bert, held = trained.bert, trained.held_out
    arrays: dict[str, NDArray[Any]] = {
        "words": bert.words,
        "places": bert.places,
        "binary.weight": trained.binary.weight,
        "binary.bias": trained.binary.bias,
        "family.weight": trained.family.weight,
        "family.bias": trained.family.bias,
        "held.score": held.score,
        "held.family": held.family,
        "held.fold": held.fold,
    }
    _put_norm(arrays, "norm", bert.norm)
    for number, layer in enumerate(bert.layers):
        for name in _DENSE:
            dense: Dense = getattr(layer, name)
            arrays[f"layer.{number}.{name}.weight"], arrays[f"layer.{number}.{name}.bias"] = dense.weight, dense.bias
        for name in _NORM:
            _put_norm(arrays, f"layer.{number}.{name}", getattr(layer, name))
    more: dict[str, Any] = {"config": vars(bert.config), "threshold": trained.threshold}
    if (selector := trained.selector) is not None:
        arrays["selector"] = selector.weights
        more["selector"] = {key: getattr(selector, key) for key in ("scale", "bias", "window", "mix")}
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(contiguous, metadata={"trained": json.dumps(more, sort_keys=True)})


def from_bytes(data: bytes) -> Trained:
    """The inverse of to_bytes. Raises ValueError or KeyError for other bytes."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: dict[str, NDArray[Any]] = load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    more = json.loads(header["__metadata__"]["trained"])
    config = BertConfig(**more["config"])
    layers = []
    for number in range(config.layers):
        at = f"layer.{number}"
        parts: dict[str, Any] = {
            **{name: Dense(arrays[f"{at}.{name}.weight"], arrays[f"{at}.{name}.bias"]) for name in _DENSE},
            **{name: _take_norm(arrays, f"{at}.{name}") for name in _NORM},
        }
        layers.append(Layer(**parts))
    return Trained(
        bert=Bert(config, arrays["words"], arrays["places"], _take_norm(arrays, "norm"), tuple(layers)),
        binary=Linear(arrays["binary.weight"], arrays["binary.bias"]),
        family=Linear(arrays["family.weight"], arrays["family.bias"]),
        selector=WindowSelector(weights=arrays["selector"], **more["selector"]) if "selector" in more else None,
        threshold=more["threshold"],
        held_out=HeldOut(arrays["held.score"], arrays["held.family"], arrays["held.fold"]),
    )


def _put_norm(arrays: dict[str, NDArray[Any]], at: str, norm: Norm) -> None:
    arrays[f"{at}.scale"], arrays[f"{at}.shift"] = norm.scale, norm.shift


def _take_norm(arrays: dict[str, NDArray[Any]], at: str) -> Norm:
    return Norm(arrays[f"{at}.scale"], arrays[f"{at}.shift"])
