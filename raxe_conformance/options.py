"""The plugin's options: flags and ini keys, declared once, validated together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raxe_conformance.errors import UsageError
from raxe_conformance.packaged import shipped_benchmark

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class _Option:
    flag: str
    metavar: str
    help: str
    default: str | None = None
    many: bool = False
    switch: bool = False

    @property
    def dest(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")


_OPTIONS = (
    _Option("--raxe-models", "DIR", "the models folder to judge (default: models)", "models"),
    _Option("--raxe-model", "ID-OR-GLOB", "judge only these variants (repeatable; default: all)", many=True),
    _Option("--raxe-benchmark", "FILE", "benchmark rows as JSON lines (default: the shipped benchmark)"),
    _Option("--raxe-profile", "NAME-OR-FILE", "limits and levels (default: raxe-1.0)", "raxe-1.0"),
    _Option("--raxe-target-cpu", "PATTERN", "the CPU whose latency counts, with * and ? (default: this machine's)"),
    _Option("--raxe-detector", "MODULE:FUNCTION", "judge any callable text → score in 0..1, as the variant `function`"),
    _Option("--raxe-registry", "MODULE:FACTORY", "judge another registry, factory(models_dir), and its variants"),
    _Option("--raxe-backend", "NAME", "what computes: onnxruntime or openvino (default: what the metadata names)"),
    _Option(
        "--raxe-thorough",
        "",
        "also measure what takes minutes: memory over 100,000 analyses in one process, and decisions on older CPUs "
        "that qemu emulates (default: those checks are INCONCLUSIVE)",
        switch=True,
    ),
    _Option(
        "--raxe-latency-budget",
        "SECONDS",
        "how long latency is sampled at most while a gate is undecided; all texts "
        "are timed once in any case (default: 60)",
        "60",
    ),
    _Option("--raxe-report-dir", "DIR", "where reports are written (default: reports)", "reports"),
    _Option(
        "--raxe-baseline",
        "FILE-OR-DIR",
        "the report of an earlier run, or a folder of them: a MUST that regressed against it fails the run",
    ),
)


@dataclass(frozen=True)
class Options:
    """What a run was asked for. Relative paths count from the folder of the ini file (pytest's rootdir).

    thorough: whether what takes minutes is measured. detector: the function to judge in place of the variants of
    `models`; its module is looked for in `home`, too. registry: the same of the factory of a foreign registry.
    baseline: the report, or a folder of reports, of earlier runs. backend: what computes, None for what the metadata of
    each variant names.
    """

    models: Path
    model: tuple[str, ...]
    benchmark: Path
    profile: str
    target_cpu: str | None
    report_dir: Path
    thorough: bool = False
    detector: str | None = None
    registry: str | None = None
    home: Path = Path()
    latency_budget: str = "60"
    baseline: Path | None = None
    backend: str | None = None

    def latency_budget_s(self) -> float:
        """The latency budget in seconds. Raises UsageError for what is no number of seconds."""
        try:
            seconds = float(self.latency_budget)
        except ValueError:
            seconds = math.nan
        if not 0.0 <= seconds < math.inf:
            raise UsageError(
                f"--raxe-latency-budget is {self.latency_budget!r}, but should be a number of seconds",
                remedy="0 times all texts once",
            )
        return seconds


def add_options(parser: pytest.Parser) -> None:
    """Register every option as a flag and as an ini key raxe_… ."""
    group = parser.getgroup("raxe", "RAXE conformance")
    for option in _OPTIONS:
        if option.switch:
            group.addoption(option.flag, action="store_true", default=None, help=option.help)
            parser.addini(option.dest, option.help, type="bool", default=None)
            continue
        group.addoption(
            option.flag,
            action="append" if option.many else "store",
            metavar=option.metavar,
            default=None,
            help=option.help,
        )
        if option.many:
            parser.addini(option.dest, option.help, type="linelist", default=None)
        else:
            parser.addini(option.dest, option.help, type="string", default=None)


def resolve(config: pytest.Config) -> Options:
    """The options of a run: flag, else ini key, else default."""
    values = {option.dest: _value(config, option) for option in _OPTIONS}

    def path(dest: str) -> Path:
        return Path(config.rootpath, values[dest])

    benchmark = values["raxe_benchmark"]
    return Options(
        models=path("raxe_models"),
        model=tuple(values["raxe_model"] or ()),
        benchmark=shipped_benchmark() if benchmark is None else path("raxe_benchmark"),
        profile=values["raxe_profile"],
        target_cpu=values["raxe_target_cpu"],
        report_dir=path("raxe_report_dir"),
        thorough=bool(values["raxe_thorough"]),
        detector=values["raxe_detector"],
        registry=values["raxe_registry"],
        home=config.invocation_params.dir
        if config.getoption("raxe_detector") or config.getoption("raxe_registry")
        else config.rootpath,
        latency_budget=values["raxe_latency_budget"],
        baseline=None if values["raxe_baseline"] is None else path("raxe_baseline"),
        backend=values["raxe_backend"],
    )


def typed(config: pytest.Config) -> bool:
    """Whether any of the options stands on the command line."""
    return any(config.getoption(option.dest) for option in _OPTIONS)


def _value(config: pytest.Config, option: _Option) -> Any:
    given = config.getoption(option.dest)
    if given:
        # What a user types counts from where the user stands, as everywhere on a command line.
        is_path = option.metavar in ("DIR", "FILE", "FILE-OR-DIR")
        return str(config.invocation_params.dir / given) if is_path else given
    return config.getini(option.dest) or option.default
