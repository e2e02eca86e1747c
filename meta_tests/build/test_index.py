"""The index reads every format alike, and only a line feed ends a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raxe_conformance.corpus.index import (
    CorpusError,
    CorpusMissingError,
    CorpusRow,
    find_data_dir,
    read_corpora,
    read_index,
    read_rows,
)


def rows_of(folder: Path, name: str, data: str | bytes, **entry: Any) -> list[CorpusRow]:
    file = folder / "src" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    entry = {"label": "attack", "family": "PI", "languages": ["en"], **entry}
    (folder / "index.jsonl").write_text(json.dumps({"file": f"src/{name}", **entry}), encoding="utf-8")
    (only,) = read_index(folder)
    return read_rows(folder, only)


@pytest.mark.parametrize(
    ("value", "path", "join", "expected"),
    [
        (["a", "b"], "*", "", ["a", "b"]),
        ({"x": ["a"], "y": ["b", "c"]}, "*.*", "", ["a", "b", "c"]),
        ({"x": [["a", "no"], ["b", "no"]]}, "*.*.0", "", ["a", "b"]),
        ({"x": [{"data": [{"text": "a "}, {"text": "b"}]}]}, "*.*.data.+.text", "", ["a b"]),
        ({"x": [{"data": ["a", "b"]}]}, "x.*.data.+", "\n", ["a\nb"]),
        ({"x": {"y": "a"}}, "x.y", "", ["a"]),
        (["a", " ", "", None], "*", "", ["a"]),
    ],
)
def test_paths(tmp_path: Path, value: Any, path: str, join: str, expected: list[str]) -> None:
    found = rows_of(
        tmp_path, "a.json", json.dumps(value), format="json", text_field=path, join=join, rows=len(expected)
    )
    assert [row.text for row in found] == expected


def test_a_row_says_where_it_comes_from(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "a.txt", "hello\n", format="txt", text_field="lines", rows=1)
    assert row == CorpusRow("hello", True, "PI", "src", "src/a.txt", ("en",))


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    odd = "one\u2028still one\x0b\x0c\x85still\r\ntwo\n\n \nthree"
    found = rows_of(tmp_path, "a.txt", odd, format="txt", text_field="lines", rows=3)
    assert [row.text for row in found] == ["one\u2028still one\x0b\x0c\x85still", "two", "three"]
    lines = '{"t": "one\u2028still"}\n{"t": "two"}\n'
    found = rows_of(tmp_path, "a.jsonl", lines, format="jsonl", text_field="t", rows=2)
    assert [row.text for row in found] == ["one\u2028still", "two"]


def test_csv_with_quotes_and_line_breaks(tmp_path: Path) -> None:
    data = 'id,text\n1,"a, b"\n2,"two\nlines ""quoted"""\n'
    found = rows_of(tmp_path, "a.csv", data, format="csv", text_field="text", label="benign", rows=2)
    assert [row.text for row in found] == ["a, b", 'two\nlines "quoted"']
    assert not any(row.is_attack or row.family for row in found)


@pytest.mark.parametrize(("written", "value"), [("true", True), ("1", 1), ("BLOCK", "BLOCK")])
def test_label_by_field(tmp_path: Path, written: str, value: Any) -> None:
    lines = "\n".join(json.dumps({"t": text, "bad": bad}) for text, bad in (("a", value), ("b", None), ("c", "no")))
    found = rows_of(tmp_path, "a.jsonl", lines, format="jsonl", text_field="t", label=f"field:bad={written}", rows=3)
    assert [(row.is_attack, row.family) for row in found] == [(True, "PI"), (False, None), (False, None)]


def test_where_leaves_records_out(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"t": kind, "type": kind}) for kind in ("contrast_a", "plain", "contrast_b"))
    where = {"field": "type", "not_prefix": "contrast"}
    found = rows_of(tmp_path, "a.jsonl", lines, format="jsonl", text_field="t", where=where, rows=1)
    assert [row.text for row in found] == ["plain"]


def test_payloads_only_on_request(tmp_path: Path) -> None:
    rows_of(tmp_path, "a.txt", "plant me", format="txt", text_field="lines", role="payload", rows=1)
    assert read_corpora(tmp_path) == []
    assert [row.text for row in read_corpora(tmp_path, payloads=True)] == ["plant me"]


@pytest.mark.parametrize(
    ("name", "data", "entry", "problem"),
    [
        ("a.txt", "x\ny", {"format": "txt", "rows": 1}, "lines: gives 2 rows, but the index says 1"),
        ("a.txt", b"\xff", {"format": "txt", "rows": 1}, "is not UTF-8 (byte 0)"),
        ("a.jsonl", '{"t": "x"}\n{', {"format": "jsonl", "text_field": "t", "rows": 1}, "is no JSON"),
        ("a.jsonl", "[]", {"format": "jsonl", "text_field": "t", "rows": 1}, "holds no object"),
        ("a.jsonl", '{"u": 1}', {"format": "jsonl", "text_field": "t", "rows": 1}, "t: a record has no such field"),
        ("a.jsonl", '{"t": 1}', {"format": "jsonl", "text_field": "t", "rows": 1}, "t: leads to a int, not a text"),
        ("a.json", '{"t": "x"}', {"format": "json", "text_field": "t.*", "rows": 1}, "'*' meets a str, not a list"),
        ("a.json", '[["x"]]', {"format": "json", "text_field": "*.1", "rows": 1}, "*.1: there is no item 1"),
        ("a.json", "{", {"format": "json", "text_field": "*", "rows": 1}, "is no JSON"),
        ("a.json", "[" * 100_000, {"format": "json", "text_field": "*", "rows": 1}, "is no JSON"),
        ("a.csv", 'text\n"x', {"format": "csv", "text_field": "text", "rows": 1}, "is no CSV"),
        ("a.txt", "x", {"format": "xml", "rows": 1}, "index.jsonl:1: format: is 'xml', but should be one of jsonl"),
        ("a.txt", "x", {"format": "txt", "rows": "1"}, "rows: is '1', but should be a number"),
        ("a.txt", "x", {"format": "txt", "rows": 1, "label": "bad"}, "label: is 'bad', but should be attack, benign"),
        ("a.txt", "x", {"format": "txt", "rows": 1, "where": {"field": "x"}}, "where: is {'field': 'x'}"),
        ("a.txt", "x", {"format": "txt", "rows": 1, "colour": 1}, "colour: is no key of the index"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, name: str, data: str | bytes, entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(CorpusError) as caught:
        rows_of(tmp_path, name, data, **{"text_field": "lines", **entry})
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["../x.txt", "/etc/passwd", "a/../../x", "a\\b"])
def test_no_file_outside_the_folder(tmp_path: Path, file: str) -> None:
    entry = {"file": file, "format": "txt", "text_field": "lines", "label": "attack", "languages": [], "rows": 1}
    (tmp_path / "index.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    with pytest.raises(CorpusError, match="should be a path inside the folder"):
        read_index(tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    rows_of(tmp_path, "a.txt", "x", format="txt", text_field="lines", rows=1)
    (tmp_path / "src" / "a.txt").unlink()
    with pytest.raises(CorpusMissingError, match=r"a\.txt: the corpus file does not exist; .*RAXE_CORPUS_MIRROR"):
        read_corpora(tmp_path)


def test_where_the_corpora_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.jsonl").touch()
    monkeypatch.setenv("RAXE_CORPUS_MIRROR", str(tmp_path))
    assert find_data_dir() == tmp_path
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CorpusMissingError, match=r"empty: holds no index\.jsonl; .*RAXE_CORPUS_MIRROR"):
        find_data_dir(empty)
    monkeypatch.setenv("RAXE_CORPUS_MIRROR", str(empty))
    with pytest.raises(CorpusMissingError, match="holds no"):
        find_data_dir()


def test_real_corpora_give_the_rows_that_the_index_says() -> None:
    try:
        folder = find_data_dir()
    except CorpusMissingError as error:
        pytest.skip(str(error))
    entries = read_index(folder)
    # read_rows compares each file's count; the sum guards against an index that lost its entries.
    total = sum(len(read_rows(folder, entry)) for entry in entries)
    assert total == sum(entry.rows for entry in entries) > 10_000
