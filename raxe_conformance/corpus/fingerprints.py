"""Fingerprints of texts: enough to tell whether two texts are nearly the same, not enough to read them.

A bundle that carries the fingerprints of its training rows can be cleared of having been trained on a benchmark, by
whoever has the benchmark, without the training text. Format raxe-minhash-1, in the member
training_fingerprints.safetensors:

- the array `signatures`, uint32 [rows, k], sorted and without repetitions: row order would say nothing;
- the header's metadata `raxe`: a JSON object with format, k, seed, shingle (5), least_shingles, rows (texts that
  have a signature) and short (texts that have none).

A text's signature is, for each of k hash functions h(x) = (a·x + b) mod p with p = 2³¹ − 1, the least h over its
shingles x (corpus/similar.py: five words in a row, as 32-bit numbers, taken mod p). For function i, a is 1 + A mod
(p − 1) and b is B mod p, where A and B are the first eight bytes, big-endian, of SHA-256("raxe-minhash-1 {seed} a {i}")
and SHA-256("raxe-minhash-1 {seed} b {i}"). The share of equal places of two signatures estimates the Jaccard index of
their shingles. A text with fewer than `least_shingles` distinct shingles has no signature: two people write the same
six words without copying.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.corpus.similar import PRIME, SHINGLE, minhash, shingles
from raxe_conformance.errors import BundleError, RaxeError
from raxe_conformance.strict_json import parse_json_object

MEMBER: Final = "training_fingerprints.safetensors"
FORMAT: Final = "raxe-minhash-1"
PLACES: Final = 16
LEAST_SHINGLES: Final = 4
MAX_ROWS: Final = 2_000_000
MAX_PLACES: Final = 256
_KEY: Final = "raxe"

Signatures = NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprints:
    """Signatures uint32 [rows, k] with the parameters that they were made by; `short` texts have none."""

    signatures: Signatures
    seed: int
    short: int
    least_shingles: int = LEAST_SHINGLES

    @property
    def places(self) -> int:
        """k, the length of a signature."""
        return int(self.signatures.shape[1])


def fingerprint(
    texts: Iterable[str], *, seed: int = 0, places: int = PLACES, least_shingles: int = LEAST_SHINGLES
) -> tuple[Signatures, list[int]]:
    """Signatures of the texts that are long enough, uint32 [long enough, places], and those texts' positions."""
    factors, shifts = _functions(seed, places)
    found, positions = [], []
    for position, text in enumerate(texts):
        values = shingles(text)
        if len(values) >= least_shingles:
            found.append(minhash(values, factors, shifts))
            positions.append(position)
    signatures = np.array(found, np.int64).reshape(len(found), places).astype(np.uint32)
    return signatures, positions


def training_fingerprints(texts: Sequence[str], *, seed: int = 0, places: int = PLACES) -> bytes:
    """The bytes of a bundle's member MEMBER for these training texts. The same texts, in any order, give the same."""
    from safetensors.numpy import save

    signatures, positions = fingerprint(texts, seed=seed, places=places)
    parameters = {
        "format": FORMAT,
        "k": places,
        "seed": seed,
        "shingle": SHINGLE,
        "least_shingles": LEAST_SHINGLES,
        "rows": len(positions),
        "short": len(texts) - len(positions),
    }
    data: bytes = save({"signatures": np.unique(signatures, axis=0)}, metadata={_KEY: json.dumps(parameters)})
    return data


def read_fingerprints(data: bytes, *, file: str) -> Fingerprints:
    """What `training_fingerprints` wrote, or another program by the same format. Raises BundleError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        signatures = load(data)["signatures"]
        header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
        parameters = parse_json_object(header["__metadata__"][_KEY].encode(), file=file)
    except RaxeError as error:
        raise BundleError(f"the parameters: {error.problem}", file=file, field=f"__metadata__.{_KEY}") from None
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, struct.error, UnicodeError) as error:
        raise BundleError(
            f"holds no fingerprints: {type(error).__name__}: {error}", file=file, remedy=f"write it as {FORMAT}"
        ) from None
    if parameters.get("format") != FORMAT or parameters.get("shingle") != SHINGLE:
        raise BundleError(
            f"are {parameters.get('format')!r} of {parameters.get('shingle')!r} words, "
            f"but should be {FORMAT!r} of {SHINGLE}", file=file, field="fingerprints",
        )  # fmt: skip
    k = _count(parameters, "k", 1, MAX_PLACES, file)
    if signatures.dtype != np.uint32 or signatures.ndim != 2 or signatures.shape[1] != k or len(signatures) > MAX_ROWS:
        raise BundleError(
            f"are {signatures.dtype} {list(signatures.shape)}, but should be uint32 [up to {MAX_ROWS}, {k}]",
            file=file, field="signatures",
        )  # fmt: skip
    return Fingerprints(
        signatures=signatures,
        seed=_count(parameters, "seed", 0, 1 << 62, file),
        short=_count(parameters, "short", 0, 1 << 40, file),
        least_shingles=_count(parameters, "least_shingles", 1, 1_000, file),
    )


def near_matches(known: Fingerprints, texts: Sequence[str], *, share: float = 0.5) -> tuple[dict[int, float], int]:
    """Positions of the texts that nearly repeat a fingerprinted one, with the largest estimated Jaccard index of each.

    Near means an estimate of at least `share`. The second value is how many texts were long enough to be compared.
    """
    own, positions = fingerprint(texts, seed=known.seed, places=known.places, least_shingles=known.least_shingles)
    signatures = np.unique(known.signatures, axis=0)
    enough = int(np.ceil(share * known.places))
    # A pair with `enough` equal places has one among any (places − enough + 1) of them, so only those are searched.
    places = range(known.places - enough + 1)
    orders = [np.argsort(signatures[:, place], kind="stable") for place in places]
    spans = [
        (
            np.searchsorted(signatures[orders[place], place], own[:, place], "left"),
            np.searchsorted(signatures[orders[place], place], own[:, place], "right"),
        )
        for place in places
    ]
    found: dict[int, float] = {}
    for row, position in enumerate(positions):
        parts = [order[left[row] : right[row]] for order, (left, right) in zip(orders, spans, strict=True)]
        candidates = np.unique(np.concatenate(parts))
        equal = int((signatures[candidates] == own[row]).sum(axis=1).max(initial=0))
        if equal >= enough:
            found[position] = equal / known.places
    return found, len(positions)


def _functions(seed: int, places: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    def number(name: str, index: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{FORMAT} {seed} {name} {index}".encode()).digest()[:8], "big")

    factors = [number("a", index) % (PRIME - 1) + 1 for index in range(places)]
    shifts = [number("b", index) % PRIME for index in range(places)]
    return np.array(factors, np.int64), np.array(shifts, np.int64)


def _count(parameters: dict[str, Any], key: str, least: int, most: int, file: str) -> int:
    value = parameters.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BundleError(f"is {value!r}, but should be a number from {least} to {most}", file=file, field=key)
    return value
