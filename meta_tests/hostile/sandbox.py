"""Runs a variant in a process of its own, short of memory and time: one process that is ready forks once a case.

Started as `python -m meta_tests.hostile.sandbox`; reads one JSON line a case and writes one JSON line back.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

ADDRESS_SPACE = 1_500_000_000
SECONDS = 60  # of the clock, on a machine that others use too
PROCESSOR_SECONDS = 10
_MEBIBYTE = 1 << 20
PROBES = ("please weather evilpi report", "coffee table", "evilcmd")


class Sandbox:
    """The ready process, from the outside."""

    def __init__(self, root: Path) -> None:
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "RAXE_CANARY": str(root / "canary")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meta_tests.hostile.sandbox"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def run(self, **job: Any) -> dict[str, Any]:
        """What became of a variant: job has models, model_id, good_id, and optionally case and no_override."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


def main() -> None:
    """Serve cases until standard input ends."""
    _preload()
    for line in sys.stdin.buffer:
        result = _fork(json.loads(line))
        sys.stdout.buffer.write(json.dumps(result).encode() + b"\n")
        sys.stdout.buffer.flush()


def _preload() -> None:
    """What a program that uses the registry has imported already; it counts towards the address space."""
    import jsonschema  # noqa: F401
    import onnxruntime
    import onnxruntime.capi.onnxruntime_pybind11_state  # noqa: F401
    import pandas  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import tokenizers  # noqa: F401

    import raxe_conformance.measure.facts
    import raxe_conformance.model_registry  # noqa: F401
    from meta_tests.hostile import catalogue  # noqa: F401


def _fork(job: dict[str, Any]) -> dict[str, Any]:
    readable, writable = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(readable)
        status = 1
        try:
            try:
                result = _in_child(job)
            except BaseException as error:  # noqa: BLE001  a crash is what is looked for
                result = {"crash": "".join(traceback.format_exception(error))[-1500:]}
            with os.fdopen(writable, "wb") as handle:
                handle.write(json.dumps(result).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writable)
    data = b""
    while (left := started + SECONDS - time.monotonic()) > 0:
        if select.select([readable], [], [], left)[0]:
            piece = os.read(readable, 1 << 16)
            if not piece:
                break
            data += piece
    else:
        os.kill(child, signal.SIGKILL)
    os.close(readable)
    _, status, usage = os.wait4(child, 0)
    result = json.loads(data) if data and status == 0 else {}
    end = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
    return {
        **result, "ended": end, "seconds": time.monotonic() - started, "resident_mb": usage.ru_maxrss * 1024 / 1e6,
    }  # fmt: skip


def _in_child(job: dict[str, Any]) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job.get("no_override") and os.geteuid() == 0:
        _obey_permissions()
    from raxe_conformance.model_registry import ModelRegistry

    opened: dict[str, int] = {}
    result: dict[str, Any] = {"opened": opened}
    models = Path(job["models"])
    registry = ModelRegistry(models)
    if job.get("case"):
        from meta_tests.hostile.catalogue import CASES
        from meta_tests.support.toy import Toy

        meanwhile = CASES[job["case"]].meanwhile
        if meanwhile is not None:
            meanwhile(Toy(models, models.parent / "benchmark.jsonl"))
    _count_opens(models, opened)
    result["bad"] = _use(registry, job["model_id"])
    result["opened"] = dict(opened)
    result["good"] = _use(registry, job["good_id"])
    result["warnings"] = list(registry.warnings)
    result["checked"] = _check(registry, job["model_id"], result["bad"])
    return result


def _obey_permissions() -> None:
    """Give up root's right to read whatever it likes (CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for index in range(3):  # effective, permitted, inheritable
        sets[index] &= ~(1 << 1 | 1 << 2)
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _count_opens(models: Path, opened: dict[str, int]) -> None:
    """Count how often each file is opened from here on: what is read twice may differ the second time."""
    prefix = f"{models.resolve()}{os.sep}"

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if isinstance(path, str) and path.startswith(prefix):
                name = path.removeprefix(prefix)
                opened[name] = opened.get(name, 0) + 1

    sys.addaudithook(hook)


def _use(registry: Any, model_id: str) -> dict[str, Any]:
    """Load a variant and have it answer. Whatever it raises is told."""
    stage = "load"
    try:
        detector = registry.create_detector(model_id)
        stage = "analyze"
        scores = [detector.analyze(text).metadata["score"] for text in PROBES]
    except Exception as error:  # noqa: BLE001  told, whatever it is
        return {"stage": stage, **_told(error)}
    return {"stage": "works", "scores": scores, "status": registry.get_model(model_id).status}


def _told(error: Exception) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error),
        "file": getattr(error, "file", None),
        "field": getattr(error, "field", None),
        "remedy": getattr(error, "remedy", None),
    }


def _check(registry: Any, model_id: str, bad: dict[str, Any]) -> str:
    """The other ways in: what the suites read of a variant, and its validation. Faults are told, and none is raised."""
    from raxe_conformance.measure.facts import gather_facts
    from raxe_conformance.registry.discover import discover

    try:
        variants = {variant.model_id: variant for variant in discover(registry.models_dir).variants}
        if model_id not in variants:
            return "ok"
        gather_facts(variants[model_id])
        registry.get_best_model()
        registry.compare_models()
        fine, errors = registry.validate_model(model_id, "functional" if bad["stage"] == "load" else "basic")
        if bad["stage"] == "load" and fine:
            return "validated, though it cannot be loaded"
        if not all(error.isprintable() for error in errors):
            return f"more than one line: {errors}"
    except Exception as error:  # noqa: BLE001  told, whatever it is
        return f"{''.join(traceback.format_exception(error))[-1500:]}"
    return "ok"


if __name__ == "__main__":
    main()
