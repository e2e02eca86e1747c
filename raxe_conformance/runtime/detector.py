"""The detector: text → L2Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter_ns
from typing import Any

import numpy as np

from raxe_conformance.errors import TextError
from raxe_conformance.headset import AttackClusters
from raxe_conformance.runtime.embed import Embedder, mean_pool
from raxe_conformance.runtime.explain import (
    Trigger,
    match_triggers,
    recommended_action,
    similar_attacks,
    why_it_hit,
)
from raxe_conformance.runtime.heads import Heads, HeadScores
from raxe_conformance.runtime.result import L2Prediction, L2Result, threat_type
from raxe_conformance.runtime.text import normalise


class Detector:
    """One variant, loaded. Thread-safe; holds no state between calls."""

    def __init__(
        self,
        *,
        model_id: str,
        version: str,
        embedder: Embedder,
        heads: Heads,
        triggers: tuple[Trigger, ...] = (),
        clusters: AttackClusters | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """`info` is what `model_info` adds to the id, the version and the shape of the model."""
        self.model_id, self.version = model_id, version
        self.embedder, self.heads, self.triggers, self.clusters = embedder, heads, triggers, clusters
        self._info = dict(info or {})

    @property
    def model_info(self) -> dict[str, Any]:
        """What the variant is: id, version, embedding model, widths, threshold, and its metadata's description."""
        head_set = self.heads.set
        return {
            **self._info,
            "model_id": self.model_id,
            "version": self.version,
            "embedding_model": head_set.embedding_model,
            "embedding_dimension": head_set.dimension,
            "max_sequence_length": head_set.max_sequence_length,
            "threshold": head_set.threshold,
            "families": list(head_set.families),
        }

    def analyze(self, text: str, l1_results: Any = None, context: Mapping[str, Any] | None = None) -> L2Result:
        """Judge one text. `l1_results` and `context` are accepted for the interface's sake and ignored: L2 adds to L1.

        Raises TextError for what is no string or longer than text.MAX_CHARACTERS.
        """
        started = perf_counter_ns()
        clean = normalise(text)
        normalised = perf_counter_ns()
        windows, first_stage = self.embedder.reading(clean, self.heads.set.selector)
        tokenized = perf_counter_ns()
        if not windows:
            return self._empty(started)
        # Window by window: the token vectors of a long text would fill gigabytes. So may the vectors of its windows
        # where heads are wide, so some of them are scored before the next are made.
        infer_ns = heads_ns = tokens = 0
        scores: HeadScores | None = None
        for start in range(0, len(windows), self.heads.at_once):
            pooled = []
            for ids in windows[start : start + self.heads.at_once]:
                tokens += len(ids) - 2
                began = perf_counter_ns()
                hidden = self.embedder.infer(ids)
                infer_ns += perf_counter_ns() - began
                pooled.append(mean_pool(hidden, np.ones((1, hidden.shape[1]), dtype=np.int64)))
            vectors = np.concatenate(pooled)
            began = perf_counter_ns()
            found = self.heads.score(vectors, first_stage=first_stage)
            heads_ns += perf_counter_ns() - began
            if scores is None or found.score > scores.score:
                scores, vector = replace(found, window=start + found.window), vectors[found.window]
        assert scores is not None
        classified = perf_counter_ns()

        threshold = self.heads.set.threshold
        is_attack = scores.score >= threshold
        family, share = max(scores.families.items(), key=lambda item: item[1])
        of_family = {sub: p for (fam, sub), p in scores.subfamilies.items() if fam == family}
        subfamily = max(of_family, key=of_family.__getitem__) if of_family else None
        matches = match_triggers(clean, self.triggers) if is_attack else []
        reasons = (
            why_it_hit(scores.score, threshold, family, share, scores.window, len(windows), matches)
            if is_attack
            else []
        )
        predictions = (
            [
                L2Prediction(
                    threat_type=threat_type(family, subfamily),
                    confidence=scores.score,
                    explanation="; ".join(reasons),
                    features_used=["embedding", *(["keyword_triggers"] if matches else [])],
                    metadata={"family": family, "sub_family": subfamily},
                )
            ]
            if is_attack
            else []
        )
        done = perf_counter_ns()
        return L2Result(
            predictions=predictions,
            confidence=scores.score if is_attack else 1.0 - scores.score,
            processing_time_ms=(done - started) / 1e6,
            model_version=self.version,
            features_extracted={"windows": len(windows), "tokens": tokens},
            metadata={
                "score": scores.score,
                "is_attack": is_attack,
                "family": family if is_attack else None,
                "sub_family": subfamily if is_attack else None,
                "label": family if is_attack else "BENIGN",
                "scores": scores.families,
                "why_it_hit": reasons,
                "recommended_action": recommended_action(scores.score, threshold),
                "trigger_matches": [trigger.id for trigger in matches],
                "similar_attacks": similar_attacks(vector, self.clusters) if is_attack else [],
                "windows": len(windows),
                "timings_ms": {
                    "preprocess": (normalised - started) / 1e6,
                    "tokenize": (tokenized - normalised) / 1e6,
                    "infer": infer_ns / 1e6,
                    "pool": (classified - tokenized - infer_ns - heads_ns) / 1e6,
                    "heads": heads_ns / 1e6,
                    "postprocess": (done - classified) / 1e6,
                },
            },
        )

    def analyze_batch(self, texts: Sequence[str]) -> list[L2Result]:
        """Results in the order of the texts. Each text is read by itself, so batch mates change no decision.

        Raises TextError as `analyze` does, and for one string, which is a sequence of texts of one letter.
        """
        if isinstance(texts, str):
            raise TextError("is a string, but should be a list of them", field="texts", remedy="use analyze(text)")
        return [self.analyze(text) for text in texts]

    def _empty(self, started: int) -> L2Result:
        """The answer on a text without a single token: nothing there that could attack."""
        return L2Result(
            predictions=[],
            confidence=1.0,
            processing_time_ms=(perf_counter_ns() - started) / 1e6,
            model_version=self.version,
            features_extracted={"windows": 0, "tokens": 0},
            metadata={
                "score": 0.0,
                "is_attack": False,
                "family": None,
                "sub_family": None,
                "label": "BENIGN",
                "scores": {},
                "why_it_hit": [],
                "recommended_action": "ALLOW",
                "trigger_matches": [],
                "similar_attacks": [],
                "windows": 0,
                "timings_ms": {},
            },
        )
