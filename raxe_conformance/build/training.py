"""From selected rows to what heads are fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.dataset import Selection
from raxe_conformance.build.heads import TrainingSet
from raxe_conformance.build.recipe import Recipe
from raxe_conformance.build.vectors import embed_texts
from raxe_conformance.corpus.index import CorpusRow


def family_numbers(rows: Sequence[CorpusRow], families: Sequence[str]) -> NDArray[np.int64]:
    """The position of each row's family in the list of families, -1 where it has none of them: [rows] int64."""
    return np.array([families.index(row.family) if row.family in families else -1 for row in rows], np.int64)


def training_set(recipe: Recipe, models: Path, selection: Selection, advance: Callable[[int], None]) -> TrainingSet:
    """The rows as vectors of the recipe's own int8 model, which is what the detector will see. Raises BuildError."""
    vectors, owner = embed_texts(
        [row.text for row in selection.rows],
        models / recipe.outputs.onnx.file,
        models / recipe.outputs.tokenizer.file,
        max_sequence_length=recipe.embedding.max_sequence_length,
        advance=advance,
    )
    return TrainingSet(
        vectors=vectors,
        owner=owner,
        attack=np.array([row.is_attack for row in selection.rows], np.bool_),
        family=family_numbers(selection.rows, recipe.bundle.families),
        source=tuple(row.source for row in selection.rows),
    )
