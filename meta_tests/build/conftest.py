"""The small world of recipes, and a cache of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta_tests.build.world import World, make_world


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RAXE_CACHE", str(folder))
    return folder


@pytest.fixture
def world(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A recipe with its wheel already in the cache, so that nothing is downloaded."""
    from raxe_conformance.build.cache import keep

    monkeypatch.delenv("RAXE_CORPUS_MIRROR", raising=False)
    made = make_world(tmp_path)
    keep(made.wheel, made.recipe.read_text(encoding="utf-8").split('sha256 = "')[1][:64], what="tiny")
    return made
