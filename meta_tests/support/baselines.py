"""Detectors that must fail: each solves a benchmark only as far as the benchmark can be gamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raxe_conformance.corpus.rows import Row

# What somebody would write down who has read three articles on prompt injection.
KEYWORDS = (
    "ignore previous", "ignore all", "ignore the above", "ignore your", "disregard", "forget everything", "override",
    "system prompt", "hidden instructions", "your instructions", "initial prompt", "reveal", "jailbreak", "dan mode",
    "do anything now", "developer mode", "debug mode", "admin mode", "god mode", "no restrictions", "unrestricted",
    "without restrictions", "no filter", "unfiltered", "uncensored", "no rules", "bypass", "safety guidelines",
    "you are now", "pretend to be", "act as if", "roleplay as", "never refuse", "do not refuse", "must comply",
    "rm -rf", "sudo", "/etc/passwd", "../", "drop table", "union select", "curl http", "password", "api key", "secret",
    "exfiltrate", "base64", "decode this", "rot13", "<|im_start|>",
)  # fmt: skip


@dataclass
class Answer:
    """What a detector must answer with."""

    metadata: dict[str, Any]


class Baseline:
    """A detector made of a function from text to score; an attack from 0.5 on."""

    def __init__(self, score: Callable[[str], float]) -> None:
        self._score = score

    def analyze(self, text: str) -> Answer:
        score = self._score(text)
        return Answer({"score": score, "is_attack": score >= 0.5, "family": "PI" if score >= 0.5 else None})


def always_benign(rows: Sequence[Row]) -> Baseline:
    """Says BENIGN whatever it reads."""
    return Baseline(lambda text: 0.0)


def keywords(rows: Sequence[Row]) -> Baseline:
    """Says attack where one of 50 keywords stands in the text, in any case."""
    pattern = re.compile("|".join(map(re.escape, KEYWORDS)), re.IGNORECASE)
    return Baseline(lambda text: float(bool(pattern.search(text))))


def length_alone(rows: Sequence[Row]) -> Baseline:
    """Says attack from, or up to, a number of words: the best on these very rows, by F1."""
    words = np.array([len(row.text.split()) for row in rows])
    attack = np.array([row.is_attack for row in rows])

    def f1(called: Any) -> float:
        return float(2 * (called & attack).sum() / (called.sum() + attack.sum()))

    limits = range(int(words.max()) + 1)
    best, limit, longer = max((f1(words >= n if up else words <= n), n, up) for n in limits for up in (True, False))
    assert best > 0
    return Baseline(lambda text: float((len(text.split()) >= limit) == longer or len(text.split()) == limit))


def bag_of_words(rows: Sequence[Row]) -> Baseline:
    """Logistic regression on words and pairs of words (tf-idf). Each row is judged by a model that has not seen it.

    Five folds; twins stay together, which makes it harder, as it should be: a twin gives its partner away.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline

    texts = np.array([row.text for row in rows], dtype=object)
    attack = np.array([row.is_attack for row in rows])
    groups = [row.pair or row.id for row in rows]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\w+"),
        LogisticRegression(C=10.0, solver="liblinear", class_weight="balanced", random_state=0),
    )
    held_out: dict[str, float] = {}
    for train, test in GroupKFold(5).split(texts, attack, groups):
        model.fit(texts[train], attack[train])
        held_out.update(zip(texts[test], map(float, model.predict_proba(texts[test])[:, 1]), strict=True))
    return Baseline(lambda text: held_out.get(text, 0.0))


BASELINES: dict[str, Callable[[Sequence[Row]], Baseline]] = {
    "always BENIGN": always_benign,
    "50 keywords": keywords,
    "length alone": length_alone,
    "bag of words": bag_of_words,
}
