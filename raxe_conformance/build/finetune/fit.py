"""From a recipe's rows to a trained variant: folds by source, the final fit, calibration, the threshold.

In every fold the selector and the encoder are trained without that fold's sources, and score their texts. What these
scores say is the only thing that calibration and threshold rest on; the encoder that ships is trained on all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raxe_conformance.build.bert import Bert
from raxe_conformance.build.finetune.texts import plant
from raxe_conformance.build.finetune.trained import HeldOut, Trained
from raxe_conformance.build.finetune.windows import Ids, fit_selector, special_ids, token_ids
from raxe_conformance.build.grammar.generate import SOURCE as OWN
from raxe_conformance.build.heads import Flags, Floats, Linear, Numbers, assign_folds, threshold_at
from raxe_conformance.build.progress import Progress
from raxe_conformance.build.recipe import EncoderSettings, Recipe
from raxe_conformance.build.training import family_numbers
from raxe_conformance.corpus.index import CorpusRow
from raxe_conformance.errors import BuildError
from raxe_conformance.headset import WindowSelector
from raxe_conformance.runtime.embed import window_starts
from raxe_conformance.runtime.selector import choose_window

if TYPE_CHECKING:
    from raxe_conformance.build.finetune.network import Network

NEVER = -1  # the fold of the project's own text: it stands in every training set, and in no held-out figure


def folds_by_source(rows: Sequence[CorpusRow], folds: int) -> Numbers:
    """The fold in which each row's source is held out, [rows] int64; NEVER for the own grammar's."""
    own = np.array([row.source == OWN for row in rows])
    found = np.full(len(rows), NEVER, np.int64)
    others = [row for row, is_own in zip(rows, own, strict=True) if not is_own]
    attack = np.array([row.is_attack for row in others], np.bool_)
    found[~own] = assign_folds([row.source for row in others], attack, folds)
    return found


def fit_variant(
    recipe: Recipe, settings: EncoderSettings, bert: Bert, tokenizer: bytes, rows: Sequence[CorpusRow],
    checkpoints: Path, tell: Progress,
) -> Trained:  # fmt: skip
    """Train on the rows. Checkpoints, one a training, are kept in the folder until that training is done.

    Raises BuildError where held-out scores do not tell attacks from benign texts at all.
    """
    fold = folds_by_source(rows, recipe.heads.folds)
    planted = plant(rows, fold.tolist(), settings.planted, recipe.heads.seed)
    work = _Work(recipe, settings, bert, tokenizer, [*rows, *(row for row, _ in planted)], checkpoints, tell)
    of_all = np.concatenate([fold, np.array([group for _, group in planted], np.int64)])
    first = np.arange(len(of_all)) < len(rows)  # planted rows are trained on, and never judged by
    logit, family = np.zeros(len(of_all)), np.full(len(of_all), -1, np.int64)
    for number in range(recipe.heads.folds):
        model = work.train(of_all != number, f"fold-{number + 1}")
        outside = (of_all == number) & first
        logit[outside], family[outside] = work.score(model, outside)
    held = first & (of_all != NEVER)
    slope, shift = calibrate(logit[held], work.attack[held])
    final = work.train(np.ones(len(of_all), np.bool_), "final")
    score = 1.0 / (1.0 + np.exp(-(slope * logit[first] + shift)))
    known = of_all[first] != NEVER
    return Trained(
        bert=final.network.to_bert(),
        binary=Linear(slope * _weights(final.network.attack), slope * _bias(final.network.attack) + shift),
        family=Linear(_weights(final.network.family), _bias(final.network.family)),
        selector=replace(final.selector, mix=slope * final.selector.mix) if final.selector else None,
        threshold=threshold_at(score[known & ~work.attack[first]], recipe.heads.threshold_fpr),
        held_out=HeldOut(score, family[first], of_all[first]),
    )


def calibrate(logit: Floats, attack: Flags) -> tuple[float, float]:
    """Slope and shift that turn logits into calibrated ones (Platt 1999, without his smoothing of the targets).

    Raises BuildError where a higher logit does not mean an attack.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6, max_iter=1000).fit(logit[:, None], attack)
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        raise BuildError("the held-out scores are no better than chance", field="encoder", remedy="more sources")
    return slope, float(model.intercept_[0])


class _Model:
    """One training's result."""

    def __init__(self, network: Network, selector: WindowSelector | None) -> None:
        self.network, self.selector = network, selector


class _Work:
    """The rows as token ids, and what is trained on and scored from them."""

    def __init__(
        self, recipe: Recipe, settings: EncoderSettings, bert: Bert, tokenizer: bytes, rows: Sequence[CorpusRow],
        checkpoints: Path, tell: Progress,
    ) -> None:  # fmt: skip
        self._recipe, self._settings, self._bert = recipe, settings, bert
        self._checkpoints, self._tell = checkpoints, tell
        with tell.step("tokenizing"):
            self._ids = token_ids([row.text for row in rows], tokenizer)
        self._frame = special_ids(tokenizer)
        self._source = [row.source for row in rows]
        self.attack = np.array([row.is_attack for row in rows], np.bool_)
        self._family = family_numbers(rows, recipe.bundle.families)
        self._usable = np.array([len(ids) > 0 for ids in self._ids])

    def train(self, inside: Flags, name: str) -> _Model:
        from raxe_conformance.build.finetune.loop import Examples, train

        seed, inside = self._recipe.heads.seed, inside & self._usable
        # Every training has a stream of its own: that of the last one does not depend on which were resumed.
        chance = np.random.default_rng([seed, *name.encode()])
        selector = None
        if self._recipe.selector:
            chosen = np.flatnonzero(inside)
            with self._tell.step(f"{name}: window selector"):
                selector = fit_selector(
                    [self._ids[row] for row in chosen], self.attack[chosen], [self._source[row] for row in chosen],
                    settings=self._recipe.selector, seed=seed,
                )  # fmt: skip
        windows: list[Ids] = []
        owner: list[int] = []
        for row in np.flatnonzero(inside).tolist():
            found = self._training_windows(row, selector, chance)
            windows += found
            owner += [row] * len(found)
        rows = np.array(owner)
        examples = Examples(windows, self.attack[rows], self._family[rows], [self._source[row] for row in owner])
        steps = len(windows) * self._settings.epochs
        with self._tell.step(f"{name}: training on {len(windows)} windows", steps) as advance:
            network = train(
                self._bert, examples, len(self._recipe.bundle.families), self._settings, seed=seed,
                frame=self._frame, checkpoint=self._checkpoints / f"{name}.pt", advance=advance,
            )  # fmt: skip
        return _Model(network, selector)

    def score(self, model: _Model, chosen: Flags) -> tuple[Floats, Numbers]:
        """The largest logit over each chosen text's windows, the selector's share included, and the family there."""
        from raxe_conformance.build.finetune.loop import logits

        windows: list[Ids] = []
        extra: list[float] = []
        owner: list[int] = []
        rows = np.flatnonzero(chosen)
        for position, row in enumerate(rows.tolist()):
            found, more = self._reading_windows(self._ids[row], model.selector)
            windows += found
            extra += [more] * len(found)
            owner += [position] * len(found)
        attack, families = logits(model.network, windows, self._frame)
        attack = attack + np.array(extra)
        best = np.lexsort((-attack, np.array(owner)))
        at, first = np.unique(np.array(owner)[best], return_index=True)
        # A text without a token is no attack, to the detector as well.
        logit, family = np.full(len(rows), float(attack.min())), np.full(len(rows), -1, np.int64)
        logit[at], family[at] = attack[best[first]], families[best[first]]
        return logit, family

    def _training_windows(self, row: int, selector: WindowSelector | None, chance: np.random.Generator) -> list[Ids]:
        """Of an attack the most suspicious window (without a selector: the first); of a benign one another."""
        ids, window = self._ids[row], self._settings.window
        start = choose_window(replace(selector, window=window), ids).start if selector else 0
        found = [ids[start : start + window]]
        if not self.attack[row] and len(ids) > window:
            start = int(chance.integers(0, len(ids) - window + 1))
            found.append(ids[start : start + window])
        return found

    def _reading_windows(self, ids: Ids, selector: WindowSelector | None) -> tuple[list[Ids], float]:
        """What the detector would read, and what the selector adds."""
        if not len(ids):
            return [], 0.0
        if selector:
            choice = choose_window(selector, ids)
            return [ids[choice.start : choice.start + selector.window]], selector.mix * choice.logit
        inner = self._recipe.embedding.max_sequence_length - 2
        return [ids[start : start + inner] for start in window_starts(len(ids), inner)], 0.0


def _weights(linear: object) -> Floats:
    weight: Floats = linear.weight.detach().numpy().astype(np.float64)  # type: ignore[attr-defined]
    return weight


def _bias(linear: object) -> Floats:
    bias: Floats = linear.bias.detach().numpy().astype(np.float64)  # type: ignore[attr-defined]
    return bias
