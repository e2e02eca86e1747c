"""Commands on a detector that is no registry, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meta_tests.cli.test_commands import patiently, raxe
from meta_tests.support.toy import Toy, write_benchmark

RULES = "def score(text):\n    return 1.0 if 'evil' in text else 0.0\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with rules.py."""
    (tmp_path / "rules.py").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_saved_evidence_of_a_function_is_judged_again_over_what_it_claims(toy: Toy, rules: Path) -> None:
    parts = ("-k", "f1 or loads or false_positive or files_exist")
    options = patiently(toy, rules)
    done = raxe("check", "--detector", "rules:score", "--", "-q", *parts, *options, cwd=rules)
    assert done.returncode == 3, done.stdout + done.stderr
    report = json.loads((rules / "reports" / "function.json").read_text())
    again = raxe("judge", rules / "reports" / "function.evidence.json", "--json", cwd=rules)
    found = json.loads(again.stdout)
    assert found["not_claimed"] == report["not_claimed"] != []
    assert {c["id"] for c in report["checks"]} <= {c["id"] for c in found["checks"]}
    assert not {c["id"] for c in found["checks"]} & {c["id"] for c in found["not_claimed"]}


def test_a_second_opinion_on_a_function(rules: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen (extra loadgen) is not installed")
    write_benchmark(rules / "rows.jsonl", [{"text": f"text {i}", "label": "BENIGN"} for i in range(10)])
    # A search of 90 seconds is not for a test: a detector that takes 4 ms leaves nothing to search for.
    (rules / "slow.py").write_text("import time\ndef score(text):\n    time.sleep(0.004)\n    return 0.0\n")
    done = raxe(
        "benchmark", "--detector", "slow:score", "--protocol", "loadgen", "--iterations", "20",
        "--test-data", "rows.jsonl", "--output", "out.json", cwd=rules,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((rules / "out.json").read_text())
    assert (found["model_id"], found["calls"]) == ("function", {"ours": 20, "loadgen": 20})
    assert found["percentiles_ms"]["p95"]["loadgen"] >= 4.0
    assert found["server"]["largest_rate"] is None
    assert "no rate keeps P95 below 3 ms" in done.stdout


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["benchmark"], "ERROR: no variant is named; name it with --model-id ID"),
        (["benchmark", "--detector", "rules:score"], "ERROR: --detector goes with --protocol loadgen"),
        (
            ["benchmark", "--detector", "rules:score", "--model-id", "x", "--protocol", "loadgen"],
            "ERROR: --detector goes with --protocol loadgen, and in place of --model-id",
        ),
        (["benchmark", "--protocol", "loadgen"], "ERROR: no variant is named"),
        (["benchmark", "--detector", "rules:x", "--protocol", "loadgen"], "the module rules has no x"),
        (["check", "--detector", "rules"], "ERROR: --raxe-detector rules: is no MODULE:FUNCTION"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(args: list[str], error: str, rules: Path) -> None:
    result = raxe(*args, cwd=rules)
    assert result.returncode == 2
    assert error in result.stderr
    assert "Traceback" not in result.stderr
