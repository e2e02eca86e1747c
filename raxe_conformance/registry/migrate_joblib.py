"""A joblib bundle to arrays. Opening a joblib file runs code; here that happens in a child process, never in this one.

The child is limited (memory, time, file size, only classes of linear and MLP models, no network where the system lets
it go), which is a fence and not a sandbox: it runs as the user and sees the user's files. docs/bundle.md says more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from raxe_conformance.errors import BundleError, RaxeError, RuntimeMissingError, UsageError, one_line
from raxe_conformance.fileio import canonical_json, read_bounded, sha256
from raxe_conformance.registry.bundle import FAMILIES, MANIFEST, MAX_HEADS_BYTES, MAX_JSON_BYTES, Bundle
from raxe_conformance.registry.migrate_legacy import Inside, peek
from raxe_conformance.registry.pack import pack_bundle
from raxe_conformance.strict_json import parse_json_object, read_json_object

DANGER: Final = (
    "a joblib file is a program: opening it can run anything, as you, on this machine. The child process that it is "
    "opened in is limited, but it is no sandbox. Do this only with a file that you made yourself or whose maker you "
    "trust, best in a throw-away machine; then give --i-understand-this-runs-code"
)
_SECONDS: Final = 180
_MOST_SAID: Final = 100_000_000
_LENGTH: Final = 256
_SUFFIXES: Final = (".joblib", ".pkl", ".pickle")


@dataclass(frozen=True)
class Converted:
    """The new bundle, and what there is to know about how it was made."""

    bundle: Bundle
    notes: list[str]


def convert_joblib_bundle(
    path: Path,
    output: Path,
    *,
    embedding_model: str | None = None,
    max_sequence_length: int | None = None,
    threshold: float = 0.5,
) -> Converted:
    """Make a bundle of arrays from a joblib bundle with scikit-learn linear or MLP heads. RUNS THE CODE IN IT (in a
    child process).

    embedding_model, max_sequence_length: where the old bundle does not say them. Raises UsageError where `output`
    exists, RuntimeMissingError without scikit-learn, BundleError where the heads are of a kind that is no arrays.
    """
    if output.exists():
        raise UsageError("exists already", file=output, remedy="name a new file: nothing is overwritten")
    inside = peek(path)
    with tempfile.TemporaryDirectory(prefix="raxe-joblib-") as folder:
        made = _run_child(path, Path(folder))
        heads = read_bounded(
            Path(folder, "heads.safetensors"), MAX_HEADS_BYTES, what="the converted heads", within=Path(folder)
        )
    members, notes = _documents(path)
    notes = [*made["notes"], *notes]
    space = embedding_model or _old_space(inside, members)
    if space is None:
        raise BundleError("does not say its embedding model", file=path, remedy="give --embedding-model NAME")
    length = max_sequence_length or _old_length(members)
    if length is None:
        length = _LENGTH
        notes.append(
            f"max_sequence_length is not told: {_LENGTH} is taken; give --max-sequence-length if that is wrong"
        )
    name = f"heads/{space}.safetensors"
    manifest = {
        "bundle_version": inside.text("bundle_version") or "1.0.0",
        "schema_version": "2.0.0",
        "model_id": inside.model_id,
        "created_at": inside.text("created_at") or "1980-01-01T00:00:00Z",
        "metadata": {**inside.object("metadata"), "converted_from": f"sha256:{made['source_sha256']}"},
        "architecture": {**inside.object("architecture"), "type": made["type"], "embedding_model": space},
        "training": inside.object("training"),
        "capabilities": {
            "families": made["families"],
            "num_subfamilies": sum(map(len, made["subfamilies"].values())),
            "subfamilies": made["subfamilies"],
        },
        "output_schema_ref": "schema.json",
        "head_sets": {
            space: {
                "file": name,
                "dimension": made["dimension"],
                "threshold": threshold,
                "pooling": "mean",
                "normalization": "l2",
                "max_sequence_length": length,
            }
        },
    }
    members.setdefault("schema.json", canonical_json({"type": "object"}))
    return Converted(pack_bundle(output, manifest, {name: heads, **members}), notes)


def _run_child(path: Path, folder: Path) -> dict[str, Any]:
    """What the child says it made. Its output is data of a stranger: bounded, and parsed strictly."""
    data = read_bounded(path, MAX_HEADS_BYTES * 4, what="the bundle")
    source = folder / "source.raxe"
    source.write_bytes(data)
    # Nothing of this process's environment goes along: no token, no proxy, no path of the user.
    env = {"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if "SYSTEMROOT" in os.environ:  # without it, Python does not start on Windows
        env["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    command = [sys.executable, "-I", "-m", "raxe_conformance.registry.migrate_joblib_child", str(source), str(folder)]
    with Path(folder, "said").open("wb") as said:
        child = subprocess.Popen(  # noqa: S603  our own module, by our own interpreter
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=folder, env=env,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(child)
    if code != 0:
        # The child may have put anything in the place of its own files.
        text = read_bounded(folder / "said", _MOST_SAID, what="the child's output", within=folder)
        tail = one_line(text[-4000:].decode("utf-8", "replace").strip().split("\n")[-1], 300)
        if code is None:
            tail = f"it ran for more than {_SECONDS} seconds"
        if "ModuleNotFoundError" in tail:
            raise RuntimeMissingError(f"the conversion needs scikit-learn: {tail}", file=path,
                                      remedy="pip install 'raxe-conformance[build]'")  # fmt: skip
        raise BundleError(f"cannot be converted: {tail or 'the child process was ended'}", file=path)
    made = read_json_object(folder / "made.json", MAX_JSON_BYTES)
    families, subfamilies = made.get("families"), made.get("subfamilies")
    notes, dimension = made.get("notes"), made.get("dimension")
    if (
        not isinstance(families, list) or not set(map(str, families)) <= set(FAMILIES)
        or not isinstance(subfamilies, dict) or not isinstance(notes, list) or type(dimension) is not int
    ):  # fmt: skip
        raise BundleError("the child process gave an answer that cannot be used", file=path)
    return {**made, "notes": [one_line(note, 300) for note in notes], "type": one_line(made.get("type"), 60),
            "source_sha256": sha256(data)}  # fmt: skip


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it has started in its own session."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


def _documents(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The JSON members of the old bundle that can be kept, and what was left out."""
    kept: dict[str, bytes] = {}
    notes = []
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename
                if name == MANIFEST or name.endswith(_SUFFIXES):
                    continue
                if "/" in name or not name.endswith(".json") or info.file_size > MAX_JSON_BYTES:
                    notes.append(f"{one_line(name, 100)} was left out: only JSON documents are kept")
                    continue
                with archive.open(info) as member:
                    value = parse_json_object(member.read(MAX_JSON_BYTES + 1), file=f"{path}!{name}")
                if name == "keyword_triggers.json" and not _are_triggers(value):
                    notes.append(f"{name} was left out: its triggers have another form")
                    continue
                kept[name] = canonical_json(value)
    except RaxeError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise BundleError(f"is no readable ZIP: {error}", file=path) from None
    return kept, notes


def _are_triggers(value: dict[str, Any]) -> bool:
    entries, keys = value.get("triggers"), ("id", "family", "phrase")
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), str) and entry[key] for key in keys)
        for entry in entries
    )


def _config(members: dict[str, bytes]) -> dict[str, Any]:
    data = members.get("embedding_config.json")
    return parse_json_object(data, file="embedding_config.json") if data else {}


def _old_space(inside: Inside, members: dict[str, bytes]) -> str | None:
    config = _config(members)
    named = [config.get(key) for key in ("embedding_model", "model_name", "name")]
    names = [*inside.head_sets, *(str(name).rstrip("/").rsplit("/", 1)[-1] for name in named if isinstance(name, str))]
    return names[0] if names else None


def _old_length(members: dict[str, bytes]) -> int | None:
    config = _config(members)
    found = [config.get(key) for key in ("max_sequence_length", "max_seq_length", "max_length")]
    return next((value for value in found if type(value) is int), None)
