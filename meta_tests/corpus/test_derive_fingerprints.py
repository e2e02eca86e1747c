"""Training fingerprints: near duplicates are found, strangers are not accused, damaged members are refused."""

from __future__ import annotations

import hashlib
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.corpus.fingerprints import (
    FORMAT,
    PLACES,
    Fingerprints,
    fingerprint,
    near_matches,
    read_fingerprints,
    training_fingerprints,
)
from raxe_conformance.corpus.similar import shingles
from raxe_conformance.errors import BundleError

WORDS = [f"w{n}" for n in range(3000)]


def text(seed: int, words: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def fingerprints(texts: list[str]) -> Fingerprints:
    return read_fingerprints(training_fingerprints(texts), file="member")


def test_a_copy_is_found_whatever_its_case_and_punctuation() -> None:
    known = fingerprints([text(n) for n in range(200)])
    near, compared = near_matches(known, [text(1000), text(7).upper() + "!", "too short to tell"])
    assert (near, compared) == ({1: 1.0}, 2)


def test_a_near_duplicate_is_found_and_a_stranger_is_not() -> None:
    known = fingerprints([text(n, 100) for n in range(300)])
    changed = text(5, 100).split()
    changed[50] = "changed"
    near, compared = near_matches(known, [" ".join(changed), *(text(n, 100) for n in range(1000, 1200))])
    assert set(near) == {0}
    assert near[0] >= 0.5
    assert compared == 201


def test_the_estimate_is_that_of_the_jaccard_index() -> None:
    errors = []
    for seed in range(60):
        one, other = text(seed, 200), " ".join([*text(seed, 200).split()[:100], *text(seed + 500, 100).split()])
        a, b = set(shingles(one)), set(shingles(other))
        (left, right), _ = fingerprint([one, other], places=128)
        errors.append(float((left == right).mean()) - len(a & b) / len(a | b))
    assert abs(float(np.mean(errors))) < 0.01
    assert max(map(abs, errors)) < 0.2


def test_signatures_are_as_the_format_says() -> None:
    """Worked out from the description alone, for one text and one place."""
    prime = (1 << 31) - 1

    def number(name: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{FORMAT} 3 {name} 2".encode()).digest()[:8], "big")

    a, b = number("a") % (prime - 1) + 1, number("b") % prime
    signatures, positions = fingerprint([text(1), "short"], seed=3, places=5)
    assert positions == [0]
    assert signatures[0, 2] == min((a * (int(x) % prime) + b) % prime for x in shingles(text(1)))


def test_order_and_repetitions_do_not_show() -> None:
    texts = [text(n) for n in range(20)]
    assert training_fingerprints(texts) == training_fingerprints(texts[::-1])
    assert len(fingerprints([*texts, *texts]).signatures) == 20
    assert (fingerprints([*texts, "short"]).short, fingerprints(texts).places) == (1, PLACES)


def test_no_text_gives_no_fingerprint_and_matches_nothing() -> None:
    known = fingerprints([])
    assert known.signatures.shape == (0, PLACES)
    assert near_matches(known, [text(1)]) == ({}, 1)


def test_a_member_of_equal_signatures_is_compared_once() -> None:
    known = Fingerprints(np.tile(fingerprint([text(1)])[0], (50_000, 1)), seed=0, short=0)
    assert near_matches(known, [text(1)] * 50)[0] == dict.fromkeys(range(50), 1.0)


def member(**changes: object) -> bytes:
    from safetensors.numpy import save

    parameters = {"format": FORMAT, "k": 4, "seed": 0, "shingle": 5, "least_shingles": 4, "rows": 2, "short": 0}
    return save({"signatures": np.zeros((2, 4), np.uint32)}, metadata={"raxe": json.dumps({**parameters, **changes})})


def test_the_member_of_the_tests_below_is_readable() -> None:
    assert read_fingerprints(member(), file="m").signatures.shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": "raxe-minhash-2"}, "raxe-minhash-2"),
        ({"shingle": 3}, "of 3 words"),
        ({"k": 5}, r"uint32 \[2, 4\], but should be uint32 \[up to 2000000, 5\]"),
        ({"k": True}, "k: is True"),
        ({"k": 100_000}, "k: is 100000"),
        ({"seed": -1}, "seed"),
        ({"seed": "0"}, "seed"),
        ({"short": None}, "short"),
        ({"least_shingles": 0}, "least_shingles"),
    ],
)
def test_other_parameters_are_refused_by_name(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(BundleError, match=problem):
        read_fingerprints(member(**changes), file="m")


def test_arrays_of_another_shape_are_refused() -> None:
    from safetensors.numpy import save

    for array in (np.zeros((2, 4), np.int64), np.zeros(4, np.uint32), np.zeros((2, 3), np.uint32)):
        data = save({"signatures": array}, metadata={"raxe": json.loads(json.dumps("{}"))})
        with pytest.raises(BundleError):
            read_fingerprints(data, file="m")
    with pytest.raises(BundleError, match="holds no fingerprints"):
        read_fingerprints(save({"signatures": np.zeros((2, 4), np.uint32)}), file="m")
    with pytest.raises(BundleError, match="holds no fingerprints"):
        read_fingerprints(save({"other": np.zeros((2, 4), np.uint32)}, metadata={"raxe": "{}"}), file="m")


@settings(max_examples=300)
@given(st.data())
def test_damaged_bytes_are_refused_or_still_fingerprints(data: st.DataObject) -> None:
    damaged = bytearray(member())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for found in (bytes(damaged), bytes(damaged[:cut])):
        try:
            known = read_fingerprints(found, file="m")
        except BundleError:
            continue
        assert known.signatures.dtype == np.uint32
