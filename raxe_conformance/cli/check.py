"""`raxe-conformance check`: the packaged suites, from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from raxe_conformance.packaged import packaged

HOLDS, FAILED, BAD_INPUT, CANNOT_TELL = 0, 1, 2, 3


class _Watch:
    """Learns, at the end of a pytest run, what the verdicts on the variants were, and against their baselines."""

    def __init__(self) -> None:
        self.outcomes: set[str] = set()

    def pytest_sessionfinish(self, session: Any) -> None:
        self._hooks = session.config.pluginmanager.get_plugin("raxe_hooks")

    def pytest_unconfigure(self) -> None:
        conductor = getattr(getattr(self, "_hooks", None), "_conductor", None)
        if conductor is not None:
            self.outcomes = {*conductor.outcomes.values(), *conductor.against_baseline.values()}


def exit_code(outcomes: set[str]) -> int:
    """The exit code for the verdicts on one or more variants; none at all is bad input."""
    if "FAIL" in outcomes:
        return FAILED
    if "INCONCLUSIVE" in outcomes:
        return CANNOT_TELL
    return HOLDS if outcomes else BAD_INPUT


@click.command("check")
@click.argument("models_dir", default="models", type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, metavar="ID", help="only this variant (repeatable; * and ? match)")
@click.option("--detector", metavar="MODULE:FUNCTION", help="judge a callable text → score in 0..1, not MODELS_DIR")
@click.option("--registry", metavar="MODULE:FACTORY", help="judge another registry, and MODELS_DIR through it")
@click.option("--backend", metavar="NAME", help="what computes: onnxruntime or openvino, not what the metadata names")
@click.option("--report-dir", default="reports", type=click.Path(path_type=Path), help="where reports are written")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def command(
    models_dir: Path,
    models: tuple[str, ...],
    detector: str | None,
    registry: str | None,
    backend: str | None,
    report_dir: Path,
    pytest_args: tuple[str, ...],
) -> int:
    """Run the suites on MODELS_DIR, on another registry, or on a detector that is none. After --: pytest's arguments.

    Exit 0: all MUSTs hold. 1: a MUST failed. 3: none failed, but some are inconclusive. 2: bad usage or input.
    """
    import pytest

    if str(models_dir).startswith("-"):  # click takes the first word after -- for MODELS_DIR where there is none
        models_dir, pytest_args = Path("models"), (str(models_dir), *pytest_args)
    watch = _Watch()
    code = pytest.main(
        [
            str(packaged("suites")),
            f"--raxe-models={models_dir.absolute()}",
            f"--raxe-report-dir={report_dir.absolute()}",
            *(f"--raxe-model={name}" for name in models),
            *([f"--raxe-detector={detector}"] if detector else []),
            *([f"--raxe-registry={registry}"] if registry else []),
            *([f"--raxe-backend={backend}"] if backend else []),
            # The suites are judged by their own settings, whatever ini file stands where the user is.
            f"--rootdir={Path.cwd()}",
            "-c",
            str(packaged("suites") / "pytest.ini"),
            "-p",
            "no:cacheprovider",
            *pytest_args,
        ],
        plugins=[watch],
    )
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return BAD_INPUT
    return exit_code(watch.outcomes)
