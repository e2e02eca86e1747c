"""What can be wrong with an input, as exceptions that carry data: file, field, problem, remedy.

Every message is one line: where, what, and what to do about it. Code that catches these reads the attributes,
never the text.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Sequence
from pathlib import PurePath
from typing import Self

_MOST = 600
_LIKELY, _LONGEST = 20, 200


def one_line(text: object, most: int = _MOST) -> str:
    """`text` on one line, printable, at most `most` characters: hostile input ends up in error messages."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The names that come near to one that matches nothing; the first five where none does."""
    # To compare two names takes the square of their length, so only those are compared that have the same letters.
    letters = difflib.SequenceMatcher(b=name[:_LONGEST])

    def likeness(other: str) -> float:
        letters.set_seq1(other[:_LONGEST])
        return letters.quick_ratio()

    likely = heapq.nlargest(_LIKELY, known, key=likeness)
    return difflib.get_close_matches(name[:_LONGEST], likely, n=3, cutoff=0.4) or list(known[:5])


class RaxeError(Exception):
    """Base of all expected failures. `file` and `field` say where, `problem` what, `remedy` what to do."""

    def __init__(
        self,
        problem: str,
        *,
        file: PurePath | str | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = one_line(problem)
        self.file = None if file is None else str(file)
        self.field = field
        self.remedy = None if remedy is None else one_line(remedy)
        where = ": ".join(one_line(part, 300) for part in (self.file, self.field) if part)
        super().__init__(f"{where}: {self.problem}" if where else self.problem)

    def bare(self) -> Self:
        """Itself without the frames it came through: they hold whatever was being read, and errors are kept."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    def again(self) -> Self:
        """The same error, to be raised where it is kept: each raise adds its frames to an error, and they stay."""
        found = type(self).__new__(type(self), *self.args)
        found.__dict__.update(self.__dict__)
        return found

    @property
    def where(self) -> str:
        """File and field, as far as they are known."""
        return ": ".join(part for part in (self.file, self.field) if part)

    def __str__(self) -> str:
        text = str(self.args[0])
        return f"{text}; {self.remedy}" if self.remedy else text


class UsageError(RaxeError):
    """The call itself is wrong: an option, an unknown model id, a missing folder."""


class RegistryError(RaxeError):
    """The models folder cannot be used at all."""


class UnknownModelError(UsageError):
    """No variant has this id."""


class JsonError(RaxeError):
    """A file that should hold JSON does not hold JSON that can be believed."""


class MetadataError(RaxeError):
    """A metadata file breaks its schema."""


class BundleError(RaxeError):
    """A bundle cannot be read."""


class UnsafeBundleError(BundleError):
    """A bundle holds what could escape its folder, exhaust the machine, or run code."""


class ExecutableMemberError(UnsafeBundleError):
    """A bundle holds a pickle, joblib or program file. It is never opened."""


class ChecksumError(RaxeError):
    """A file's bytes are not the declared ones."""


class MissingFileError(RaxeError):
    """A file that the metadata names does not exist."""


class EmbeddingError(RaxeError):
    """An embedding model or its tokenizer cannot be used."""


class EmbeddingNotBuiltError(EmbeddingError, MissingFileError):
    """The embedding model is made from a recipe and has not been made here yet."""


class HeadSetError(BundleError):
    """The bundle has no heads for the variant's embedding space, or heads of another width."""


class RuntimeMissingError(RaxeError):
    """A variant's runtime is not installed."""


class TextError(RaxeError):
    """A text that the detector does not take."""


class MeasurementError(RaxeError):
    """Something could not be measured here."""


class BenchmarkError(RaxeError):
    """A benchmark file breaks the row format. `problems` lists every row's fault."""

    def __init__(self, problem: str, *, problems: tuple[str, ...] = (), **where: object) -> None:
        super().__init__(problem, **where)  # type: ignore[arg-type]
        self.problems = problems


class ProfileError(RaxeError):
    """A profile or a waiver file cannot be used."""


class ReportError(RaxeError):
    """A report does not hold to its schema."""


class BuildError(RaxeError):
    """A recipe could not be followed."""


class DeploymentError(RaxeError):
    """A deployment that was refused, or that could not be carried out."""


class StateError(DeploymentError):
    """What a target folder says of itself (state, audit log, package, policy) cannot be believed."""


class NoVariantError(RaxeError):
    """Nothing is deployed that could answer a request."""


class VariantFailedError(RaxeError):
    """A variant raised on a text, or did not answer in time, and no other one could answer."""


class MonitoringError(RaxeError):
    """Prometheus cannot be asked, or what it answers cannot be believed."""
