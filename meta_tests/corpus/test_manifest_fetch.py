"""Fetching, against a server on the loopback device with made-up files: never the network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from raxe_conformance.cli.corpus import command
from raxe_conformance.corpus.fetch import fetch_file, state_of, write_index
from raxe_conformance.corpus.index import CorpusError, CorpusMissingError, read_corpora
from raxe_conformance.corpus.manifest import Corpora, read_corpora_manifest
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import sha256

pytest.importorskip("pooch")
COMMIT = "1" * 40
CONTENT = "".join(json.dumps({"text": f"made up row {n}", "bad": n % 3 == 0}) + "\n" for n in range(4000)).encode()


@dataclass
class Upstream:
    """What the server does: files by path, and how it misbehaves."""

    files: dict[str, bytes]
    cut_after: int | None = None
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    state = Upstream({f"/owner/name/{COMMIT}/data/a.jsonl": CONTENT})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            data = state.files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            stop = len(data) if state.cut_after is None else start + state.cut_after
            self.wfile.write(data[start:stop])
            if stop < len(data):
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("RAXE_CORPUS_MIRROR", raising=False)
    yield state
    server.shutdown()
    server.server_close()


def corpora(folder: Path, url: str, *, content: bytes = CONTENT, kind: str = "unchanged") -> Corpora:
    path = folder / "corpora.toml"
    place = 'path = "data/a.jsonl"' if kind == "unchanged" else ""
    path.write_text(
        f"""\
schema = 1
url = "{url}/{{repository}}/{{commit}}/{{path}}"
index_sha256 = "{"0" * 64}"
[[sources]]
name = "one"
repository = "owner/name"
commit = "{COMMIT}"
license = "MIT"
what = "made up"
upstream = "{kind}"
[[sources.files]]
file = "a.jsonl"
bytes = {len(content)}
sha256 = "{sha256(content)}"
{place}
format = "jsonl"
[[sources.files.texts]]
field = "text"
label = "field:bad=true"
family = "PI"
languages = ["en"]
rows = 4000
attacks = 1334
""",
        encoding="utf-8",
    )
    return read_corpora_manifest(path)


def get(found: Corpora, folder: Path, **options: Any) -> str:
    source = found.sources[0]
    return fetch_file(found, source, source.files[0], folder, **options)


def held(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder.exists() else []


def test_a_file_is_fetched_once_and_read_by_its_index(upstream: Upstream, tmp_path: Path) -> None:
    found, folder, told = corpora(tmp_path, upstream.url), tmp_path / "cache", []
    assert get(found, folder, advance=told.append) == "upstream"
    assert sum(told) == len(CONTENT)
    assert get(found, folder) == "there"
    assert upstream.asked == [None]
    write_index(found, folder)
    assert sum(row.is_attack for row in read_corpora(folder)) == 1334
    assert held(folder) == ["index.jsonl", "one", "one/a.jsonl"]


def test_an_interrupted_download_goes_on_where_it_stopped(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    upstream.cut_after = 70_000
    with pytest.raises(CorpusError, match=r"interrupted after \d+ of .*goes on where it stopped"):
        get(found, folder)
    assert state_of(folder, found.sources[0], found.sources[0].files[0]) == "missing"
    upstream.cut_after = None
    told: list[int] = []
    assert get(found, folder, advance=told.append) == "upstream"
    start = int(str(upstream.asked[1]).removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 70_000
    assert sum(told) == len(CONTENT)
    assert (folder / "one" / "a.jsonl").read_bytes() == CONTENT
    assert held(folder) == ["one", "one/a.jsonl"]


def test_a_server_without_ranges_starts_over(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    upstream.cut_after = 70_000
    with pytest.raises(CorpusError):
        get(found, folder)
    upstream.cut_after, upstream.ranges = None, False
    assert get(found, folder) == "upstream"
    assert (folder / "one" / "a.jsonl").read_bytes() == CONTENT


@pytest.mark.parametrize("answer", [CONTENT[:-1] + b"x", CONTENT + b"more", b"<html>moved</html>"])
def test_other_bytes_are_an_error_and_leave_nothing(upstream: Upstream, tmp_path: Path, answer: bytes) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    upstream.files = dict.fromkeys(upstream.files, answer)
    with pytest.raises(CorpusError, match="do not use it"):
        get(found, folder)
    assert held(folder) == []


def test_a_part_that_belongs_to_another_file_is_not_mixed_in(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    (folder / ".parts").mkdir(parents=True)
    (folder / ".parts" / found.sources[0].files[0].sha256).write_bytes(b"x" * 100)
    with pytest.raises(CorpusError, match="do not use it"):
        get(found, folder)
    assert held(folder) == []
    assert get(found, folder) == "upstream"


def test_a_missing_page_names_the_mirror(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    upstream.files.clear()
    with pytest.raises(
        CorpusMissingError, match="404 Not Found; name a local copy: --mirror DIR or RAXE_CORPUS_MIRROR"
    ):
        get(found, folder)
    assert held(folder) == []


def test_a_server_that_is_not_there_names_the_mirror(tmp_path: Path, upstream: Upstream) -> None:
    found = corpora(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(CorpusMissingError, match="cannot be reached"):
        get(found, tmp_path / "cache")


def test_a_re_written_file_comes_from_a_mirror_only(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url, kind="derived"), tmp_path / "cache"
    with pytest.raises(CorpusMissingError, match=r"re-written: no repository has it; .*RAXE_CORPUS_MIRROR"):
        get(found, folder)
    mirror = tmp_path / "mirror"
    (mirror / "one").mkdir(parents=True)
    with pytest.raises(CorpusMissingError, match="not in the mirror"):
        get(found, folder, mirror=mirror)
    (mirror / "one" / "a.jsonl").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(CorpusError, match="do not use it"):
        get(found, folder, mirror=mirror)
    (mirror / "one" / "a.jsonl").write_bytes(CONTENT)
    assert get(found, folder, mirror=mirror) == "mirror"
    assert upstream.asked == []


def test_a_mirror_keeps_the_network_out(upstream: Upstream, tmp_path: Path) -> None:
    found = corpora(tmp_path, upstream.url)
    (tmp_path / "mirror").mkdir()
    with pytest.raises(CorpusMissingError, match="not in the mirror"):
        get(found, tmp_path / "cache", mirror=tmp_path / "mirror")
    assert upstream.asked == []


def test_a_damaged_file_is_fetched_again(upstream: Upstream, tmp_path: Path) -> None:
    found, folder = corpora(tmp_path, upstream.url), tmp_path / "cache"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "a.jsonl").write_bytes(b"damaged")
    assert get(found, folder) == "upstream"


def run(tmp_path: Path, *args: str, **environment: str) -> tuple[int, str, str]:
    runner = CliRunner()
    settings = {"RAXE_CACHE": str(tmp_path / "cache"), "RAXE_CORPUS_MIRROR": "", "NO_PROXY": "127.0.0.1", **environment}
    result = runner.invoke(command, args, env=settings, standalone_mode=False)
    if isinstance(result.exception, RaxeError):
        return 2, result.stdout, str(result.exception)
    assert result.exception is None, result.exception
    return result.return_value or 0, result.stdout, result.stderr


def test_the_commands(upstream: Upstream, tmp_path: Path) -> None:
    file = f"--manifest={corpora(tmp_path, upstream.url).path}"
    code, out, _ = run(tmp_path, "verify", file)
    assert (code, out.splitlines()[0]) == (1, "missing one/a.jsonl")
    assert upstream.asked == []
    code, out, err = run(tmp_path, "fetch", file)
    assert (code, out.splitlines()[0], err) == (0, "one: 1 of 1 files (1 downloaded)", "")
    assert run(tmp_path, "fetch", "one", file)[1].splitlines()[0] == "one: 1 of 1 files (1 there already)"
    assert run(tmp_path, "verify", file)[0] == 0
    (tmp_path / "cache" / "corpora" / "one" / "a.jsonl").write_bytes(b"other")
    code, out, _ = run(tmp_path, "verify", file)
    assert (code, out.splitlines()[0]) == (1, "wrong   one/a.jsonl")
    counts = json.loads(run(tmp_path, "stats", "--json", file)[1])
    assert [(c["name"], c["rows"], c["attacks"], c["benign"]) for c in counts] == [("one", 4000, 1334, 2666)]
    assert "1 corpora" in run(tmp_path, "stats", file)[1]


def test_the_commands_say_what_cannot_be_had(upstream: Upstream, tmp_path: Path) -> None:
    file = f"--manifest={corpora(tmp_path, upstream.url, kind='derived').path}"
    code, _, err = run(tmp_path, "fetch", file)
    assert code == 2
    assert err == (
        "ERROR: re-written, so in no repository: one; name a local copy: --mirror DIR or RAXE_CORPUS_MIRROR\n"
    )
    assert run(tmp_path, "fetch", "--mirror", str(tmp_path / "nowhere"), file)[0] == 2
    (tmp_path / "mirror" / "one").mkdir(parents=True)
    (tmp_path / "mirror" / "one" / "a.jsonl").write_bytes(CONTENT)
    code, out, _ = run(tmp_path, "fetch", file, RAXE_CORPUS_MIRROR=str(tmp_path / "mirror"))
    assert (code, out.splitlines()[0]) == (0, "one: 1 of 1 files (1 from the mirror)")


def test_all_shipped_corpora_come_from_a_mirror_or_say_why_not(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "fetch", "xstest", "iago")
    assert (code, err.count("ERROR")) == (2, 1)
    assert "xstest, iago" in err
