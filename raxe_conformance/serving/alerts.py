"""Prometheus' alert rules for variants, from their metadata's monitoring section and the specification's limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY, MEMORY, AlertLimits

RUNBOOK: Final = "docs/runbook.md"
# Fewer requests than this, or fewer that were judged, raise no alert: P95 has a bound from 59 samples on.
LEAST_REQUESTS: Final = 59
LEAST_JUDGED: Final = 100
_NAMES: Final = {
    LATENCY: "RaxeLatency",
    FPR: "RaxeFalsePositives",
    FNR: "RaxeFalseNegatives",
    ERRORS: "RaxeErrors",
    MEMORY: "RaxeMemory",
}
# What a figure is called, and how its value is written ($value is a Go template's).
_WORDS: Final = {
    LATENCY: ("P95 latency", '{{ printf "%.2f" $value }} ms', "{:g} ms"),
    FPR: ("false-positive rate", '{{ printf "%.4f" $value }}', "{:g}"),
    FNR: ("false-negative rate", '{{ printf "%.4f" $value }}', "{:g}"),
    ERRORS: ("error rate", '{{ printf "%.4f" $value }}', "{:g}"),
    MEMORY: ("memory of the server", '{{ printf "%.0f" $value }} MB', "{:g} MB"),
}
_BY: Final = "environment, variant"


def alert_rules(variants: Mapping[str, AlertLimits]) -> dict[str, Any]:
    """The content of a rule file: a group for each variant (model_id → limits), and one for the server itself."""
    groups = [
        {"name": f"raxe {model_id}", "rules": list(_rules(model_id, variants[model_id]))} for model_id in variants
    ]
    return {"groups": [*groups, {"name": "raxe server", "rules": _SERVER}]}


def rule_file(variants: Mapping[str, AlertLimits]) -> bytes:
    """The same as YAML."""
    import yaml

    text: str = yaml.safe_dump(alert_rules(variants), sort_keys=False, width=1000, allow_unicode=True)
    return text.encode("utf-8")


def _rules(model_id: str, limits: AlertLimits) -> Iterable[dict[str, Any]]:
    for severity, of in (("critical", limits.critical), ("warning", limits.warning)):
        for name, limit in of.items():
            what, value, written = _WORDS[name]
            title = f"{_NAMES[name]}{severity.capitalize()}"
            figure = f"{what} of {{{{ $labels.variant }}}} in {{{{ $labels.environment }}}}"
            yield _rule(
                title,
                _expression(name, model_id, limit),
                severity,
                f"{figure} is {value}, limit {written.format(limit)}",
                hold="5m" if name in (LATENCY, ERRORS, MEMORY) else "0m",
                variant=model_id,
            )


def _rule(title: str, expression: str, severity: str, summary: str, *, hold: str, **labels: str) -> dict[str, Any]:
    return {
        "alert": title,
        "expr": expression,
        "for": hold,
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": summary, "runbook": f"{RUNBOOK}#{title.lower()}"},
    }


def _expression(name: str, model_id: str, limit: float) -> str:
    """True while the figure of a variant is above its limit, and enough was counted to say so."""
    of = f"variant={json.dumps(model_id, ensure_ascii=False)}"

    def total(function: str, metric: str, selected: str, window: str, by: str = _BY) -> str:
        return f"sum by ({by}) ({function}({metric}{{{selected}}}[{window}]))"

    def share(metric: str, wrong: str, all_: str, window: str, least: int) -> str:
        everything = total("increase", metric, all_, window)
        return f"{total('increase', metric, wrong, window)} / ({everything} >= {least}) > {limit:g}"

    if name == LATENCY:
        quantile = f"histogram_quantile(0.95, {total('rate', 'raxe_analyze_seconds_bucket', of, '5m', f'{_BY}, le')})"
        enough = f"{total('increase', 'raxe_analyze_seconds_count', of, '5m')} >= {LEAST_REQUESTS}"
        return f"1000 * {quantile} > {limit:g} and {enough}"
    if name == ERRORS:
        return share("raxe_attempts_total", f'{of}, outcome="error"', of, "5m", LEAST_REQUESTS)
    if name == MEMORY:
        # The process has no variant: it is the variant's where it serves the variant.
        serves = f"max by (job, instance, {_BY}) (raxe_share_percent{{{of}}} >= 0)"
        return f"process_resident_memory_bytes / 1e6 * on (job, instance) group_right () ({serves} * 0 + 1) > {limit:g}"
    wrong, all_ = ("fp", "fp|tn") if name == FPR else ("fn", "fn|tp")
    return share("raxe_feedback_total", f'{of}, outcome="{wrong}"', f'{of}, outcome=~"{all_}"', "1d", LEAST_JUDGED)


_SERVER: Final = [
    _rule(
        "RaxeBreakerOpen", "max by (environment, variant) (raxe_breaker_open) == 1", "warning",
        "{{ $labels.variant }} in {{ $labels.environment }} fails so often that it is not asked", hold="1m",
    ),
    _rule(
        "RaxeReloadFailed", 'sum by (environment) (increase(raxe_reloads_total{outcome="failed"}[10m])) > 0', "warning",
        "a server of {{ $labels.environment }} could not switch to the state that was deployed", hold="0m",
    ),
    _rule("RaxeServerAbsent", "absent(raxe_state_sequence)", "critical", "no RAXE server is scraped", hold="2m"),
]  # fmt: skip
