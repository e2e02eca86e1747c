"""Selectors in bundles: read where they are right, refused with a reason where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from meta_tests.support.toy import SPACE, make_toy
from raxe_conformance import ModelRegistry
from raxe_conformance.errors import HeadSetError
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.pack import pack_bundle
from raxe_conformance.registry.selector import SINCE, read_selector

FILE = "selectors/toy.safetensors"


def arrays(**other: Any) -> dict[str, Any]:
    weights = np.zeros(2**8, np.int8)
    return {"weights": weights, "scale": np.ones(1, np.float32), "bias": np.zeros(1, np.float32), **other}


def with_selector(path: Path, entry: dict[str, Any], data: bytes, schema: str = SINCE) -> None:
    """Pack the toy's bundle again with a selector in its head set."""
    old = Bundle(path)
    manifest = {**old.manifest.raw, "schema_version": schema}
    manifest["head_sets"] = {SPACE: {**manifest["head_sets"][SPACE], "selector": entry}}
    members = {name: old.member(name) for name in old.names if name != "manifest.json"} | {FILE: data}
    path.unlink()
    pack_bundle(path, manifest, members)


def test_a_detector_reads_only_the_window_that_its_selector_chooses(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    registry = ModelRegistry(toy.models)
    text = "please weather report " * 3 + "evilpi " + "garden music table " * 3
    plain = registry.create_detector("v1.0_toy_int8").analyze(text)
    with_selector(toy.bundle, {"file": FILE, "window": 2, "mix": 1.0}, save(arrays(bias=np.full(1, 2.0, np.float32))))
    toy.declare_files()
    chosen = ModelRegistry(toy.models).create_detector("v1.0_toy_int8")
    assert chosen.heads.set.selector is not None
    found = chosen.analyze(text)
    # All weights are 0, so the first window is chosen, which holds no attack; only the bias speaks.
    assert (found.metadata["windows"], found.features_extracted["tokens"]) == (1, 2)
    without = (
        ModelRegistry(toy.models).create_detector("v1.0_toy_int8").heads.score(chosen.embedder.embed("please weather"))
    )
    assert np.log(found.metadata["score"] / (1 - found.metadata["score"])) == pytest.approx(
        np.log(without.score / (1 - without.score)) + 2.0, abs=1e-4
    )
    assert plain.metadata["score"] != found.metadata["score"]
    assert chosen.analyze("").metadata["windows"] == 0


@pytest.mark.parametrize(
    ("entry", "change", "field"),
    [
        ({"window": 0}, {}, "window"),
        ({"window": 63}, {}, "window"),
        ({"window": True}, {}, "window"),
        ({"mix": -0.1}, {}, "mix"),
        ({"mix": float("nan")}, {}, "mix"),
        ({"mix": "1"}, {}, "mix"),
        ({}, {"weights": np.zeros(2**8 - 1, np.int8)}, "weights"),
        ({}, {"weights": np.zeros(2**7, np.int8)}, "weights"),
        ({}, {"weights": np.zeros(2**8, np.float32)}, "weights"),
        ({}, {"scale": np.full(1, np.inf, np.float32)}, "scale"),
        ({}, {"scale": np.ones(2, np.float32)}, "scale"),
        ({}, {"bias": np.full(1, np.nan, np.float32)}, "bias"),
        ({}, {"more": np.zeros(1, np.int8)}, "file"),
    ],
)
def test_what_could_not_choose_is_refused(entry: dict[str, Any], change: dict[str, Any], field: str) -> None:
    right = {"window": 62, "mix": 0.5}
    good = read_selector(right, save(arrays()), most_tokens=62, file="b", field="s")
    assert (good.window, good.mix) == (62, 0.5)
    with pytest.raises(HeadSetError, match=rf"s\.{field}"):
        read_selector({**right, **entry}, save(arrays(**change)), most_tokens=62, file="b", field="s")


def test_bytes_that_are_no_arrays_are_refused() -> None:
    with pytest.raises(HeadSetError, match=r"s\.file"):
        read_selector({"window": 1, "mix": 0}, b"\xff" * 16, most_tokens=62, file="b", field="s")


@pytest.mark.parametrize(
    ("entry", "schema", "said"),
    [
        ({"file": FILE, "window": 2, "mix": 1.0}, "2.0.0", "knows no selectors"),
        ({"window": 2, "mix": 1.0}, SINCE, "no object with a file"),
        ("here", SINCE, "no object with a file"),
    ],
)
def test_an_entry_that_is_none_is_refused(
    tmp_path: Path, entry: Any, schema: str, said: str, request: pytest.FixtureRequest
) -> None:
    toy = make_toy(tmp_path)
    refused: Callable[[], object] = lambda: with_selector(toy.bundle, entry, save(arrays()), schema)  # noqa: E731
    with pytest.raises(HeadSetError, match=said):
        refused()
