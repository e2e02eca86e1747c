"""Who is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from raxe_conformance.errors import MeasurementError
from raxe_conformance.registry.variant import Variant

if TYPE_CHECKING:
    from raxe_conformance.target.foreign import Foreign


class Analyzer(Protocol):
    """What a detector must do to be judged."""

    def analyze(self, text: str) -> Any:
        """An object whose `metadata` holds score (0..1), is_attack and family."""


@dataclass(frozen=True)
class Subject:
    """One variant under judgement. `load` makes a detector of it, or raises RaxeError.

    variant: its files, None where it has none. again: how another process loads it, as `target.again.load_again` reads
    it. function: the MODULE:FUNCTION that is judged, None where it is no function. foreign: the registry that is
    judged, or whose variant is, None for our own. backend: what computes the embeddings of a variant of ours.
    """

    model_id: str
    variant: Variant | None
    load: Callable[[], Analyzer]
    again: Mapping[str, Any]
    function: str | None = None
    foreign: Foreign | None = None
    backend: str | None = None

    @property
    def files(self) -> Variant:
        """The variant's files. Raises MeasurementError where there are none to measure anything of."""
        if self.variant is None:
            raise MeasurementError(f"{self.model_id} has no files", remedy="judge a models folder: --raxe-models DIR")
        return self.variant
