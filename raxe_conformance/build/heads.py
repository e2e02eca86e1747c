"""Classifier heads on frozen embeddings: logistic regression, judged on sources that it has not seen.

A text is as suspicious as its most suspicious window, so everything here is about windows that belong to texts:

- every window of a benign text is benign; they share the text's weight;
- of an attack only some windows attack, and nobody marked which. A first fit takes the first window of each attack, a
  second fit the window that the first fit finds most suspicious;
- a text's score is the maximum over its windows, in fitting the threshold as well as later in the detector.

The same input gives the same bits on one machine: one thread, float64, a fixed order.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.recipe import HeadSettings
from raxe_conformance.errors import BuildError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingSet:
    """Texts as windows. `vectors` [windows, width] float32; window i belongs to text `owner[i]`, texts in order.

    By text: `attack` [texts] bool, `family` [texts] int64 (a position in the list of families, -1 where none is
    known), `source` one name a text.
    """

    vectors: NDArray[np.float32]
    owner: Numbers
    attack: Flags
    family: Numbers
    source: tuple[str, ...]


@dataclass(frozen=True)
class Linear:
    """Logits = vectors @ weight.T + bias: weight [outputs, width], bias [outputs], float64."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class Fit:
    """The heads, the threshold on the attack probability, and the scores from models that had not seen the source.

    `held_out` [texts] float64 are those scores, `fold` [texts] says in which fold each text's source was held out.
    """

    binary: Linear
    family: Linear
    threshold: float
    held_out: Floats
    held_out_family: Numbers
    fold: Numbers = field(repr=False)


def fit_heads(data: TrainingSet, families: int, settings: HeadSettings) -> Fit:
    """Fit the heads on all texts, and the threshold on scores of held-out sources. Raises BuildError."""
    from threadpoolctl import threadpool_limits  # scikit-learn depends on it

    missing = [n for n in range(families) if not (data.family == n).any()]
    if missing or data.attack.all():
        raise BuildError(
            "no text of a class is left to train on",
            field=f"family {missing[0]}" if missing else "benign",
            remedy="add a source, or take the family out of the recipe",
        )
    # BLAS splits sums by thread, and sums in another order are other bits.
    with threadpool_limits(limits=1):
        fold = assign_folds(data.source, data.attack, settings.folds)
        held_out = np.zeros(len(data.attack))
        held_out_family = np.full(len(data.attack), -1, np.int64)
        for number in range(settings.folds):
            inside, outside = fold != number, fold == number
            binary = fit_binary(data, inside, settings)
            held_out[outside] = text_scores(data, binary)[outside]
            family = _fit_family(data, inside, binary, families, settings)
            held_out_family[outside] = _best_family(data, binary, family)[outside]
        everything = np.ones(len(data.attack), np.bool_)
        binary = fit_binary(data, everything, settings)
        family = _fit_family(data, everything, binary, families, settings)
    threshold = threshold_at(held_out[~data.attack], settings.threshold_fpr)
    return Fit(binary, family, threshold, held_out, held_out_family, fold)


def assign_folds(source: Sequence[str], attack: Flags, folds: int) -> Numbers:
    """A fold for each text, all texts of a source in the same, attacks and benign texts spread evenly: [texts] int64.

    Raises BuildError where a fold would hold no attack or no benign text.
    """
    names = np.array(source)
    counts = {
        name: (int((attack & (names == name)).sum()), int((~attack & (names == name)).sum()))
        for name in sorted(set(source))
    }
    total = np.maximum(1, np.array(list(counts.values())).sum(axis=0))
    load = np.zeros((folds, 2))
    chosen: dict[str, int] = {}
    # The largest first, each to where the shares of attacks and benign texts stay lowest.
    for name in sorted(counts, key=lambda name: (-max(np.array(counts[name]) / total), name)):
        share = np.array(counts[name]) / total
        fullness = ((load + share) ** 2).sum(axis=1) - (load**2).sum(axis=1)
        chosen[name] = int(np.argmin(fullness))
        load[chosen[name]] += share
    if (load == 0).any():
        raise BuildError(f"there are too few sources for {folds} folds", field="heads.folds", remedy="lower it")
    return np.array([chosen[name] for name in source], np.int64)


def text_weights(source: Sequence[str], attack: Flags, power: float) -> Floats:
    """Weights by text, mean 1: attacks and benign texts weigh the same in sum, and within each a source of n texts
    weighs n to the power `power` (1: every text the same; 0: every source the same). [texts] float64."""
    names = np.array(source)
    weights = np.zeros(len(names))
    for kind in (True, False):
        for name in sorted(set(source)):
            chosen = (names == name) & (attack == kind)
            if count := int(chosen.sum()):
                weights[chosen] = count**power / count
        of_kind = attack == kind
        if of_kind.any():
            weights[of_kind] *= 0.5 * len(names) / weights[of_kind].sum()
    return weights


def text_scores(data: TrainingSet, binary: Linear) -> Floats:
    """Attack probability of each text, the maximum over its windows: [texts] float64 in 0..1."""
    logits = (data.vectors.astype(np.float64) @ binary.weight.T + binary.bias)[:, 0]
    return _sigmoid(_largest(data, logits))


def threshold_at(benign: Floats, rate: float) -> float:
    """The lowest threshold at which at most `rate` of the benign scores reach it.

    Half way between the last score that must not reach it and the first that may, so that a rounding error elsewhere
    changes nothing.
    """
    ordered = np.sort(benign)[::-1]
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    if allowed == 0:
        return float((ordered[0] + 1.0) / 2.0)
    # Equal scores stand or fall together.
    while allowed and ordered[allowed - 1] == ordered[allowed]:
        allowed -= 1
    above = ordered[allowed - 1] if allowed else 1.0
    return float((above + ordered[allowed]) / 2.0)


def head_arrays(fit: Fit) -> dict[str, NDArray[np.float32]]:
    """The heads as a bundle holds them: "{head}.0.weight" [outputs, width], "{head}.0.bias" [outputs], float32."""
    return {
        f"{name}.0.{part}": np.ascontiguousarray(array, np.float32)
        for name, head in (("binary", fit.binary), ("family", fit.family))
        for part, array in (("weight", head.weight), ("bias", head.bias))
    }


def fit_binary(data: TrainingSet, inside: Flags, settings: HeadSettings) -> Linear:
    """The attack head, fitted on the texts marked in `inside` [texts] bool. Raises BuildError."""
    weights = text_weights([name for name, keep in zip(data.source, inside, strict=True) if keep],
                           data.attack[inside], settings.source_power)  # fmt: skip
    by_text = np.zeros(len(inside))
    by_text[inside] = weights
    first = np.zeros(len(data.owner), np.bool_)
    first[_first_windows(data)] = True
    binary = _logistic_binary(data, by_text, first, settings)
    most = np.zeros(len(data.owner), np.bool_)
    most[most_suspicious(data, binary)] = True
    return _logistic_binary(data, by_text, most, settings)


def _logistic_binary(data: TrainingSet, by_text: Floats, attacking: Flags, settings: HeadSettings) -> Linear:
    """Benign windows share their text's weight; of attacks only the windows marked in `attacking` take part."""
    attack = data.attack[data.owner]
    windows = np.bincount(data.owner, minlength=len(data.attack))
    weights = np.where(attack, np.where(attacking, 1.0, 0.0), 1.0 / windows[data.owner]) * by_text[data.owner]
    used = weights > 0
    return _logistic(data.vectors[used], attack[used].astype(np.int64), weights[used], settings.c, settings)


def _fit_family(data: TrainingSet, inside: Flags, binary: Linear, families: int, settings: HeadSettings) -> Linear:
    """Which family an attack belongs to, from its most suspicious window. Families that are rare weigh the same."""
    windows = most_suspicious(data, binary)
    used = inside & (data.family >= 0)
    family = data.family[used]
    present, counts = np.unique(family, return_counts=True)
    # A family that only stands in held-out sources is never chosen by that fold's model.
    weight, bias = np.zeros((families, data.vectors.shape[1])), np.full(families, -1e3)
    if len(present) == 1:
        bias[present] = 0.0
        return Linear(weight, bias)
    # Between all texts alike and all families alike: a family with few, similar texts must not take over.
    share = dict(zip(present.tolist(), np.sqrt(counts) / counts, strict=True))
    weights = np.array([share[int(n)] for n in family])
    weights *= len(weights) / weights.sum()
    found = _logistic(data.vectors[windows[used]], family, weights, settings.family_c, settings)
    if len(present) == 2:
        # Two classes come as one row: the logit of the second against the first.
        weight[present], bias[present] = (
            [-found.weight[0] / 2, found.weight[0] / 2],
            [-found.bias[0] / 2, found.bias[0] / 2],
        )
    else:
        weight[present], bias[present] = found.weight, found.bias
    return Linear(weight, bias)


def _logistic(
    vectors: NDArray[np.float32], label: Numbers, weights: Floats, c: float, settings: HeadSettings
) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression(C=c, max_iter=settings.max_iterations, tol=1e-6, solver="lbfgs")
    with warnings.catch_warnings():
        # Said as an error below.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectors.astype(np.float64), label, sample_weight=weights)
    if int(np.max(model.n_iter_)) >= settings.max_iterations:
        raise BuildError(
            f"the fit did not converge in {settings.max_iterations} iterations", field="heads.max_iterations",
            remedy="raise it, or lower c",
        )  # fmt: skip
    return Linear(np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64))


def most_suspicious(data: TrainingSet, binary: Linear) -> Numbers:
    """The position of each text's most suspicious window: [texts] int64."""
    return _largest_windows(data, (data.vectors.astype(np.float64) @ binary.weight.T + binary.bias)[:, 0])


def _best_family(data: TrainingSet, binary: Linear, family: Linear) -> Numbers:
    chosen = data.vectors[most_suspicious(data, binary)].astype(np.float64)
    best: Numbers = np.argmax(chosen @ family.weight.T + family.bias, axis=1).astype(np.int64)
    return best


def _first_windows(data: TrainingSet) -> Numbers:
    """The position of each text's first window: [texts] int64."""
    return np.searchsorted(data.owner, np.arange(len(data.attack))).astype(np.int64)


def _largest(data: TrainingSet, values: Floats) -> Floats:
    return np.maximum.reduceat(values, _first_windows(data))


def _largest_windows(data: TrainingSet, values: Floats) -> Numbers:
    """The position of each text's window with the largest value, the first of equals: [texts] int64."""
    order = np.lexsort((np.arange(len(values)), -values, data.owner))
    return order[_first_windows(data)].astype(np.int64)


def _sigmoid(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(0.0, -logits))
