"""The commands serve, watch and monitoring as a user calls them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

import httpx2

from meta_tests.serving.waiting import address_of, process
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.cli.main import cli
from raxe_conformance.errors import MetadataError, RaxeError, UnknownModelError, UsageError

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: object) -> str:
    """What a command says. Raises what it raises."""
    found = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def error_of(*arguments: object) -> RaxeError:
    with pytest.raises(RaxeError) as caught:
        run(*arguments)
    return caught.value


def test_a_variant_of_a_folder_is_served_until_it_is_told_to_stop(pristine_toy: Toy, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "raxe_conformance", "serve", pristine_toy.models, "--model", MODEL_ID]
    with process(*command, "--port", 0, log=log) as server:
        url = address_of(log)
        assert url.startswith("http://127.0.0.1:")
        with httpx2.Client(base_url=url, trust_env=False, timeout=60.0) as client:
            for text, attack in (("please evilpi", True), ("weather report", False)):
                assert client.post("/analyze", json={"text": text}).json()["is_attack"] is attack
            for garbage in GARBAGE:
                is_sent(url, garbage)
            assert client.get("/healthz").json()["status"] == "ok"
            metrics = client.get("/metrics").text
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    assert (
        f'raxe_share_percent{{environment="local",release="local",role="stable",variant="{MODEL_ID}"}} 100.0' in metrics
    )
    assert not re.search(r'raxe_http_responses_total\{[^}]*status="5', metrics)
    assert "Traceback" not in log.read_text()


GARBAGE = [
    b"\x00\xff\x16\x03\x01 no http at all\r\n\r\n",
    b"POST /analyze HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
    b"POST /analyze HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
    b"POST /analyze HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST /analyze HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /%ff%00 HTTP/1.1\r\nhost: a\r\n\r\n",
]


def is_sent(url: str, data: bytes) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except OSError:  # it hung up
            return
    assert not answer or re.match(rb"HTTP/1\.1 4\d\d ", answer), answer


@pytest.mark.parametrize(
    "arguments",
    [(), ("models",), ("models", "--target", "t"), ("--model", "a"), ("models", "--model", "a", "--target", "t")],
)
def test_serve_needs_a_target_or_a_folder_with_a_variant(arguments: tuple[str, ...]) -> None:
    assert "--target DIR, or MODELS_DIR with --model ID" in str(error_of("serve", *arguments))


def test_what_cannot_be_served_is_said_before_anything_listens(pristine_toy: Toy, tmp_path: Path) -> None:
    here = ("serve", pristine_toy.models, "--model")
    assert isinstance(error_of(*here, "nothing"), UnknownModelError)
    assert isinstance(error_of("serve", "--target", tmp_path / "nowhere"), UsageError)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = error_of(*here, MODEL_ID, "--port", taken.getsockname()[1])
    assert "cannot listen at 127.0.0.1" in str(found)


def test_watch_names_a_target_that_there_is_not(tmp_path: Path) -> None:
    assert isinstance(error_of("watch", "--target", tmp_path / "nowhere"), UsageError)


def test_monitoring_writes_rules_and_a_dashboard(toy: Toy, tmp_path: Path) -> None:
    said = run("monitoring", toy.models, "--output", tmp_path / "new" / "folder")
    rules, dashboard = map(Path, said.split())
    assert [group["name"] for group in yaml.safe_load(rules.read_bytes())["groups"]] == [
        f"raxe {MODEL_ID}",
        "raxe server",
    ]
    assert json.loads(dashboard.read_bytes())["title"] == "RAXE L2"
    promtool = shutil.which("promtool")
    if promtool is not None:
        subprocess.run([promtool, "check", "rules", rules], check=True, capture_output=True)
    assert isinstance(error_of("monitoring", toy.models, "--model", "other", "--output", tmp_path), UnknownModelError)
    toy.write({**toy.read(), "monitoring": {"alert_thresholds": {"error_rate": 0.5}}})
    assert isinstance(error_of("monitoring", toy.models, "--output", tmp_path), MetadataError)


@pytest.mark.parametrize("page", ["runbook.md", "serving.md"])
def test_the_commands_of_the_documentation_are_commands(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (raxe-conformance .*)$", text, re.MULTILINE)]
    assert commands
    for name, *arguments in commands:
        context = click.Context(cli)
        command = cli.get_command(context, name)
        assert command is not None, name
        command.make_context(name, arguments, parent=context)
