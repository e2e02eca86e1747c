"""What a benchmark file is made of, counted: the tables of docs/benchmark.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from raxe_conformance.corpus.rows import Benchmark, Row

LENGTHS: Final = ((8, "1–8"), (16, "9–16"), (32, "17–32"), (64, "33–64"), (128, "65–128"), (256, "129–256"))
_LONGER: Final = "257 and more"


@dataclass(frozen=True)
class Lengths:
    """Words of the rows of one class: least, median, mean, most, and rows by length."""

    least: int
    median: float
    mean: float
    most: int
    buckets: dict[str, int]


@dataclass(frozen=True)
class Composition:
    """Counts of rows. subfamilies: family → subfamily → rows. by_language: language → (attacks, benign)."""

    sha256: str
    rows: int
    attacks: int
    benign: int
    subfamilies: dict[str, dict[str, int]]
    kinds: dict[str, int]
    languages: dict[str, tuple[int, int]]
    licenses: dict[str, int]
    twins: int
    lengths: dict[str, Lengths]


def compose(benchmark: Benchmark) -> Composition:
    """Count a benchmark's rows. `twins` counts pairs of an attack and a benign row that share `pair`."""
    attacks = [row for row in benchmark.rows if row.is_attack]
    benign = [row for row in benchmark.rows if not row.is_attack]
    families: dict[str, Counter[str]] = defaultdict(Counter)
    for row in attacks:
        families[row.label][row.subfamily or "?"] += 1
    sides: dict[str, set[bool]] = defaultdict(set)
    for row in benchmark.rows:
        if row.pair:
            sides[row.pair].add(row.is_attack)
    languages = _count(benchmark.rows, lambda row: row.language)
    of_attacks = _count(attacks, lambda row: row.language)
    return Composition(
        sha256=benchmark.sha256,
        rows=len(benchmark.rows),
        attacks=len(attacks),
        benign=len(benign),
        subfamilies={family: dict(sorted(families[family].items())) for family in sorted(families)},
        kinds=_count(benign, lambda row: row.kind),
        languages={name: (of_attacks.get(name, 0), n - of_attacks.get(name, 0)) for name, n in languages.items()},
        licenses=_count(benchmark.rows, lambda row: row.license),
        twins=sum(len(both) == 2 for both in sides.values()),
        lengths={name: _lengths(rows) for name, rows in (("attack", attacks), ("benign", benign)) if rows},
    )


def as_markdown(found: Composition) -> str:
    """The composition as tables, for a page of documentation."""
    lines = [
        f"{found.rows:,} rows: {found.attacks} attacks and {found.benign:,} benign; {found.twins} pairs of twins. "
        f"SHA-256 `{found.sha256}`.",
        "",
        *_table(
            ("family", "attacks", "subfamilies"),
            (
                (family, str(sum(parts.values())), ", ".join(f"{name} {n}" for name, n in parts.items()))
                for family, parts in found.subfamilies.items()
            ),
        ),
        "",
        *_table(("kind of benign row", "rows"), ((kind, str(n)) for kind, n in found.kinds.items())),
        "",
        *_table(
            ("words", "attacks", "share", "benign", "share"),
            (
                (bucket, *(cell for name in found.lengths for cell in _bucket(found.lengths[name], bucket)))
                for bucket in [name for _, name in LENGTHS] + [_LONGER]
            ),
        ),
        "",
        *(
            f"{name.capitalize()} rows have {of.least} to {of.most} words, median {of.median:g}, mean {of.mean:.1f}."
            for name, of in found.lengths.items()
        ),
        "",
        f"Languages: {len(found.languages)}; outside English {_outside(found)}. By language, attacks + benign: "
        + ", ".join(f"{name} {attacks} + {benign}" for name, (attacks, benign) in found.languages.items())
        + ".",
        "",
        "Licence: " + ", ".join(f"{name} {n:,}" for name, n in found.licenses.items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def _outside(found: Composition) -> str:
    foreign = [counts for name, counts in found.languages.items() if name.split("-")[0] != "en"]
    attacks, benign = sum(a for a, _ in foreign), sum(b for _, b in foreign)
    parts = [(attacks, found.attacks, "attacks"), (benign, found.benign, "benign rows")]
    return " and ".join(f"{n} of {of:,} {what} ({n / of:.1%})" for n, of, what in parts if of)


def _count(rows: Iterable[Row], key: Callable[[Row], str | None]) -> dict[str, int]:
    counts = Counter(key(row) or "?" for row in rows)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _lengths(rows: Sequence[Row]) -> Lengths:
    words = [len(row.text.split()) for row in rows]
    buckets = Counter(next((name for most, name in LENGTHS if n <= most), _LONGER) for n in words)
    names = [*(name for _, name in LENGTHS), _LONGER]
    return Lengths(min(words), median(words), sum(words) / len(words), max(words), {n: buckets[n] for n in names})


def _bucket(lengths: Lengths, bucket: str) -> tuple[str, str]:
    n = lengths.buckets[bucket]
    return str(n), f"{n / sum(lengths.buckets.values()):.1%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
