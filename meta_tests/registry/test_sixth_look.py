"""What a sixth look found: names that are looked for in a folder, and what files say of themselves on a terminal."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta_tests.hostile.bundles import rewrite
from meta_tests.support.toy import EVIL, MODEL_ID, Toy
from raxe_conformance import ModelRegistry
from raxe_conformance.cli.bundle import command as bundle_command
from raxe_conformance.cli.listing import command as list_command
from raxe_conformance.cli.scan import command as scan_command
from raxe_conformance.fileio import canonical_json, write_atomically
from raxe_conformance.registry.discover import too_long

# A terminal's command in one character, a mark that turns the line round, a line break of Unicode's own.
CONTROLS = "\x9b31m\u202e\u2028\x1b[2J"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a/" * 15 + "x", None), ("a/" * 16 + "x", "17 parts"),
        ("x" * 255, None), ("x" * 256, "a part of 256 bytes"),
        ("é" * 127, None), ("é" * 128, "a part of 256 bytes"),
        ("/".join(["x" * 250] * 3), None),
        ("/".join(["x" * 249] * 4), None), ("/".join(["x" * 250] * 4), "1003 characters"),
        ("", None),
    ],
)  # fmt: skip
def test_names_are_looked_for_up_to_a_bound(name: str, problem: str | None) -> None:
    found = too_long(name)
    assert found is None if problem is None else found is not None and problem in found


def test_a_file_in_as_many_folders_as_there_may_be_is_found(toy: Toy) -> None:
    name = "a/" * 15 + "bundle.raxe"
    (toy.models / name).parent.mkdir(parents=True)
    toy.bundle.rename(toy.models / name)
    whole = toy.read()
    whole["file_info"]["filename"] = name
    toy.write(whole)
    assert ModelRegistry(toy.models).create_detector(MODEL_ID).analyze(EVIL["PI"]).metadata["is_attack"]


@pytest.mark.parametrize("name", ["a/" * 480_000 + "x", "a" + "\u0300\u0316" * 240_000])
def test_metadata_is_completed_without_looking_for_what_no_file_is_called(toy: Toy, name: str) -> None:
    whole = toy.read()
    del whole["file_info"]["checksum"], whole["file_info"]["tokenizer_checksum"]
    whole["file_info"]["filename"] = name
    toy.write(whole)
    info = ModelRegistry(toy.models).complete_metadata(MODEL_ID).file_info
    assert info.checksum is None
    assert info.tokenizer_checksum is not None


def test_what_files_say_is_printable_also_as_json(toy: Toy) -> None:
    triggers = {"triggers": [{"id": f"t{CONTROLS}", "family": "PI", "phrase": EVIL["PI"]}]}
    rewrite(
        toy, {"keyword_triggers.json": canonical_json(triggers)},
        lambda value: value.update(bundle_version=f"1{CONTROLS}"),
    )  # fmt: skip
    toy.declare_files()
    twin = toy.bundle.with_name(f"twin{CONTROLS}.raxe")
    twin.write_bytes(toy.bundle.read_bytes())
    reports = toy.models.parent / "reports"
    reports.mkdir()
    (reports / f"{MODEL_ID}.json").write_bytes(canonical_json({"verdict": f"PASS{CONTROLS}"}))
    found = {}
    for command, arguments in (
        (list_command, [str(toy.models), "--report-dir", str(reports)]),
        (list_command, [str(toy.models), "--report-dir", str(reports), "--json"]),
        (scan_command, [MODEL_ID, EVIL["PI"], "--models-dir", str(toy.models)]),
        (bundle_command, ["inspect", "--json", str(twin)]),
        (bundle_command, ["verify", str(twin)]),
        (bundle_command, ["unpack", str(twin), str(toy.models.parent / "unpacked")]),
    ):
        result = CliRunner().invoke(command, arguments, color=True, standalone_mode=False)
        assert result.exception is None
        assert all(line.isprintable() for line in result.output.split("\n")), arguments
        found[arguments[0]] = result.stdout
    # Escaped, not lost.
    assert json.loads(found[MODEL_ID])["trigger_matches"] == [f"t{CONTROLS}"]


@pytest.mark.skipif(os.name != "posix", reason="the umask is of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_is_written_is_an_ordinary_file_and_the_umask_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    path = tmp_path / "file"
    before = os.umask(umask)
    try:
        with monkeypatch.context() as patched:
            patched.delattr(os, "umask")  # to ask for it changes it for all threads
            write_atomically(path, b"first")
            write_atomically(path, b"second")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert list(tmp_path.iterdir()) == [path]
