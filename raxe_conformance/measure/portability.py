"""The same decisions on an older CPU: a fresh process scores texts on CPUs that QEMU emulates.

ONNX Runtime has other kernels for each generation of instructions, and they round and saturate differently. Nehalem
has SSE4.2 and no AVX: the oldest kernels that still run. Haswell has AVX2 without VNNI: most machines before 2019. What
QEMU itself emulates ends with AVX2, so its `max` model takes the same kernels as Haswell; what is newer is measured
where it is: this machine's own answers are those that the others are set beside.

A library that needs instructions which an old CPU lacks ends the process. That is told by name and decides nothing: no
requirement promises Nehalem, but whoever runs such a machine wants to know.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.environment import cpu_name
from raxe_conformance.measure.evidence_invariance import OtherCpu, Portability
from raxe_conformance.measure.invariance import in_another_process
from raxe_conformance.measure.sampling import SEED, Sample

CPUS: Final = ("Nehalem", "Haswell")
ROWS: Final = 60
MOST_WORDS: Final = 40  # an emulated CPU takes about 50 ms a token
EMULATOR: Final = "qemu-x86_64"
# Libraries that are told which kernels to take would not ask the emulated CPU.
_FORCED: Final = ("OPENBLAS_CORETYPE", "NVPL_BLAS_DEBUG_CPU_TYPE", "ATEN_CPU_CAPABILITY", "NPY_ENABLE_CPU_FEATURES")
_MACHINES: Final = ("x86_64", "amd64")


def find_emulator() -> str:
    """The emulator's path. Raises MeasurementError where there is none, or this is no x86-64 machine."""
    if platform.machine().lower() not in _MACHINES:
        raise MeasurementError(
            f"older x86-64 CPUs are emulated on x86-64 only, and this is {platform.machine() or 'unknown'}",
            remedy="run it on an x86-64 machine",
        )
    path = shutil.which(EMULATOR)
    if path is None:
        raise MeasurementError(f"{EMULATOR} is not installed", remedy="install it: apt-get install qemu-user")
    return path


def measure_portability(
    sample: Sample,
    target: Mapping[str, Any],
    child: Child,
    emulator: str,
    progress: Callable[[str], None],
    *,
    host: str | None = None,
) -> Portability:
    """Score the sample's texts on each of CPUS. progress is told a line for each, "" at the end."""
    cpus = []
    try:
        for cpu in CPUS:
            progress(f"portability: {len(sample.texts)} texts on an emulated {cpu}, a minute or two")
            cpus.append(_emulated(cpu, sample, target, child, emulator))
    finally:
        progress("")
    return Portability(seed=SEED, host=host or cpu_name(), emulator=emulator, cpus=cpus)


def _emulated(cpu: str, sample: Sample, target: Mapping[str, Any], child: Child, emulator: str) -> OtherCpu:
    forced = [part for name in _FORCED if name in os.environ for part in ("-U", name)]
    run = partial(child, target, launcher=(emulator, *forced, "-cpu", cpu))
    try:
        return OtherCpu(cpu, in_another_process(cpu, f"on {cpu}", sample, run), None)
    except MeasurementError as error:
        return OtherCpu(cpu, None, str(error.args[0]))
