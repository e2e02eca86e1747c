"""Leave one source out: how heads do on a source that nothing of was seen in fitting or in setting the threshold.

For every source, heads are fitted on all others. The threshold is the recipe's rule over the held-out scores of the
other sources' benign texts, so the source's own texts never move it. That is the honest figure for unseen attacks; the
figure on a random split of the same sources stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from raxe_conformance.build.heads import Fit, Flags, TrainingSet, fit_binary, text_scores, threshold_at
from raxe_conformance.build.recipe import HeadSettings

RANDOM_FOLDS = 5


@dataclass(frozen=True)
class Held:
    """A source left out: flagged of attacks, flagged of benign texts, and the threshold that it was judged at."""

    source: str
    attacks: int
    attacks_flagged: int
    benign: int
    benign_flagged: int
    threshold: float


def tally(source: str, attack: Flags, flagged: Flags, here: Flags, threshold: float) -> Held:
    """What was flagged of the texts marked in `here`. All [texts] bool."""
    attacks, benign = here & attack, here & ~attack
    return Held(
        source=source,
        attacks=int(attacks.sum()),
        attacks_flagged=int((flagged & attacks).sum()),
        benign=int(benign.sum()),
        benign_flagged=int((flagged & benign).sum()),
        threshold=threshold,
    )


def leave_one_source_out(
    data: TrainingSet, fit: Fit, settings: HeadSettings, advance: Callable[[int], None] = lambda count: None
) -> list[Held]:
    """One entry a source, by name. `fit` gives the held-out scores that thresholds come from. Repeatable."""
    from threadpoolctl import threadpool_limits

    names = np.array(data.source)
    found = []
    with threadpool_limits(limits=1):
        for source in sorted(set(data.source)):
            here = names == source
            scores = text_scores(data, fit_binary(data, ~here, settings))
            threshold = threshold_at(fit.held_out[~data.attack & ~here], settings.threshold_fpr)
            found.append(tally(source, data.attack, scores >= threshold, here, threshold))
            advance(1)
    return found


def in_distribution(data: TrainingSet, settings: HeadSettings) -> Held:
    """The same heads on a random split, every source on both sides: what a benchmark of known sources would show."""
    from threadpoolctl import threadpool_limits

    fold = np.random.default_rng(settings.seed).integers(0, RANDOM_FOLDS, len(data.attack))
    scores = np.zeros(len(data.attack))
    with threadpool_limits(limits=1):
        for number in range(RANDOM_FOLDS):
            outside = fold == number
            scores[outside] = text_scores(data, fit_binary(data, ~outside, settings))[outside]
    threshold = threshold_at(scores[~data.attack], settings.threshold_fpr)
    everything = np.ones(len(data.attack), np.bool_)
    return tally("(random split)", data.attack, scores >= threshold, everything, threshold)
