"""What `python -m meta_tests.repeats` makes of several reports."""

from __future__ import annotations

from meta_tests.repeats import Report, contradictions, table


def report(verdict: str, value: float | None, rule: str = "PASS") -> Report:
    gate = {"op": "<", "limit": 3.0, "unit": "ms"}
    return {
        "verdict": verdict,
        "checks": [
            {"id": "LAT-001", "title": "P95", "verdict": verdict, "gate": gate, "evidence": {"value": value}},
            {"id": "SCH-001", "title": "schema", "verdict": rule, "gate": None, "evidence": None},
        ],
    }


def test_only_pass_and_fail_contradict_each_other() -> None:
    assert contradictions([report("PASS", 2.0), report("INCONCLUSIVE", 3.0), report("PASS", 2.1)]) == []
    assert contradictions([report("PASS", 2.0), report("FAIL", 3.1)]) == ["LAT-001"]
    assert contradictions([report("FAIL", 3.1, "FAIL"), report("FAIL", 3.1, "PASS")]) == ["SCH-001"]


def test_the_table_shows_gates_and_whatever_did_not_always_pass() -> None:
    shown = table([report("PASS", 2.0), report("INCONCLUSIVE", None), report("PASS", 2.5)])
    assert "| LAT-001 P95 | < 3 ms | 2 ms to 2.5 ms | INCONCLUSIVE 1, PASS 2 |" in shown
    assert "SCH-001" not in shown
    assert "| SCH-001 schema |  |  | FAIL 1 |" in table([report("FAIL", 4.0, "FAIL")])
