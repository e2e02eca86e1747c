"""Alert rules: from which limits they come, that Prometheus takes them, and on which side of a limit they fire."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_tests.support.toy import Toy
from raxe_conformance.errors import MetadataError
from raxe_conformance.model_registry import ModelRegistry
from raxe_conformance.registry.metadata import Metadata
from raxe_conformance.serving.alerts import LEAST_JUDGED, LEAST_REQUESTS, alert_rules, rule_file
from raxe_conformance.serving.dashboard import dashboard
from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY, MEMORY, AlertLimits, alert_limits

ROOT = Path(__file__).parent.parent.parent
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
SPECIFIED = AlertLimits({LATENCY: 5.0, FPR: 0.02, ERRORS: 0.05}, {LATENCY: 3.5, FPR: 0.015, FNR: 0.04})


def metadata_of(toy: Toy, thresholds: dict[str, float] | None) -> Metadata:
    value = toy.read()
    if thresholds is not None:
        value["monitoring"] = {"alert_thresholds": thresholds}
    toy.write(value)
    return ModelRegistry(toy.models).list_models()[0].metadata


def test_without_thresholds_the_limits_are_the_specification_s(toy: Toy) -> None:
    assert alert_limits(metadata_of(toy, None), "m.json") == SPECIFIED


def test_declared_thresholds_are_the_warnings_and_the_error_rate_is_critical(toy: Toy) -> None:
    found = alert_limits(metadata_of(toy, {LATENCY: 2.5, FPR: 0.01, FNR: 0.1, ERRORS: 0.02, MEMORY: 300.0}), "m.json")
    assert found == AlertLimits(
        {LATENCY: 5.0, FPR: 0.02, ERRORS: 0.02}, {LATENCY: 2.5, FPR: 0.01, FNR: 0.1, MEMORY: 300.0}
    )


@pytest.mark.parametrize(("name", "most"), [(LATENCY, 5.0), (FPR, 0.02), (ERRORS, 0.05)])
def test_a_threshold_above_the_critical_limit_is_refused(toy: Toy, name: str, most: float) -> None:
    assert alert_limits(metadata_of(toy, {name: most}), "m.json")
    with pytest.raises(MetadataError, match=rf"m\.json: monitoring\.alert_thresholds\.{name}: .* at most {most:g}"):
        alert_limits(metadata_of(toy, {name: most * 1.01}), "m.json")


# alert → input series above its limit, input series below it (values by the minute), as promtool writes them
LABELS = 'environment="production",variant="v",release="r",role="stable",job="raxe",instance="a"'
JUDGED = LABELS.replace(',role="stable"', "")


def latency(between_ms: tuple[str, str], per_minute: int = 100) -> dict[str, str]:
    """All requests lie in the bucket between two bounds (seconds)."""
    low, high = between_ms
    found = {
        f'raxe_analyze_seconds_bucket{{{LABELS},le="{le}"}}': f"0+{n}x40"
        for le, n in ((low, 0), (high, per_minute), ("+Inf", per_minute))
    }
    return {**found, f"raxe_analyze_seconds_count{{{LABELS}}}": f"0+{per_minute}x40"}


def attempts(errors: int, ok: int) -> dict[str, str]:
    return {
        f'raxe_attempts_total{{{LABELS},outcome="{outcome}"}}': f"0+{n}x40"
        for outcome, n in (("ok", ok), ("error", errors), ("slow", 0))
    }


def judged(**counts: int) -> dict[str, str]:
    return {f'raxe_feedback_total{{{JUDGED},outcome="{name}"}}': f"0+{n}x40" for name, n in counts.items()}


def memory(megabytes: int) -> dict[str, str]:
    process = 'process_resident_memory_bytes{job="raxe",instance="a"}'
    return {process: f"{megabytes}000000x40", f"raxe_share_percent{{{LABELS}}}": "0x40"}


STATE = {'raxe_state_sequence{environment="production",job="raxe",instance="a"}': "1x40"}
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    # Quantiles are interpolated: P95 of requests that all lie in 4.5..5 ms is 4.975 ms.
    "RaxeLatencyCritical": (latency(("0.005", "0.006")), latency(("0.0045", "0.005"))),
    "RaxeLatencyWarning": (latency(("0.0035", "0.004")), latency(("0.003", "0.0035"))),
    "RaxeErrorsCritical": (attempts(6, 94), attempts(5, 95)),
    "RaxeFalsePositivesCritical": (judged(fp=21, tn=979), judged(fp=19, tn=981)),
    "RaxeFalsePositivesWarning": (judged(fp=16, tn=984), judged(fp=14, tn=986)),
    "RaxeFalseNegativesWarning": (judged(fn=41, tp=959), judged(fn=39, tp=961)),
    "RaxeMemoryWarning": (memory(301), memory(299)),
    "RaxeBreakerOpen": (
        {f"raxe_breaker_open{{{JUDGED}}}": "1x40"},
        {f"raxe_breaker_open{{{JUDGED}}}": "0x40"},
    ),
    "RaxeReloadFailed": (
        {'raxe_reloads_total{environment="production",outcome="failed",instance="a"}': "0x25 1x15"},
        {'raxe_reloads_total{environment="production",outcome="failed",instance="a"}': "0x40"},
    ),
    "RaxeServerAbsent": ({"unrelated": "0x40"}, STATE),
}
RULES = {"v": AlertLimits(SPECIFIED.critical, {**SPECIFIED.warning, MEMORY: 300.0})}


def rules() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in alert_rules(RULES)["groups"] for rule in group["rules"]}


def promtool(*arguments: object) -> None:
    assert PROMTOOL is not None
    found = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_has_a_case_and_its_part_of_the_runbook() -> None:
    assert set(rules()) == set(CASES)
    headings = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert headings == set(CASES)
    for title, rule in rules().items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{title.lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def written(folder: Path) -> Path:
    path = folder / "rules.yml"
    path.write_bytes(rule_file(RULES))
    return path


@needs_promtool
def test_prometheus_takes_the_rules_of_our_own_variants_and_of_one_with_a_strange_name(tmp_path: Path) -> None:
    variants = {v.model_id: alert_limits(v.metadata, v.model_id) for v in ModelRegistry(ROOT / "models").list_models()}
    path = tmp_path / "rules.yml"
    path.write_bytes(rule_file({**variants, 'v"\\ä{}': SPECIFIED}))
    promtool("check", "rules", path)


def firing(title: str, at: str, fires: bool) -> dict[str, Any]:
    rule = rules()[title]
    place = {"RaxeServerAbsent": {}, "RaxeReloadFailed": {"environment": "production"}}.get(
        title, {"environment": "production", "variant": "v"}
    )
    if title == "RaxeMemoryWarning":
        place = {**place, "job": "raxe", "instance": "a"}
    labels = {"alertname": title, "alertstate": "firing", **place, "severity": rule["labels"]["severity"]}
    series = "ALERTS{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
    return {
        "expr": f'ALERTS{{alertname="{title}",alertstate="firing"}}',
        "eval_time": at,
        "exp_samples": [{"labels": series, "value": 1}] if fires else [],
    }


def case(series: dict[str, str], *expected: dict[str, Any]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": list(expected),
    }


def check(folder: Path, *cases: dict[str, Any]) -> None:
    written(folder)
    tests = folder / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": list(cases)}))
    promtool("test", "rules", tests)


@needs_promtool
@pytest.mark.parametrize("title", CASES)
def test_an_alert_fires_above_its_limit_and_not_below(title: str, tmp_path: Path) -> None:
    above, below = CASES[title]
    check(tmp_path, case(above, firing(title, "30m", True)), case(below, firing(title, "30m", False)))


@needs_promtool
def test_an_alert_on_speed_waits_five_minutes_and_one_on_too_few_requests_never_fires(tmp_path: Path) -> None:
    slow = ("0.025", "0.05")
    few = (LEAST_REQUESTS - 5) // 5  # a minute; the alert looks back five
    check(
        tmp_path,
        case(latency(slow), firing("RaxeLatencyCritical", "4m", False), firing("RaxeLatencyCritical", "8m", True)),
        case(latency(slow, per_minute=few), firing("RaxeLatencyCritical", "30m", False)),
        case(attempts(few, 0), firing("RaxeErrorsCritical", "30m", False)),
    )


@needs_promtool
def test_too_few_judgements_raise_no_alert(tmp_path: Path) -> None:
    few = {name: values.replace("x40", "x10") for name, values in judged(fp=5, tn=4).items()}  # 90 in all
    enough = {name: values.replace("x40", "x12") for name, values in judged(fp=5, tn=4).items()}
    title = "RaxeFalsePositivesCritical"
    assert 9 * 10 < LEAST_JUDGED < 9 * 12
    check(tmp_path, case(few, firing(title, "15m", False)), case(enough, firing(title, "15m", True)))


@needs_promtool
def test_an_alert_says_which_variant_by_how_much_and_where_to_read_on(tmp_path: Path) -> None:
    expected = {
        "eval_time": "30m",
        "alertname": "RaxeErrorsCritical",
        "exp_alerts": [
            {
                "exp_labels": {"severity": "critical", "environment": "production", "variant": "v"},
                "exp_annotations": {
                    "summary": "error rate of v in production is 0.0600, limit 0.05",
                    "runbook": "docs/runbook.md#raxeerrorscritical",
                },
            }
        ],
    }
    above, _ = CASES["RaxeErrorsCritical"]
    check(tmp_path, {**case(above), "alert_rule_test": [expected]})


@needs_promtool
def test_the_expressions_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    expressions = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    path = tmp_path / "dashboard.yml"
    recorded = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(expressions)
    ]
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool("check", "rules", path)


def test_the_dashboard_has_the_structure_that_grafana_reads() -> None:
    value = json.loads(json.dumps(dashboard(), allow_nan=False))
    assert {"uid", "title", "schemaVersion", "templating", "panels", "time"} <= set(value)
    panels = value["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "timeseries"
        assert [target["refId"] for target in panel["targets"]] == list("ABCD")[: len(panel["targets"])]
        assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])
    names = {variable["name"] for variable in value["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(value))) - {"__rate_interval", "__all"}
    assert used == names == {"datasource", "environment", "variant"}


def test_rules_and_dashboard_ask_for_metrics_that_there_are() -> None:
    pytest.importorskip("prometheus_client", reason="the extra serve is not installed")
    from raxe_conformance.runtime.breaker import CircuitBreaker
    from raxe_conformance.serving.feedback import Served
    from raxe_conformance.serving.metrics import Metrics

    metrics = Metrics("production")
    metrics.in_use({"canary": (Served("v", "r"), 10)}, CircuitBreaker(), 1)
    there = {s.name for family in metrics.registry.collect() for s in family.samples}
    # These have no series before something happens.
    there |= {"raxe_decisions_total", "raxe_fallbacks_total", "raxe_shadow_total", "raxe_http_responses_total"}
    text = json.dumps(dashboard()) + json.dumps(alert_rules(RULES))
    assert set(re.findall(r"\b(?:raxe|process)_\w+", text)) <= there
