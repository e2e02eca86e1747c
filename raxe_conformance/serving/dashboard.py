"""A Grafana dashboard over the metrics of metrics.py, as its JSON model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from raxe_conformance.serving.limits import ERRORS, FNR, FPR, LATENCY, ROLLBACK

_SELECTED: Final = 'environment=~"$environment", variant=~"$variant"'
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3


def _rate(metric: str, by: str, more: str = "", window: str = "$__rate_interval") -> str:
    return f"sum by ({by}) (rate({metric}{{{_SELECTED}{more}}}[{window}]))"


def _share(metric: str, wrong: str, of: str, window: str) -> str:
    return f"{_rate(metric, 'variant', wrong, window)} / {_rate(metric, 'variant', of, window)}"


def _quantile(q: float) -> tuple[str, str]:
    rate = _rate("raxe_analyze_seconds_bucket", "variant, role, le")
    name = "max" if q == 1.0 else f"P{100 * q:g}"
    return f"histogram_quantile({q}, {rate})", f"{name} {{{{variant}}}} {{{{role}}}}"


_BOTH: Final = "{{variant}} {{role}}"
_HERE: Final = "on (job, instance) raxe_state_sequence"
# title, unit, limit to draw (in the unit), [(expression, legend)]
_PANELS: Final[list[tuple[str, str, float | None, list[tuple[str, str]]]]] = [
    ("Latency", "s", ROLLBACK[LATENCY] / 1e3, [_quantile(q) for q in (0.5, 0.95, 0.99, 1.0)]),
    ("Requests", "reqps", None, [(_rate("raxe_attempts_total", "variant, role"), _BOTH)]),
    ("Share of the keys", "percent", None, [(f"max by (variant, role) (raxe_share_percent{{{_SELECTED}}})", _BOTH)]),
    ("Error rate", "percentunit", ROLLBACK[ERRORS],
     [(_share("raxe_attempts_total", ', outcome="error"', "", "$__rate_interval"), "{{variant}}")]),
    ("False-positive rate, of what was judged in a day", "percentunit", ROLLBACK[FPR],
     [(_share("raxe_feedback_total", ', outcome="fp"', ', outcome=~"fp|tn"', "1d"), "{{variant}}")]),
    ("False-negative rate, of what was judged in a day", "percentunit", ROLLBACK[FNR],
     [(_share("raxe_feedback_total", ', outcome="fn"', ', outcome=~"fn|tp"', "1d"), "{{variant}}")]),
    ("Decisions by family", "reqps", None,
     [(_rate("raxe_decisions_total", "variant, family"), "{{family}} {{variant}}")]),
    ("Answered by the stable variant for the canary", "reqps", None,
     [(_rate("raxe_fallbacks_total", "variant, reason"), "{{variant}} {{reason}}")]),
    ("Shadow: decisions that differ", "percentunit", None,
     [(_share("raxe_shadow_total", ', outcome="different"', ', outcome=~"same|different"', "1h"), "{{variant}}")]),
    ("Responses to clients", "reqps", None,
     [('sum by (path, status) (rate(raxe_http_responses_total{environment=~"$environment"}[$__rate_interval]))',
       "{{path}} {{status}}")]),
    ("Memory", "bytes", None, [(f"process_resident_memory_bytes and {_HERE}", "{{instance}}")]),
    ("CPU", "percentunit", None,
     [(f"rate(process_cpu_seconds_total[$__rate_interval]) and {_HERE}", "{{instance}}")]),
    ("State served", "none", None,
     [('raxe_state_sequence{environment=~"$environment"}', "{{environment}} {{instance}}")]),
]  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard, to be imported in Grafana; it asks for the data source."""
    return {
        "uid": "raxe-l2",
        "title": "RAXE L2",
        "tags": ["raxe"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
                _variable("environment", "label_values(raxe_state_sequence, environment)"),
                _variable("variant", 'label_values(raxe_share_percent{environment=~"$environment"}, variant)'),
            ]
        },
        "panels": [_panel(number, *panel) for number, panel in enumerate(_PANELS)],
    }


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, title: str, unit: str, limit: float | None, shown: Sequence[tuple[str, str]]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": _DATASOURCE,
        "gridPos": {
            "x": number % _COLUMNS * _WIDTH,
            "y": number // _COLUMNS * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if limit is None else "line"}},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
            for i, (expression, legend) in enumerate(shown)
        ],
    }
