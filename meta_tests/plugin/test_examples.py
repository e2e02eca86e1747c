"""docs/detectors.md: its code is the code that is tried here, by the commands that it gives."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from meta_tests.plugin.examples.service import Handler
from meta_tests.support.toy import Toy, write_patient_profile

EXAMPLES = Path(__file__).parent / "examples"
PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"


def shown() -> dict[str, str]:
    """The page's Python code by file name, which each block begins with."""
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(blocks)


def commands() -> list[str]:
    """The page's command lines that judge."""
    return re.findall(r"^raxe-conformance (check .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def judged(folder: Path, toy: Toy, detector: str, *args: str, **environ: str) -> dict[str, Any]:
    """The report on an example, judged from the folder in which it stands."""
    shutil.copy(EXAMPLES / f"{detector.partition(':')[0]}.py", folder)
    patient = write_patient_profile(folder / "patient.toml")
    done = subprocess.run(
        [
            sys.executable, "-m", "raxe_conformance", "check", "--detector", detector, "--", "-q",
            f"--raxe-benchmark={toy.benchmark}", f"--raxe-profile={patient}", "--raxe-latency-budget=0", *args,
        ],
        cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads((folder / "reports" / "function.json").read_text(encoding="utf-8"))
    return found


def test_the_page_shows_the_code_that_is_tried() -> None:
    files = {
        path.name: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py") if path.name != "__init__.py"
    }
    assert shown() == files


def test_the_page_names_functions_that_exist() -> None:
    detectors = re.findall(r"--detector (\w+):score", " ".join(commands()))
    assert detectors == ["rules", "service", "raxe_scanner"]
    assert {f"{name}.py" for name in detectors} < set(shown())


def test_a_rule_engine(tmp_path: Path, toy: Toy) -> None:
    found = judged(tmp_path, toy, "rules:score", "-m", "accuracy or fpr")
    by_id = {check["id"]: check for check in found["checks"]}
    assert found["model"]["function"] == "rules:score"
    assert by_id["FPR-001"]["evidence"]["value"] == 0.0
    assert by_id["ACC-001"]["verdict"] == "FAIL"  # the toy's attacks are made-up words, which no rule knows


def test_a_pipeline(tmp_path: Path, toy: Toy) -> None:
    pytest.importorskip("sklearn")
    found = judged(tmp_path, toy, "pipeline:score", "-k", "every_text_is_answered or loads")
    assert {check["id"]: check["verdict"] for check in found["checks"]} == {"INT-007": "PASS", "ROB-001": "PASS"}


def test_the_scanner_of_the_raxe_package(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("raxe", reason="the package raxe is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))  # it keeps a folder there
    rows = toy.benchmark.read_text(encoding="utf-8").splitlines(keepends=True)
    toy.benchmark.write_text("".join(rows[:50] + rows[-50:]), encoding="utf-8")  # it takes 20 ms for each
    found = judged(tmp_path, toy, "raxe_scanner:score", "-k", "every_text_is_answered or binary_f1")
    by_id = {check["id"]: check["verdict"] for check in found["checks"]}
    assert by_id == {"ROB-001": "PASS", "ACC-001": "FAIL"}  # no rule knows the toy's made-up words


@pytest.fixture
def port() -> Iterator[int]:
    """Where the example service listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_service_shows_its_network_time_apart(tmp_path: Path, toy: Toy, port: int) -> None:
    found = judged(tmp_path, toy, "service:score", "-m", "latency", DETECTOR_PORT=str(port))
    by_id = {check["id"]: check for check in found["checks"]}
    assert by_id["LAT-001"]["verdict"] == "PASS"  # by limits of a minute
    assert re.search(r"by stage: service [\d.e-]+, network [\d.e-]+, the rest [\d.e-]+ ms", by_id["LAT-003"]["message"])


def test_a_service_that_is_not_there_is_evidence(tmp_path: Path, toy: Toy) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it, and nobody answers
        found = judged(tmp_path, toy, "service:score", "-k", "loads", DETECTOR_PORT=str(free.getsockname()[1]))
    loads = next(check for check in found["checks"] if check["id"] == "INT-007")
    assert loads["verdict"] == "FAIL"
    assert "ConnectionRefusedError" in loads["message"]
