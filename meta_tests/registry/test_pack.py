"""Packing and unpacking: same bytes, nothing overwritten, nothing half done."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_tests.registry.support import run
from meta_tests.support import toy as t
from meta_tests.support.toy import Toy
from raxe_conformance.errors import BundleError, ChecksumError, HeadSetError, UnsafeBundleError, UsageError
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.pack import pack_folder, packed, unpack_bundle


@pytest.fixture
def folder(toy: Toy, tmp_path: Path) -> Path:
    unpack_bundle(toy.bundle, tmp_path / "unpacked")
    return tmp_path / "unpacked"


def test_unpacking_and_packing_gives_the_same_bytes(toy: Toy, folder: Path, tmp_path: Path) -> None:
    pack_folder(folder, tmp_path / "again.raxe")
    assert (tmp_path / "again.raxe").read_bytes() == toy.bundle.read_bytes()


def test_packing_does_not_depend_on_times_and_order(folder: Path, tmp_path: Path) -> None:
    """The same files, made in other orders and at other times."""
    outcomes = set()
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    for seed in range(5):
        random, other = Random(seed), tmp_path / f"other{seed}"
        random.shuffle(names)
        for name in names:
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            (other / name).write_bytes((folder / name).read_bytes())
            os.utime(other / name, (random.randrange(10**9), random.randrange(10**9)))
            (other / name).chmod(random.choice((0o600, 0o644, 0o755)))
        outcomes.add(pack_folder(other, tmp_path / f"{seed}.raxe")[0].sha256)
    assert len(outcomes) == 1


@settings(deadline=None, max_examples=50)
@given(st.permutations(["a.json", "b.txt", "heads/x.safetensors", "heads/a.safetensors"]), st.randoms())
def test_packed_bytes_depend_on_names_and_contents_only(names: list[str], random: Random) -> None:
    manifest = {"x": 1, "checksums": {"stale": "0" * 64}}
    assert packed(manifest, {name: name.encode() for name in names}) == packed(
        manifest, {name: name.encode() for name in sorted(names)}
    )


def test_members_carry_no_time_owner_or_compression(toy: Toy) -> None:
    with zipfile.ZipFile(toy.bundle) as archive:
        infos = archive.infolist()
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.extra for info in infos} == {b""}
    assert infos[0].filename == "manifest.json"
    assert [info.filename for info in infos[1:]] == sorted(info.filename for info in infos[1:])


def test_checksums_are_made_anew(folder: Path, tmp_path: Path) -> None:
    (folder / "schema.json").write_text('{"type": "array"}')
    bundle, _ = pack_folder(folder, tmp_path / "new.raxe")
    assert bundle.problems() == []
    assert bundle.json("schema.json") == {"type": "array"}


def test_leftovers_stay_out(folder: Path, tmp_path: Path) -> None:
    for name in (".DS_Store", "schema.json~", "heads/.x.swp", "notes.txt.bak"):
        (folder / name).write_bytes(b"x")
    bundle, left_out = pack_folder(folder, tmp_path / "new.raxe")
    assert sorted(left_out) == [".DS_Store", "heads/.x.swp", "notes.txt.bak", "schema.json~"]
    assert not set(left_out) & set(bundle.names)


def test_what_would_be_refused_is_not_written(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "new.raxe"
    (folder / "classifier.joblib").write_bytes(b"\x80\x04x.")
    with pytest.raises(BundleError, match="joblib"):
        pack_folder(folder, output)
    (folder / "classifier.joblib").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["head_sets"][t.SPACE]["dimension"] = 9
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(HeadSetError) as error:
        pack_folder(folder, output)
    assert error.value.file is not None
    assert error.value.file.startswith(str(output))
    (folder / "manifest.json").write_text('{"a": NaN}')
    with pytest.raises(Exception, match="NaN is no JSON"):
        pack_folder(folder, output)
    (folder / "manifest.json").unlink()
    with pytest.raises(BundleError, match=r"holds no manifest.json"):
        pack_folder(folder, output)
    assert not output.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_bundle_is_never_changed(toy: Toy, folder: Path, tmp_path: Path) -> None:
    pack_folder(folder, toy.bundle)  # the same bytes again: nothing changes
    before = toy.bundle.read_bytes()
    (folder / "notes.txt").write_text("new")
    with pytest.raises(UsageError, match="exists already"):
        pack_folder(folder, toy.bundle)
    assert toy.bundle.read_bytes() == before


def test_a_link_is_not_packed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for link, target in (("link.txt", tmp_path / "secret.txt"), ("heads2", folder / "heads")):
        (folder / link).symlink_to(target)
        with pytest.raises(UnsafeBundleError, match="is a link"):
            pack_folder(folder, tmp_path / "new.raxe")
        (folder / link).unlink()


def test_unpacking_overwrites_nothing(toy: Toy, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(UsageError, match="exists already"):
        unpack_bundle(toy.bundle, there)
    assert list(there.iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match="exists already"):
        unpack_bundle(toy.bundle, tmp_path / "link")


def test_unpacking_a_broken_bundle_leaves_nothing(toy: Toy, tmp_path: Path) -> None:
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["schema.json"] = b'{"type": "OBJECT"}'
    with zipfile.ZipFile(toy.bundle, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ChecksumError):
        unpack_bundle(toy.bundle, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_while_writing_leaves_nothing(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = Path.write_bytes, 0

    def fail(self: Path, data: bytes) -> int:
        nonlocal count
        count += 1
        if count == 2:
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="No space left"):
        unpack_bundle(toy.bundle, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_the_commands(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "bundle", "unpack", toy.bundle, tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith(f"unpacked {toy.bundle}: ")
    assert run(capsys, "bundle", "unpack", toy.bundle, tmp_path / "out")[0] == 2
    (tmp_path / "out" / ".DS_Store").touch()
    code, out, err = run(capsys, "bundle", "pack", tmp_path / "out", "-o", tmp_path / "new.raxe")
    assert code == 0
    assert f"sha256:{Bundle(toy.bundle).sha256}" in out
    assert err == "left out .DS_Store: an editor's or file manager's leftover\n"
    code, out, _ = run(capsys, "bundle", "inspect", toy.bundle)
    assert code == 0
    assert f"head set        {t.SPACE}: width {t.WIDTH}, threshold 0.5" in out
    code, out, _ = run(capsys, "bundle", "inspect", toy.bundle, "--json")
    found = json.loads(out)
    assert found["families"] == list(t.FAMILIES)
    assert found["problems"] == []
    assert {member["name"] for member in found["members"]} == set(Bundle(toy.bundle).names)


def test_verify_looks_at_every_member(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "bundle", "verify", toy.bundle)
    assert (code, err) == (0, "")
    assert "are as the manifest declares" in out
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        if name == "manifest.json":
            continue
        broken = tmp_path / "broken.raxe"
        with zipfile.ZipFile(broken, "w") as archive:
            for other, data in members.items():
                archive.writestr(other, data + b" " if other == name else data)
        code, out, err = run(capsys, "bundle", "verify", broken)
        assert (code, out) == (1, ""), name
        assert err.startswith(f"FAIL {broken}: {name}: "), name
    broken.write_bytes(toy.bundle.read_bytes()[:-1])
    assert run(capsys, "bundle", "verify", broken)[0] == 1
    assert run(capsys, "bundle", "verify", tmp_path / "none.raxe")[0] == 2


def test_verify_reads_the_json_that_no_checksum_makes_valid(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "training_stats.json").write_text('{"rows": NaN}')
    pack_folder(folder, tmp_path / "new.raxe")
    code, _, err = run(capsys, "bundle", "verify", tmp_path / "new.raxe")
    assert code == 1
    assert "training_stats.json: NaN is no JSON number" in err
