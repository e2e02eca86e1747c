"""Where what is packaged stands: at the top of a checkout, or inside the package of an installation."""

from __future__ import annotations

from pathlib import Path


def packaged(name: str) -> Path:
    """A folder that stands at the top of a checkout and inside the package of an installation."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name


def shipped_benchmark() -> Path:
    """The benchmark that comes with the package."""
    return packaged("fixtures") / "benchmark.jsonl"
