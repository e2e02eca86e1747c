"""The project's own training text: complete, repeatable, balanced, and not to be told apart by single words or length.

The benchmark is compared with by code alone; nothing of it is shown.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from raxe_conformance.build.dataset import digest_rows, refuse_benchmark
from raxe_conformance.build.grammar.book import DATA, ENCODED, FAMILY_OF, MAX_FILE_BYTES, books
from raxe_conformance.build.grammar.generate import SOURCE, corpus_rows, rows
from raxe_conformance.corpus.fingerprints import Fingerprints, fingerprint, near_matches
from raxe_conformance.corpus.rows import LABELS, Row, read_benchmark
from raxe_conformance.corpus.similar import near_duplicates, shingles
from raxe_conformance.packaged import shipped_benchmark

COUNT = 6000
SEED = 11
FAMILIES = LABELS[1:]
OTHER_SCRIPTS = {
    "zh", "ja", "ko", "ar", "he", "fa", "ur", "hi", "bn", "ta", "te", "th", "ru", "uk", "el", "ka", "hy", "am",
}  # fmt: skip
Pairs = list[tuple[Row, Row]]


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(rows(SEED, COUNT))


@pytest.fixture(scope="module")
def pairs(made: list[Row]) -> Pairs:
    sides: dict[str, dict[bool, Row]] = defaultdict(dict)
    for row in made:
        if row.pair:
            sides[row.pair][row.is_attack] = row
    return [(both[True], both[False]) for both in sides.values() if len(both) == 2]


def idea(row: Row) -> str:
    assert row.pair is not None
    return row.pair.rsplit("-", 1)[0]


def auc(positive: list[float], negative: list[float]) -> float:
    """The chance that a positive one is above a negative one, ties half (Mann–Whitney)."""
    low = np.sort(np.array(negative))
    above = np.searchsorted(low, positive, "left") + np.searchsorted(low, positive, "right")
    return float(above.mean() / 2 / len(low))


def jaccard(left: str, right: str) -> float:
    one, two = set(shingles(left).tolist()), set(shingles(right).tolist())
    return len(one & two) / len(one | two)


def test_every_family_has_sixty_ideas_in_english_and_every_language_twelve() -> None:
    found = books()
    english = Counter(entry.family for entry in found["en"].ideas)
    assert set(english) == set(FAMILIES)
    assert min(english.values()) >= 60
    others = {language: book for language, book in found.items() if language != "en"}
    assert len(others) >= 25
    assert set(others) >= OTHER_SCRIPTS
    for language, book in others.items():
        assert len(book.ideas) >= 12, language
        assert {entry.family for entry in book.ideas} == set(FAMILIES), language
        assert len([plain for plain in book.plain if plain.kind == "document"]) >= 4, language


def test_data_files_are_small() -> None:
    assert all(path.stat().st_size < MAX_FILE_BYTES for path in DATA.rglob("*.toml"))


def test_each_language_is_written_in_its_script() -> None:
    scripts = {
        "zh": "[\u4e00-\u9fff]", "ja": "[\u3040-\u30ff]", "ko": "[\uac00-\ud7af]", "ar": "[\u0600-\u06ff]",
        "he": "[\u0590-\u05ff]", "hi": "[\u0900-\u097f]", "bn": "[\u0980-\u09ff]", "ta": "[\u0b80-\u0bff]",
        "te": "[\u0c00-\u0c7f]", "th": "[\u0e00-\u0e7f]", "ru": "[\u0400-\u04ff]", "el": "[\u0370-\u03ff]",
        "ka": "[\u10a0-\u10ff]", "hy": "[\u0530-\u058f]", "am": "[\u1200-\u137f]",
    }  # fmt: skip
    for language, script in scripts.items():
        for entry in books()[language].ideas:
            if entry.id != "hi-jb-hinglish-yaar":  # Hindi as people type it without a Hindi keyboard
                assert re.search(script, entry.attack), entry.id
                assert re.search(script, entry.twin), entry.id


def test_the_same_seed_gives_the_same_rows_and_a_longer_stream_begins_alike(made: list[Row]) -> None:
    assert list(rows(SEED, 300)) == made[:300]
    assert list(rows(SEED + 1, 300)) != made[:300]
    assert len(made) == COUNT
    assert list(rows(SEED, 0)) == []


def test_ids_and_texts_are_unique_and_rows_are_complete(made: list[Row]) -> None:
    assert len({row.id for row in made}) == len({row.text for row in made}) == COUNT
    for row in made:
        assert row.text.strip()
        assert row.source == SOURCE
        assert row.language in books()
        assert row.label in LABELS
        assert row.license
        assert row.kind
        assert (row.kind == "attack") == row.is_attack
        assert row.subfamily is None or row.is_attack
        assert "⟨" not in row.text
        assert "{scheme}" not in row.text


def test_subfamilies_are_of_their_family(made: list[Row]) -> None:
    own = {name: family for name, family in FAMILY_OF.items() if name != ENCODED}
    for row in made:
        if row.subfamily:
            assert own.get(row.subfamily, "ENC") == row.label or (row.label == "RAG" and own.get(row.subfamily) is None)


def test_an_attack_stands_right_before_its_twin(made: list[Row]) -> None:
    for row, following in pairwise(made):
        if row.is_attack:
            assert not following.is_attack
            assert following.pair == row.pair is not None
            assert following.language == row.language
            assert (row.id, following.id) == (f"{row.pair}-a", f"{row.pair}-b")
    attacks = sum(row.is_attack for row in made)
    # The last attack may be cut off from its twin by the count.
    assert sum(bool(row.pair) and not row.is_attack for row in made) in (attacks, attacks - 1)


def test_labels_are_balanced(made: list[Row]) -> None:
    counts = Counter(row.label for row in made)
    assert 0.35 < 1 - counts["BENIGN"] / COUNT < 0.5
    attacks = COUNT - counts["BENIGN"]
    for family in FAMILIES:
        assert 0.1 <= counts[family] / attacks <= 0.35, family
    assert 0.4 < sum(row.language == "en" for row in made) / COUNT < 0.65


def test_length_does_not_tell_attacks_from_twins(pairs: Pairs) -> None:
    lengths = [(len(attack.text), len(twin.text)) for attack, twin in pairs]
    assert abs(auc([a for a, _ in lengths], [b for _, b in lengths]) - 0.5) < 0.03
    longer = sum(a > b for a, b in lengths) / sum(a != b for a, b in lengths)
    assert 0.4 < longer < 0.6


def bayes(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds of attacks and of twins under naive Bayes on words, each from models that never saw the idea."""
    words = [[set(re.findall(r"\w+", row.text.casefold())) for row in pair] for pair in pairs]
    fold = np.array([zlib.crc32(idea(attack).encode()) % 5 for attack, _ in pairs])
    odds = np.zeros((len(pairs), 2))
    for held_out in range(5):
        counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for index in np.flatnonzero(fold != held_out):
            for side in (0, 1):
                counts[side].update(words[index][side])
        for index in np.flatnonzero(fold == held_out):
            for side in (0, 1):
                odds[index, side] = sum(np.log((counts[0][w] + 1) / (counts[1][w] + 1)) for w in words[index][side])
    return odds[:, 0], odds[:, 1]


def test_single_words_hardly_tell_attacks_from_twins(pairs: Pairs) -> None:
    attacks, twins = bayes(pairs)
    accuracy = float(((attacks > 0).mean() + (twins <= 0).mean()) / 2)
    # Above chance, or the twins would not differ; far below what a text that gives itself away would allow.
    assert 0.55 < accuracy < 0.75


def test_twins_are_no_near_duplicates_of_each_other(pairs: Pairs) -> None:
    shares = [jaccard(attack.text, twin.text) for attack, twin in pairs]
    assert max(shares) <= 0.5


def test_different_ideas_share_little(made: list[Row]) -> None:
    first = {}
    for row in made:
        if row.is_attack:
            first.setdefault(idea(row), row.text)
    assert len(first) >= 760
    # Long role prompts are put together from the same pieces, which is the only repetition.
    own = [text for name, text in first.items() if "-jb-long-" not in name]
    assert (near_duplicates(own, share=0.4) >= 0).mean() < 0.01


def test_most_rows_survive_the_search_for_near_duplicates(made: list[Row]) -> None:
    found = near_duplicates([row.text for row in made])
    assert (found < 0).mean() > 0.6
    contradictory = [i for i, j in enumerate(found) if j >= 0 and made[i].is_attack != made[j].is_attack]
    assert len(contradictory) < 0.01 * COUNT


def test_no_row_comes_near_the_benchmark(made: list[Row]) -> None:
    texts = [row.text for row in read_benchmark(shipped_benchmark()).rows]
    signatures, positions = fingerprint(texts)
    known = Fingerprints(signatures, 0, len(texts) - len(positions))
    near, compared = near_matches(known, [row.text for row in made], share=0.25)
    assert compared > 0.9 * COUNT
    assert len(near) == 0
    # The other side: the benchmark does come near itself.
    assert len(near_matches(known, texts[:50], share=0.25)[0]) > 40
    refuse_benchmark(DATA, corpus_rows(SEED, 1000))


def test_planted_attacks_stand_at_all_places_of_long_texts(made: list[Row]) -> None:
    originals = [plain for book in books().values() for genre in book.carriers.values() for plain in genre]
    openings = {re.sub(r"\W.*", "", text, flags=re.DOTALL) for text in originals}
    planted = [row for row in made if row.label == "RAG" and row.text.count("\n\n") >= 2 and row.language == "en"]
    assert len(planted) > 100
    starts = sum(re.sub(r"\W.*", "", row.text, flags=re.DOTALL) in openings for row in planted) / len(planted)
    assert 0.4 < starts < 0.95


def test_corpus_rows_are_the_same_rows(made: list[Row]) -> None:
    found = corpus_rows(SEED, 400)
    assert [row.text for row in found] == [row.text for row in made[:400]]
    assert {row.source for row in found} == {SOURCE}
    assert {row.family for row in found if row.is_attack} == set(FAMILIES)
    assert all(row.family is None for row in found if not row.is_attack)
    assert digest_rows(found) == digest_rows(corpus_rows(SEED, 400))


def test_an_address_says_nothing_about_the_label(pairs: Pairs) -> None:
    address = re.compile(r"[a-z0-9.-]+\.(?:example|test)")
    compared = 0
    for attack, twin in pairs:
        hosts, others = set(address.findall(attack.text)), set(address.findall(twin.text))
        # In English addresses are parts of longer names here and there, and documents around have their own.
        if attack.language != "en" and hosts and others:
            assert hosts == others, attack.id
            compared += 1
    assert compared > 100


def test_no_word_stands_nearly_always_on_one_side(pairs: Pairs) -> None:
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    ideas: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        for side, row in enumerate(pair):
            for word in set(re.findall(r"\w{3,}", row.text.casefold())):
                counts[side][word] += 1
                ideas[word].add(idea(row))
    one_sided = [
        word
        for word, own in ideas.items()
        if len(own) >= 40 and max(counts[0][word], counts[1][word]) > 0.95 * (counts[0][word] + counts[1][word])
    ]
    assert one_sided == []
