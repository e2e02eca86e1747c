"""Members set in the text of a JSON object: what it then says, and that the rest stays to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.report.json_edit import set_members

KEYS = st.text(st.sampled_from('ab"\\é{}:,'), max_size=3)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
SECTIONS = st.sampled_from(["performance", "accuracy"])
FIGURES = st.dictionaries(
    st.sampled_from(["f1", "fpr", "p95", "spread"]), st.floats(0, 1) | st.just({"PI": 3}), max_size=3
)


@settings(deadline=None)
@given(
    st.dictionaries(KEYS, VALUES, max_size=3),
    st.dictionaries(SECTIONS, st.none() | st.dictionaries(KEYS | st.just("f1"), VALUES, max_size=3)),
    st.dictionaries(SECTIONS, FIGURES),
    st.sampled_from([None, 0, 2, 4, "\t"]),
    st.booleans(),
)
def test_it_says_what_it_said_but_for_the_changes(
    rest: dict[str, Any], sections: dict[str, Any], changes: dict[str, Any], indent: Any, ascii_only: bool
) -> None:
    before = {**rest, **sections}
    expected = json.loads(json.dumps(before))
    for name, values in changes.items():
        if values:
            expected[name] = {**(expected.get(name) or {}), **values}
    text = json.dumps(before, indent=indent, ensure_ascii=ascii_only)
    after = set_members(text, changes)
    assert json.loads(after) == expected
    assert list(json.loads(after)) == list(expected)  # in their order, new ones at the end
    assert set_members(after, changes) == after


FILE = """{
    "model_id" : "v1",  "_comment": "caf\\u00e9 \\/ {\\"p95\\": 1}",
    "performance": {
        "target": 3.00,
        "p95": 2.50, "_why": [1.0e0,
 2]
    },
\t"tags": [ "a","b" ],
    "accuracy": {"f1":0.9}
}

"""


def test_what_is_not_changed_stays_to_the_byte() -> None:
    assert set_members(FILE, {}) == FILE
    assert set_members(FILE, {"performance": {}}) == FILE
    assert set_members(FILE, {"performance": {"p95": 2.5}, "accuracy": {"f1": 0.9}}) == FILE
    after = set_members(FILE, {"performance": {"p95": 2.75, "p99": 3.5}, "accuracy": {"f1": 0.91}})
    assert after == FILE.replace("2.50", "2.75").replace(" 2]\n", ' 2], "p99": 3.5\n').replace('"f1":0.9', '"f1":0.91')


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("{}", '{"a": {"x": 1}}'),
        ("{ }\n", '{"a": {"x": 1}}\n'),
        ('{"k": 1}', '{"k": 1, "a": {"x": 1}}'),
        ('{\n  "k": 1\n}\n', '{\n  "k": 1,\n  "a": {\n    "x": 1\n  }\n}\n'),
        ('{\n  "a": null\n}\n', '{\n  "a": {\n    "x": 1\n  }\n}\n'),
        ('{\n  "a": {}\n}\n', '{\n  "a": {\n    "x": 1\n  }\n}\n'),
        ('{\n\t"a": {\n\t\t"y": 2\n\t}\n}', '{\n\t"a": {\n\t\t"y": 2,\n\t\t"x": 1\n\t}\n}'),
        ('{"a": {"x": true}}', '{"a": {"x": 1}}'),
        ('{"a": {"x": 1.0}}', '{"a": {"x": 1.0}}'),
    ],
)
def test_new_members_are_written_as_their_neighbours(text: str, after: str) -> None:
    assert set_members(text, {"a": {"x": 1}}) == after
