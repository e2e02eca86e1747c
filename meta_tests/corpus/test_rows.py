"""Benchmark rows: everything that is wrong with a file is named, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from raxe_conformance.corpus.rows import read_benchmark
from raxe_conformance.errors import BenchmarkError, MissingFileError, RaxeError
from raxe_conformance.packaged import shipped_benchmark

GOOD = '{"text": "hello", "label": "BENIGN"}'


def problems(path: Path, data: bytes) -> tuple[str, ...]:
    path.write_bytes(data)
    with pytest.raises(BenchmarkError) as error:
        read_benchmark(path)
    assert error.value.file == str(path)
    assert "\n" not in str(error.value)
    return error.value.problems


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"label": "PI"}', "line 2: text: is missing or no string"),
        ('{"text": 5, "label": "PI"}', "line 2: text: is missing or no string"),
        ('{"text": " ", "label": "PI"}', "line 2: text: is empty"),
        ('{"text": "x"}', "line 2: label: is None, but should be one of BENIGN, PI, JB, CMD, PII, ENC, RAG"),
        ('{"text": "x", "label": "pi"}', "line 2: label: is 'pi', but should be one of"),
        ('{"text": "x", "label": "PI", "id": 7}', "line 2: id: is no string"),
        ('{"text": "x", "label": "PI", "text": "y"}', "line 2: the key 'text' occurs twice"),
        ("[1]", "line 2: holds a JSON list, not an object"),
        ('{"text": "x"', "line 2: is no JSON"),
        ("\ufeff" + GOOD, "line 2: begins with a byte order mark"),
        ('{"text": "' + "x" * 6_000_000 + '", "label": "PI"}', "line 2: has 600002"),
    ],
)
def test_a_faulty_row_is_named_by_line_and_field(line: str, problem: str, tmp_path: Path) -> None:
    found = problems(tmp_path / "b.jsonl", f"{GOOD}\n{line}\n".encode())
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_all_faults_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    lines = [GOOD, "{", '{"text": 1, "label": "PI"}', '{"text": "x", "label": "no"}', GOOD]
    found = problems(tmp_path / "b.jsonl", "\n".join(lines).encode())
    assert [problem.split(":")[0] for problem in found] == ["line 2", "line 3", "line 4"]


def test_invalid_utf8_is_named_by_line(tmp_path: Path) -> None:
    found = problems(tmp_path / "b.jsonl", GOOD.encode() + b'\n{"text": "\xff", "label": "PI"}\n')
    assert found == ("line 2: is not UTF-8 (byte 10)",)


def test_an_id_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    row = '{"text": "x", "label": "PI", "id": "a"}'
    assert problems(tmp_path / "b.jsonl", f"{row}\n\n{row}".encode()) == ("line 3: id: 'a' stands in line 1 already",)


@pytest.mark.parametrize("data", [b"", b"\n \r\n"])
def test_a_file_without_rows_is_refused(data: bytes, tmp_path: Path) -> None:
    assert problems(tmp_path / "b.jsonl", data) == ()


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nowhere\.jsonl: the benchmark file does not exist"):
        read_benchmark(tmp_path / "nowhere.jsonl")
    with pytest.raises(RaxeError, match="not a regular file"):
        read_benchmark(tmp_path)


def test_crlf_blank_lines_and_line_separators_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    rows = ['{"text": "one\u2028two\u0085three", "label": "BENIGN"}', "", '{"text": "\\ud800", "label": "ENC"}']
    path.write_bytes("\r\n".join(rows).encode())
    benchmark = read_benchmark(path)
    assert [row.text for row in benchmark.rows] == ["one\u2028two\u0085three", "\ud800"]
    assert [row.id for row in benchmark.rows] == ["line 1", "line 3"]
    assert (benchmark.benign, benchmark.attacks) == (1, 1)


def test_the_shipped_benchmark_reads_and_is_complete() -> None:
    rows = read_benchmark(shipped_benchmark()).rows
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.language
        assert row.source
        assert row.kind
        assert row.license == "Apache-2.0"
        assert bool(row.subfamily) == row.is_attack
    twins: dict[str, list[bool]] = {}
    for row in rows:
        if row.pair:
            twins.setdefault(row.pair, []).append(row.is_attack)
    assert all(sorted(pair) == [False, True] for pair in twins.values())
