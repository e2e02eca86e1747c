"""Integrity rules: every file is there, is the declared one, and loads."""

from __future__ import annotations

from raxe_conformance.checks.reading import Finding, Findings, Reading, Unknown
from raxe_conformance.checks.table import Level, check
from raxe_conformance.fileio import CHECKSUM
from raxe_conformance.measure.evidence import Facts, Fault, FileFact, Loaded

NO_BUNDLE = Unknown("the bundle does not open", "see INT-002")
_BUILD = "run: raxe-conformance build {}"
# declared checksum and size of each role, in file_info
_DECLARED = {
    "bundle": ("checksum", "size_mb"),
    "embeddings": ("onnx_embeddings_checksum", "onnx_embeddings_size_mb"),
    "tokenizer": ("tokenizer_checksum", None),
}


def as_finding(fault: Fault, expected: str) -> Finding:
    """A fault as a finding against what should have been."""
    return Finding(fault.where, fault.problem, expected, fault.remedy)


def _present(facts: Facts, *roles: str) -> list[FileFact]:
    return [f for f in facts.files if f.role in roles and f.sha256 is not None]


def _unbuilt(file: FileFact | None) -> bool:
    """A missing model is a matter of building it: that is "cannot tell yet", not a broken variant."""
    return file is not None and file.role != "bundle" and file.sha256 is None and file.problem == "does not exist"


@check(
    "INT-001", "every file that the variant names exists", level=Level.MUST, spec="§4 integrity", needs=("facts",),
    defect="put_a_folder_in_place_of_the_bundle",
)  # fmt: skip
def files_exist(facts: Facts) -> Reading:
    """Bundle, embedding model and tokenizer are named and are regular files that can be read."""
    found = []
    for role in ("bundle", "embeddings", "tokenizer"):
        file = facts.file(role)
        if file is None:
            found.append(Finding(facts.metadata_path or facts.model_id, f"names no {role} file", "named in file_info"))
        elif file.sha256 is None:
            if _unbuilt(file):
                return Unknown(f"{file.path} is not built", _BUILD.format(facts.model_id))
            found.append(Finding(file.path, file.problem or "cannot be read", "a readable file"))
    return Findings(tuple(found), 3)


@check(
    "INT-002", "the bundle opens: a safe ZIP with a supported manifest", level=Level.MUST, spec="§4 basic",
    needs=("facts",), defect="truncate_bundle",
)  # fmt: skip
def bundle_opens(facts: Facts) -> Reading:
    """The bundle is a ZIP that every reader reads alike, holds nothing executable, and its manifest parses."""
    fault, file = facts.bundle_fault, facts.file("bundle")
    if file is None or file.sha256 is None:
        return Unknown("there is no bundle to open", "see INT-001")
    return Findings((as_finding(fault, "a bundle of a schema that is known"),) if fault else (), 1)


@check(
    "INT-003", "bundle members have their declared checksums and fit each other", level=Level.MUST,
    spec="§4 integrity", needs=("facts",), defect="alter_bundle_member",
)  # fmt: skip
def members_verify(facts: Facts) -> Reading:
    """Every member is declared in the manifest with its SHA-256, and every head set's arrays have fitting shapes."""
    if facts.bundle is None:
        return NO_BUNDLE
    found = tuple(as_finding(fault, "as the manifest declares") for fault in facts.member_faults)
    return Findings(found, len(facts.bundle["members"]))


@check(
    "INT-004", "declared checksums match the files", level=Level.MUST, spec="§4 integrity", needs=("facts",),
    defect="change_declared_checksum",
)  # fmt: skip
def checksums_match(facts: Facts) -> Reading:
    """file_info's checksums are those of the bytes on disk."""
    info = (facts.metadata or {}).get("file_info")
    if not isinstance(info, dict):
        return Unknown("the metadata declares no checksums", "see SCH-001")
    found, looked = [], 0
    for file in _present(facts, *_DECLARED):
        key = _DECLARED[file.role][0]
        declared = info.get(key)
        if declared is None:
            continue
        looked += 1
        if not isinstance(declared, str) or not CHECKSUM.fullmatch(declared):
            found.append(Finding(f"file_info.{key}", repr(declared), "sha256:<64 hex digits>"))
        elif declared != f"sha256:{file.sha256}":
            found.append(
                Finding(
                    f"file_info.{key}",
                    f"{declared[:19]}…",
                    f"sha256:{(file.sha256 or '')[:12]}…",
                    f"fetch {file.path} again, or declare what it is",
                )
            )
    return Findings(tuple(found), looked)


@check(
    "INT-005", "declared sizes match the files", level=Level.SHOULD, spec="§2", needs=("facts",),
    defect="change_declared_size",
)  # fmt: skip
def sizes_match(facts: Facts) -> Reading:
    """file_info's sizes are within 0.1 MB or 1 % of the bytes on disk (10^6 bytes a MB)."""
    info = (facts.metadata or {}).get("file_info")
    if not isinstance(info, dict):
        return Unknown("the metadata declares no sizes", "see SCH-001")
    found, looked = [], 0
    for file in _present(facts, *_DECLARED):
        key = _DECLARED[file.role][1]
        declared = info.get(key) if key else None
        if not isinstance(declared, int | float) or file.bytes is None:
            continue
        looked += 1
        actual = file.bytes / 1e6
        if abs(declared - actual) > max(0.1, 0.01 * actual):
            found.append(Finding(f"file_info.{key}", f"{declared} MB", f"{actual:.3f} MB"))
    return Findings(tuple(found), looked)


@check(
    "INT-006", "the bundle has a head set for the variant's embedding model", level=Level.MUST, spec="§1",
    needs=("facts",), defect="name_another_embedding_model",
)  # fmt: skip
def head_set_exists(facts: Facts) -> Reading:
    """A classifier reads only the vectors it was fitted on, so heads are keyed by embedding model."""
    if facts.bundle is None:
        return NO_BUNDLE
    spaces = facts.bundle["head_sets"]
    if facts.embedding_model is None or facts.embedding_model in spaces:
        return Findings((), 1)
    if _unbuilt(facts.file("embeddings")):
        # The build fits the heads of a shared bundle after it has made the embedding model.
        return Unknown("neither the embedding model nor its head set is built", _BUILD.format(facts.model_id))
    found = Finding(
        "ml_config.embedding_model",
        facts.embedding_model,
        f"one of the bundle's head sets ({', '.join(sorted(spaces))})",
        "fit heads on this embedding's vectors",
    )
    return Findings((found,), 1)


@check(
    "INT-007", "the variant loads and answers", level=Level.MUST, spec="§4 functional", needs=("facts", "loaded"),
    defect="swap_vocabulary_for_a_larger_one", requires=(),
)  # fmt: skip
def loads(facts: Facts, loaded: Loaded) -> Reading:
    """Model, tokenizer and heads load together; empty, odd and very long texts get a finite score."""
    unread = [f for f in facts.files if f.sha256 is None and f.role != "metadata"]
    if not loaded.ok and unread:
        return Unknown(f"{unread[0].path} {unread[0].problem}", "see INT-001")
    return Findings(tuple(as_finding(fault, "loading and answering") for fault in loaded.faults), 8)


@check(
    "INT-008", "embedding dimension agrees: metadata, head set, model output", level=Level.MUST, spec="§2",
    needs=("facts", "loaded"), defect="change_declared_dimension",
)  # fmt: skip
def dimensions_agree(facts: Facts, loaded: Loaded) -> Reading:
    """ml_config.embedding_dimension is the ONNX output's last axis and the heads' input."""
    config = (facts.metadata or {}).get("ml_config")
    declared = config.get("embedding_dimension") if isinstance(config, dict) else None
    heads = ((facts.bundle or {}).get("head_sets", {}).get(facts.embedding_model or "") or {}).get("dimension")
    stated = {"ml_config.embedding_dimension": declared, "the head set": heads, "the model's output": loaded.width}
    known = {name: value for name, value in stated.items() if value is not None}
    if len(known) < 2:
        return Unknown("fewer than two of the three are known", "see INT-002 and INT-007")
    if len(set(known.values())) == 1:
        return Findings((), len(known))
    observed = ", ".join(f"{name} {value}" for name, value in known.items())
    return Findings((Finding("dimension", observed, "one number"),), len(known))
