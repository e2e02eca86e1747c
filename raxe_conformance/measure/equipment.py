"""What is installed beside this package, and what the rest would be for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import Final

from raxe_conformance.corpus.index import CorpusMissingError, find_data_dir
from raxe_conformance.measure.environment import version_of

DISTRIBUTION: Final = "raxe-conformance"
EXTRAS: Final = {
    "build": "make variants: export, quantize, fit heads",
    "train": "fine-tune encoders",
    "corpora": "fetch the training corpora",
    "openvino": "compute by OpenVINO as well",
    "loadgen": "latency by MLCommons' LoadGen as well",
    "serve": "variants behind HTTP",
    "deploy": "targets anywhere, signatures",
}
# For those who change this package itself.
DEVELOPERS_EXTRAS: Final = ("dev", "oracle", "browser", "fuzz", "mutation", "docs")
# any of these programs → (what for, Debian's package)
PROGRAMS: Final = {
    ("qemu-x86_64",): ("decisions on older processors", "qemu-user"),
    ("prometheus",): ("counts that `watch` reads", "prometheus"),
    ("chromium", "chromium-browser", "google-chrome"): ("tests that look at pages", "chromium"),
}


@dataclass(frozen=True)
class Part:
    """Something that may be there: what it is for, and what to do to have it. missing: what of it is not there."""

    name: str
    purpose: str
    missing: tuple[str, ...]
    remedy: str


def missing_requirements(
    extra: str | None, declared: Iterable[str], version: Callable[[str], str | None]
) -> tuple[str, ...]:
    """Which requirements of a distribution, or of one of its extras, are not met: a name each, with what there is.

    declared: requirements as in the distribution's metadata. version: the installed version of a package, or None. A
    requirement on the distribution's own extras stands for theirs.
    """
    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in declared]
    missing: list[str] = []
    for requirement in requirements:
        marker, environment = requirement.marker, {"extra": extra or ""}
        if extra is not None and (marker is None or marker.evaluate({"extra": ""})):
            continue  # the distribution's own
        if marker is not None and not marker.evaluate(environment):
            continue
        if requirement.name == DISTRIBUTION:
            others = sorted(requirement.extras)
            missing += [name for other in others for name in missing_requirements(other, declared, version)]
            continue
        there = version(requirement.name)
        if there is None:
            missing.append(requirement.name)
        elif not requirement.specifier.contains(there, prereleases=True):
            missing.append(f"{requirement.name} {there} ({requirement.specifier})")
    return tuple(missing)


def essentials() -> tuple[str, ...]:
    """What this package cannot do without and is not there."""
    return missing_requirements(None, _declared(), version_of)


def parts() -> list[Part]:
    """What can be done without: extras, programs, the corpora."""
    declared = _declared()

    def of_extra(names: Iterable[str], purpose: str) -> Part:
        joined = ",".join(names)
        missing = [name for extra in names for name in missing_requirements(extra, declared, version_of)]
        return Part(joined, purpose, tuple(dict.fromkeys(missing)), f"pip install '{DISTRIBUTION}[{joined}]'")

    found = [of_extra((name,), purpose) for name, purpose in EXTRAS.items()]
    for names, (purpose, package) in PROGRAMS.items():
        there = any(shutil.which(name) for name in names)
        found.append(Part(names[0], purpose, () if there else (names[0],), f"apt-get install {package}"))
    try:
        found.append(Part("corpora mirror", f"training: {find_data_dir()}", (), ""))
    except CorpusMissingError as error:
        found.append(Part("corpora mirror", "training", ("index.jsonl",), error.remedy or ""))
    return [*found, of_extra(DEVELOPERS_EXTRAS, "this package's own tests")]


def _declared() -> list[str]:
    try:
        return requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a checkout that is only on the path
        return []
