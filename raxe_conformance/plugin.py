"""The pytest plugin: hooks only. What they do is in conductor.py, which is imported when a suite is used."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from raxe_conformance import options
from raxe_conformance.groups import GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from raxe_conformance.conductor import Conductor


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    for group in GROUPS:
        config.addinivalue_line("markers", f"{group}: RAXE conformance checks of this group")
    config.pluginmanager.register(Hooks(config), "raxe_hooks")


class Hooks:
    """The hooks that need the run's conductor, which is made when the first suite asks for it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._run = uuid.uuid4().hex  # xdist gives its own id to its workers alone
        self._conductor: Conductor | None = None

    @property
    def conductor(self) -> Conductor:
        """The run's conductor. Raises pytest.UsageError where an option cannot be used."""
        if self._conductor is None:
            from raxe_conformance.conductor import Conductor

            self._conductor = Conductor(self._config, self._run)
        return self._conductor

    def pytest_sessionstart(self) -> None:
        # An option that was typed is checked before anything is collected, and on xdist's controller.
        if options.typed(self._config):
            self.conductor.start()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "raxe_model_id" in metafunc.fixturenames:
            metafunc.parametrize("raxe_model_id", self.conductor.model_ids())

    def pytest_collection_modifyitems(self) -> None:
        if self._conductor is not None:
            self._conductor.start()

    @pytest.fixture
    def raxe_check(self, request: pytest.FixtureRequest, raxe_model_id: str) -> Callable[[str], None]:
        """Judge one check of the catalogue: `raxe_check("LAT-001")`. A MUST that is not PASS fails the test."""
        return self.conductor.checker(request, raxe_model_id)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report = yield
        if self._conductor is not None:
            self._conductor.attach(item, report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if getattr(report, "raxe_records", None):
            self.conductor.collect(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["raxe_run"] = self._run

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Any:
        # Around the terminal's own, which ends with the summary: then it is known what changed.
        result = yield
        if self._conductor is not None and self._conductor.fell_behind and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._conductor is not None:
            self._conductor.summarize(terminalreporter)

    def pytest_unconfigure(self) -> None:
        if self._conductor is not None:
            self._conductor.close()
