"""What an encoder is trained on: rows under the label policy, and attacks planted in long harmless texts."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from raxe_conformance.corpus.index import CorpusRow
from raxe_conformance.corpus.planting import at_end, at_start, in_middle
from raxe_conformance.errors import BuildError
from raxe_conformance.registry.bundle import FAMILIES

DROP, BENIGN = "DROP", "BENIGN"
DIGITS = 12  # of a text's SHA-256, which name it in the list of labels
_CARRIER_WORDS = (80, 500)
_LONGEST_PLANTED = 120  # words


@dataclass(frozen=True)
class Relabelled:
    """Rows after the label policy, and how many of them it changed."""

    rows: tuple[CorpusRow, ...]
    dropped: int
    to_benign: int
    to_attack: int
    other_family: int


def read_labels(path: Path) -> dict[str, str]:
    """Labels by the first DIGITS hex digits of the text's SHA-256. Raises BuildError for a line that is not that."""
    labels: dict[str, str] = {}
    with path.open(encoding="ascii", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if len(row) != 2 or len(row[0]) != DIGITS or row[1] not in (*FAMILIES, BENIGN, DROP):
                raise BuildError(
                    f"line {number} is {','.join(row)!r}, but should be {DIGITS} hex digits and a label",
                    file=path, remedy=f"a label is one of {', '.join(FAMILIES)}, {BENIGN}, {DROP}",
                )  # fmt: skip
            labels[row[0]] = row[1]
    return labels


def relabel(rows: Sequence[CorpusRow], labels: dict[str, str]) -> Relabelled:
    """The rows with the labels of the list where it knows the text; the corpus's own label elsewhere."""
    kept: list[CorpusRow] = []
    counts: Counter[str] = Counter()
    for row in rows:
        label = labels.get(text_id(row.text))
        if label == DROP:
            counts["dropped"] += 1
            continue
        if label is None:
            kept.append(row)
        elif label == BENIGN:
            counts["to_benign"] += row.is_attack
            kept.append(replace(row, is_attack=False, family=None))
        else:
            counts["to_attack"] += not row.is_attack
            counts["other_family"] += row.is_attack and row.family != label
            kept.append(replace(row, is_attack=True, family=label))
    return Relabelled(tuple(kept), counts["dropped"], counts["to_benign"], counts["to_attack"], counts["other_family"])


def text_id(text: str) -> str:
    """How the list of labels names a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def plant(rows: Sequence[CorpusRow], groups: Sequence[int], count: int, seed: int) -> list[tuple[CorpusRow, int]]:
    """`count` short attacks inside long harmless texts of the same group, at the start, in the middle or at the end.

    groups: one number a row (the fold it is held out in), so that no planted row carries text across a split. Returns
    rows (family RAG, the attack's source) with their groups. Repeatable.
    """
    chance = Random(seed)  # noqa: S311  no secret
    short: dict[int, list[CorpusRow]] = defaultdict(list)
    carriers: dict[int, list[str]] = defaultdict(list)
    for row, group in zip(rows, groups, strict=True):
        words = len(row.text.split())
        if row.is_attack and words <= _LONGEST_PLANTED and row.family != "RAG":
            short[group].append(row)
        elif not row.is_attack and _CARRIER_WORDS[0] <= words <= _CARRIER_WORDS[1]:
            carriers[group].append(row.text)
    usable = sorted(set(short) & set(carriers))
    found = []
    for number in range(count if usable else 0):
        group = usable[number % len(usable)]
        attack, carrier = chance.choice(short[group]), chance.choice(carriers[group])
        place = chance.choice((at_start, in_middle, at_end))
        found.append((replace(attack, text=place(attack.text, carrier), family="RAG"), group))
    return found
