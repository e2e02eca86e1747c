"""What stands in place of a file: links out of the folder, pipes, devices, folders, and files that change."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from meta_tests.hostile.bundle_cases import PROGRAMS
from meta_tests.hostile.bundles import rewrite
from meta_tests.hostile.case import GOOD_ID, hostile
from meta_tests.support.toy import Toy
from raxe_conformance.fileio import canonical_json

GROUP = "Not a plain file"
ROLES = ("metadata", "bundle", "onnx", "tokenizer")
Replace = Callable[[Path, Toy], None]


def _path(toy: Toy, role: str) -> Path:
    found: Path = getattr(toy, role)
    return found


def _link_out(path: Path, toy: Toy) -> None:
    outside = toy.models.parent / f"outside-{path.name}"
    path.rename(outside)
    path.symlink_to(outside)


def _link_relative(path: Path, toy: Toy) -> None:
    outside = toy.models.parent / f"outside-{path.name}"
    path.rename(outside)
    path.symlink_to(Path("..") / ".." / outside.name)


def _link_device(path: Path, toy: Toy) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _dangling(path: Path, toy: Toy) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def _ring(path: Path, toy: Toy) -> None:
    path.unlink()
    path.symlink_to(path)


def _fifo(path: Path, toy: Toy) -> None:
    path.unlink()
    os.mkfifo(path)


def _device(path: Path, toy: Toy) -> None:
    path.unlink()
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: it never ends


def _socket(path: Path, toy: Toy) -> None:
    path.unlink()
    server = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    try:
        os.chdir(path.parent)  # the address of a socket is short
        server.bind(path.name)
    finally:
        os.chdir(before)
        server.close()


def _folder(path: Path, toy: Toy) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path, toy: Toy) -> None:
    path.unlink()


def _locked(path: Path, toy: Toy) -> None:
    path.chmod(0)


# role → the class and the text where there is no such (plain) file
_MISSING = {
    "metadata": ("UnknownModelError", "there is no variant"),
    "bundle": ("MissingFileError", "does not exist"),
    "onnx": ("EmbeddingNotBuiltError", "does not exist"),
    "tokenizer": ("EmbeddingNotBuiltError", "does not exist"),
}
_WHAT = {"metadata": "metadata", "bundle": "bundle", "onnx": "embedding model", "tokenizer": "tokenizer"}


def _replaced(
    kind: str, what: str, replace: Replace, errors: dict[str, tuple[str, str]], *, no_override: bool = False
) -> None:
    for role in ROLES:
        error, says = errors.get(role, _MISSING[role])

        # The bundle says what is needed where the metadata cannot be read.
        stage = "listed" if role == "metadata" and role in errors else "load"

        def declare(role: str = role, error: str = error, says: str = says, stage: str = stage) -> None:
            @hostile(
                GROUP,
                f"{role}-{kind}",
                f"{what} in place of the {_WHAT[role]}",
                error,
                says,
                declare=False,
                stage=stage,
                no_override=no_override,
            )
            def make(toy: Toy) -> None:
                replace(_path(toy, role), toy)

        declare()


_OUT = ("MetadataError", "a link out of the folder")
_NO_FILE = dict.fromkeys(("bundle", "onnx", "tokenizer"), ("MetadataError", "no file to be opened"))
_IRREGULAR = ("RaxeError", "is not a regular file")
_replaced("link-out", "a link out of the folder", _link_out, {"bundle": _OUT, "onnx": _OUT, "tokenizer": _OUT})
_replaced(
    "link-relative",
    "a relative link out of the folder",
    _link_relative,
    {"bundle": _OUT, "onnx": _OUT, "tokenizer": _OUT},
)
_replaced("link-device", "a link to `/dev/zero`", _link_device, {"bundle": _OUT, "onnx": _OUT, "tokenizer": _OUT})
_replaced("dangling", "a link to nothing", _dangling, _NO_FILE)
_replaced("ring", "a link to itself", _ring, _NO_FILE)
_replaced("fifo", "a pipe that nobody writes to", _fifo, _NO_FILE)
_replaced("device", "a device that never ends", _device, _NO_FILE)
_replaced("socket", "a socket", _socket, _NO_FILE)
_replaced("folder", "a folder", _folder, {"onnx": _IRREGULAR, "tokenizer": _IRREGULAR})
_replaced("gone", "nothing", _gone, {})
_UNREADABLE = ("RaxeError", "cannot be read")
_replaced("locked", "a file that may not be read", _locked, dict.fromkeys(ROLES, _UNREADABLE), no_override=True)


@hostile(
    GROUP,
    "folder-link-out",
    "a link out of the folder in place of `embeddings/`",
    "RaxeError",
    "out of the",
    declare=False,
)
def _folder_link(toy: Toy) -> None:
    embeddings = toy.onnx.parent
    outside = toy.models.parent / "outside-embeddings"
    outside.mkdir()
    for path in (toy.onnx, toy.tokenizer):
        path.rename(outside / path.name)
        path.symlink_to(outside / path.name)
    assert embeddings.is_dir()


def _elsewhere(name: str, what: str, error: str, says: str, prepare: Callable[[Path], None], **more: bool) -> None:
    """The embedding model is named as `place/model.onnx`, and `place` is what `prepare` makes of it."""

    @hostile(GROUP, name, what, error, says, declare=False, **more)
    def make(toy: Toy) -> None:
        place = toy.models / "place"
        prepare(place)
        value = toy.read()
        value["file_info"]["onnx_embeddings"] = "place/model.onnx"
        toy.write(value)


def _locked_folder(place: Path) -> None:
    place.mkdir()
    place.chmod(0)


def _folder_out(place: Path) -> None:
    outside = place.parent.parent / "outside"
    outside.mkdir()
    (outside / "model.onnx").write_bytes(b"x")
    place.symlink_to(outside)


_elsewhere("place-ring", "a folder on the way that is a link to itself", "RaxeError", "place/model.onnx",
           lambda place: place.symlink_to(place))  # fmt: skip
_elsewhere("place-out", "a folder on the way that is a link out of the folder", *_OUT, _folder_out)
_elsewhere("place-file", "a file where a folder should be", "RaxeError", "place/model.onnx", Path.touch)
_elsewhere(
    "place-locked",
    "a folder on the way that may not be entered",
    "RaxeError",
    "place/model.onnx",
    _locked_folder,
    no_override=True,
)


for _name in ("pickle", "joblib", "elf", "python"):

    def _left(name: str, what: str, data: bytes) -> None:
        @hostile("Left in the folder", f"stray-{name}", f"{what}, left in every folder under likely names", "", "",
                 stage="harmless")  # fmt: skip
        def make(toy: Toy) -> None:
            for folder in (toy.models, *(p for p in toy.models.iterdir() if p.is_dir())):
                for stray in (
                    "conftest.py",
                    "__init__.py",
                    "sitecustomize.py",
                    "model.pkl",
                    "classifier.joblib",
                    "lib.so",
                ):
                    (folder / stray).write_bytes(data)

    _left(_name, *PROGRAMS[_name])


@hostile("Left in the folder", "stray-bundle-of-another", "a bundle that claims the id of the good variant", "", "",
         stage="harmless")  # fmt: skip
def _claims(toy: Toy) -> None:
    before = toy.bundle.read_bytes()
    rewrite(toy, edit=lambda value: value.update(model_id=GOOD_ID))
    (toy.bundle.parent / "another.raxe").write_bytes(toy.bundle.read_bytes())
    toy.bundle.write_bytes(before)


@hostile("Left in the folder", "stray-metadata-of-another", "metadata that claim the id of the good variant", "", "",
         stage="harmless")  # fmt: skip
def _claims_id(toy: Toy) -> None:
    value = {**toy.read(), "model_id": GOOD_ID}
    (toy.metadata.parent / "v0.0_another.json").write_bytes(canonical_json(value))


@hostile("Left in the folder", "stray-many", "500 files of no meaning in every folder", "", "", stage="harmless")
def _many(toy: Toy) -> None:
    for folder in (p for p in toy.models.iterdir() if p.is_dir()):
        for index in range(100):
            for suffix in ("json.swp", "json~", "bak", "txt", "JPG"):
                (folder / f"f{index}.{suffix}").touch()


def _legacy(name: str, what: str, change: Callable[[Path], None], **more: bool) -> None:
    """A deploy folder of the old layout beside the variants, with something wrong in it."""

    @hostile("Left in the folder", f"legacy-{name}", f"an old deploy folder {what}", "", "", stage="harmless", **more)
    def make(toy: Toy) -> None:
        folder = toy.models / "model_quantized_int8_deploy"
        folder.mkdir()
        (folder / "model.onnx").write_bytes(toy.onnx.read_bytes())
        (folder / "tokenizer.json").write_bytes(toy.tokenizer.read_bytes())
        (folder / "config.json").write_text('{"hidden_size": 7, "model_type": "bert"}', encoding="utf-8")
        change(folder)


def _become(name: str, replace: Replace) -> Callable[[Path], None]:
    return lambda folder: replace(folder / name, Toy(folder.parent, folder.parent.parent / "benchmark.jsonl"))


for _file in ("config.json", "model.onnx", "tokenizer.json"):
    for _kind, _replace in (("fifo", _fifo), ("link-out", _link_out), ("ring", _ring), ("folder", _folder)):
        _legacy(f"{_file.split('.')[0]}-{_kind}", f"whose {_file} is a {_kind}", _become(_file, _replace))
_legacy(
    "config-deep", "whose config.json is 100,000 lists deep", lambda f: (f / "config.json").write_text("[" * 100_000)
)
_legacy("config-number", "whose config.json names a width of 10^300", lambda f: (f / "config.json").write_text(
    '{"hidden_size": 1' + "0" * 300 + "}"))  # fmt: skip
_legacy("locked", "that may not be entered", lambda folder: folder.chmod(0), no_override=True)
_legacy("config-locked", "whose config.json may not be read", lambda f: (f / "config.json").chmod(0), no_override=True)


# ---- files that change


def _swap(role: str, kind: str, what: str, error: str, says: str, meanwhile: Replace) -> None:
    @hostile("Changes after discovery", f"meanwhile-{role}-{kind}", what, error, says,
             meanwhile=lambda toy: meanwhile(_path(toy, role), toy))  # fmt: skip
    def make(toy: Toy) -> None:
        """Nothing is wrong yet."""


def _other_bytes(path: Path, toy: Toy) -> None:
    if path == toy.bundle:
        rewrite(toy, {"schema.json": b'{"type": "array"}'})
        return
    aside = path.with_name("aside")
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    aside.write_bytes(data)
    aside.replace(path)


for _role in ("bundle", "onnx", "tokenizer"):
    _swap(
        _role, "swapped", f"the {_WHAT[_role]}, replaced by other bytes", "ChecksumError", "but should be", _other_bytes
    )
    _swap(_role, "removed", f"the {_WHAT[_role]}, removed", "MissingFileError", "does not exist", _gone)
    _swap(_role, "becomes-fifo", f"the {_WHAT[_role]}, replaced by a pipe", "RaxeError", "is not a regular file", _fifo)
    _swap(_role, "becomes-link", f"the {_WHAT[_role]}, replaced by a link out of the folder", "RaxeError", "out of the",
          _link_out)  # fmt: skip


@hostile(
    "Changes after discovery",
    "meanwhile-metadata-swapped",
    "the metadata, replaced: those that were discovered hold",
    "",
    "",
    stage="harmless",
    meanwhile=lambda toy: toy.metadata.write_bytes(b"{"),
)
def _metadata_swapped(toy: Toy) -> None:
    """Nothing is wrong yet."""
