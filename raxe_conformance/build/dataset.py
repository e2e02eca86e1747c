"""The training rows of a recipe: read by digest, without the benchmark, without repetitions, bounded by source."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raxe_conformance.build.grammar.generate import SOURCE as OWN
from raxe_conformance.build.grammar.generate import corpus_rows
from raxe_conformance.build.recipe import Corpora, HeadSettings, OwnGrammar
from raxe_conformance.corpus.fingerprints import Fingerprints, fingerprint, near_matches
from raxe_conformance.corpus.index import INDEX, MIRROR, CorpusMissingError, CorpusRow, read_index, read_rows
from raxe_conformance.corpus.rows import read_benchmark
from raxe_conformance.corpus.similar import near_duplicates
from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import digest_file
from raxe_conformance.packaged import shipped_benchmark

BENCHMARK = shipped_benchmark()


@dataclass(frozen=True)
class Selection:
    """The rows to train on, and what was left out on the way (counts of rows)."""

    rows: tuple[CorpusRow, ...]
    read: int
    near_duplicates: int
    contradictions: int
    over_cap: int


def verify_corpora(corpora: Corpora, folder: Path) -> int:
    """Hold the index and every file of the recipe to its SHA-256. Returns the bytes read.

    Raises CorpusMissingError, or BuildError for other bytes.
    """
    total = 0
    wanted = [(INDEX, corpora.index_sha256)]
    wanted += [(f"{source.name}/{file.file}", file.sha256) for source in corpora.sources for file in source.files]
    for name, digest in wanted:
        path = folder / name
        if not path.is_file():
            raise CorpusMissingError(
                "the corpus file does not exist", file=path, remedy=f"complete the folder, or name another by {MIRROR}"
            )
        found = digest_file(path, name)
        if found.sha256 != digest:
            raise BuildError(
                f"has the SHA-256 {found.sha256[:12]}…, but the recipe says {digest[:12]}…", file=path,
                remedy="training text must be the recipe's: fetch that version, or write a new recipe",
            )  # fmt: skip
        total += found.bytes
    return total


def read_sources(corpora: Corpora, folder: Path) -> list[CorpusRow]:
    """All texts of the recipe's files, in the index's order, then those of the own grammar if the recipe asks for it.

    Raises BuildError for another number of rows, or where the grammar gives other text than the recipe's.
    """
    wanted = {f"{source.name}/{file.file}": file.rows for source in corpora.sources for file in source.files}
    found: dict[str, int] = dict.fromkeys(wanted, 0)
    rows: list[CorpusRow] = []
    for entry in read_index(folder):
        if entry.file not in wanted or entry.role == "payload":
            continue
        more = read_rows(folder, entry)
        found[entry.file] += len(more)
        rows += more
    for name, count in wanted.items():
        if found[name] != count:
            raise BuildError(
                f"gives {found[name]} rows, but the recipe says {count}", file=folder / name,
                remedy="take index and files from the version that the recipe names",
            )  # fmt: skip
    return rows + (_own_rows(corpora.own_grammar) if corpora.own_grammar else [])


def _own_rows(own: OwnGrammar) -> list[CorpusRow]:
    rows = corpus_rows(own.seed, own.rows)
    digest = digest_rows(rows)
    if digest != own.sha256:
        raise BuildError(
            f"gives {len(rows)} rows with the SHA-256 {digest}, but the recipe says {own.sha256[:12]}…",
            file="build/grammar", field="own_grammar.sha256",
            remedy="take the version of this package that the recipe was written for, or write a new recipe",
        )  # fmt: skip
    return rows


def refuse_benchmark(folder: Path, rows: Sequence[CorpusRow], *, benchmark: Path = BENCHMARK) -> None:
    """Raise BuildError where training would read the benchmark: as a file, through a link, text by text, or nearly so.

    Texts are compared by SHA-256 without white space at their ends, then by fingerprint (corpus/fingerprints.py: an
    estimated half of the five-word shingles in common). Where there is no benchmark, there is nothing to refuse.
    """
    if not benchmark.is_file():
        return
    remedy = "a benchmark that was trained on measures nothing: leave it out of the training data"
    if folder.resolve() == benchmark.resolve().parent:
        raise BuildError("is the benchmark's own folder", file=folder, remedy=remedy)
    texts = [row.text for row in read_benchmark(benchmark).rows]
    known = {_exact(text) for text in texts}
    same: dict[str, bool] = {}
    for row in rows:
        if row.file not in same:
            path = folder / row.file
            same[row.file] = path.exists() and path.samefile(benchmark)
        if same[row.file] or _exact(row.text) in known:
            raise BuildError("holds text of the benchmark", file=folder / row.file, remedy=remedy)
    signatures, positions = fingerprint(texts)
    near, _ = near_matches(Fingerprints(signatures, 0, len(texts) - len(positions)), [row.text for row in rows])
    if near:
        first = rows[min(near)]
        raise BuildError(f"holds {len(near)} near duplicates of the benchmark", file=folder / first.file, remedy=remedy)


def select_rows(rows: Sequence[CorpusRow], settings: HeadSettings) -> Selection:
    """Rows without near duplicates, at most benign_cap benign ones a source, attacks first, in a fixed order.

    Of near duplicates the first stays; where an attack and a benign text are near duplicates, both go: one of the two
    labels is wrong, and nobody knows which.
    """
    ordered = sorted(rows, key=lambda row: not row.is_attack)
    repeats = near_duplicates([row.text for row in ordered], share=settings.similar_share, seed=settings.seed)
    doubtful = {int(first) for index, first in enumerate(repeats) if first >= 0 and ordered[index].is_attack
                != ordered[int(first)].is_attack}  # fmt: skip
    groups: dict[tuple[str, bool], list[CorpusRow]] = defaultdict(list)
    for index, row in enumerate(ordered):
        if repeats[index] < 0 and index not in doubtful:
            groups[row.source, row.is_attack].append(row)
    generator = np.random.default_rng(settings.seed)
    chosen: list[CorpusRow] = []
    for key in sorted(groups, key=lambda key: (not key[1], key[0])):
        group = groups[key]
        # The own text comes in pairs: a cap would leave attacks without their twins.
        if not key[1] and key[0] != OWN and len(group) > settings.benign_cap:
            picked = generator.permutation(len(group))[: settings.benign_cap]
            group = [group[index] for index in sorted(picked.tolist())]
        chosen += group
    repeated = int((repeats >= 0).sum())
    return Selection(
        rows=tuple(chosen),
        read=len(rows),
        near_duplicates=repeated,
        contradictions=len(doubtful),
        over_cap=len(rows) - repeated - len(doubtful) - len(chosen),
    )


def digest_rows(rows: Sequence[CorpusRow]) -> str:
    """SHA-256 over all texts, in order, with their labels: the same digest means the same training set."""
    state = hashlib.sha256()
    for row in rows:
        label = (row.family or "attack") if row.is_attack else "benign"
        state.update(f"{row.source}\0{label}\0".encode() + row.text.encode("utf-8", "surrogatepass") + b"\0")
    return state.hexdigest()


def _exact(text: str) -> bytes:
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).digest()
