"""The machine that was measured."""

from __future__ import annotations

import os
import platform
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# What decides which int8 kernels ONNX Runtime takes, and so both speed and rounding.
_ISA = (
    "sse4_1",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "asimd",
    "i8mm",
)


@cache
def _cpu() -> tuple[str, tuple[str, ...]]:
    import cpuinfo  # pytest-benchmark's own dependency

    info = cpuinfo.get_cpu_info()
    flags = {flag.replace("avx512vnni", "avx512_vnni") for flag in info.get("flags", [])}
    return str(info.get("brand_raw") or platform.processor() or "unknown"), tuple(f for f in _ISA if f in flags)


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """The CPU's model name."""
    return _cpu()[0]


def off_target(pattern: str | None) -> str | None:
    """This CPU's name where it does not match the target pattern (shell wildcards, case aside), else None."""
    if pattern is None or fnmatch(cpu_name().lower(), pattern.lower()):
        return None
    return cpu_name()


def version_of(package: str) -> str | None:
    """The installed version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_environment(target: str | None = None, backend: str | None = None) -> dict[str, Any]:
    """CPU, instruction sets, cores, memory in GB (10^9 bytes), versions, threads, and the load at this moment.

    backend: what computed the embeddings that were judged, None where that is not known.
    """
    import psutil

    name, isa = _cpu()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    times = psutil.cpu_times()
    return {
        "cpu": name,
        "isa": list(isa),
        "cores": psutil.cpu_count(logical=True) or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "os": platform.platform(),
        "python": platform.python_version(),
        "onnxruntime": version_of("onnxruntime"),
        "backend": None if backend is None else {"name": backend, "version": version_of(backend)},
        "threads": {key: os.environ[key] for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if key in os.environ},
        "target": target,
        "noise": {"load_1min": load, "steal_seconds": getattr(times, "steal", None)},
    }
