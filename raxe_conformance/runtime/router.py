"""Two variants, of which one answers a share of the requests: a canary beside the stable one."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, Literal, Protocol

from raxe_conformance.errors import NoVariantError, TextError, VariantFailedError
from raxe_conformance.runtime.breaker import CircuitBreaker
from raxe_conformance.runtime.result import L2Result

Role = Literal["stable", "canary", "shadow"]
Attempted = Literal["ok", "error", "slow"]  # "slow": not answered within the router's patience
Reason = Literal["error", "slow", "open"]  # why the canary did not answer; "open": its breaker is
# Seconds that a canary may take before the stable variant answers in its place, and as much again for each PIECE.
PATIENCE: Final = 0.25
PIECE: Final = 1000  # characters: long texts take long by any variant
_SPACE: Final = 1 << 64


class Analyzer(Protocol):
    """What a router routes to: a Detector, or whatever answers as one."""

    def analyze(self, text: str, l1_results: Any = None) -> L2Result:
        """Judge one text."""
        ...


class Observer(Protocol):
    """Who is told what a router does. Called from any thread; must not raise."""

    def attempted(self, role: Role, outcome: Attempted, seconds: float, result: L2Result | None) -> None:
        """A variant was asked and took so many seconds; the result where it is "ok"."""

    def fell_back(self, reason: Reason) -> None:
        """What was the canary's to answer is the stable variant's."""

    def compared(self, stable: L2Result, shadow: L2Result | None) -> None:
        """What both variants say of a text; None where the shadow had no answer or was too busy to be asked."""


class _Unobserved:
    """Tells nobody."""

    def attempted(self, role: Role, outcome: Attempted, seconds: float, result: L2Result | None) -> None:
        pass

    def fell_back(self, reason: Reason) -> None:
        pass

    def compared(self, stable: L2Result, shadow: L2Result | None) -> None:
        pass


@dataclass(frozen=True)
class Routed:
    """An answer, and which variant gave it. fell_back: the stable one in place of the canary."""

    result: L2Result
    role: Literal["stable", "canary"]
    fell_back: bool = False


def in_canary(key: str, share: int, salt: str) -> bool:
    """Whether a request key belongs to the share (percent, 0 to 100) of keys that the canary answers.

    The first 8 bytes of BLAKE2b over `salt`, a NUL and `key` (UTF-8) are a number below 2⁶⁴; the key belongs to the
    share where it is below share/100 of that. So the same keys belong to it in every process and on every machine, and
    those of a share belong to every larger one. Another salt, another choice of keys.
    """
    # Keys come from outside: a lone surrogate in one is a key like another.
    digest = hashlib.blake2b(f"{salt}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") * 100 < share * _SPACE


class CanaryRouter:
    """Answers by the stable variant or the canary, sticky by request key. Thread-safe.

    A canary that raises, or takes longer than it may, is answered for by the stable variant, and is not asked at all
    while its breaker is open. A text that a variant refuses (TextError) is the text's fault and raised as such.
    """

    def __init__(
        self,
        stable: Analyzer | None,
        canary: Analyzer | None = None,
        share: int = 0,
        *,
        salt: str = "",
        observer: Observer | None = None,
        breaker: CircuitBreaker | None = None,
        shadow: bool = False,
        patience: float = PATIENCE,
        threads: int = 2,
    ) -> None:
        """stable, canary: loaded variants; None where there is none. share: percent of the keys for the canary.

        salt: what chooses the keys (see in_canary); a release's name, so that no key is always the first to try what
        is new. shadow: the canary reads everything beside the stable variant and answers nothing. patience: seconds, as
        PATIENCE. threads: how many texts the canary reads at once. Raises ValueError for a share that is none.
        """
        if not 0 <= share <= 100:
            raise ValueError(f"share is {share}, but should be in 0..100")
        self.stable, self.canary, self.share, self.shadow = stable, canary, share, shadow
        self.breaker = breaker or CircuitBreaker()
        self._salt, self._patience = salt, patience
        self._observer: Observer = observer or _Unobserved()
        # No `with`: its threads end when the router is dropped, and requests in flight keep the router.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="canary") if canary is not None else None
        self._shadows = threading.BoundedSemaphore(2 * threads)

    def analyze(self, text: str, key: str, l1_results: Any = None) -> Routed:
        """Judge one text by the variant that the key is given to.

        Raises TextError, NoVariantError where the key's variant does not exist, VariantFailedError where a variant
        fails and no other can answer.
        """
        if self.canary is None or self.shadow or not in_canary(key, self.share, self._salt):
            result = self._ask_stable(text, l1_results)
            if self.canary is not None and self.shadow:
                self._ask_shadow(self.canary, text, l1_results, result)
            return Routed(result, "stable")
        answer = self._ask_canary(self.canary, text, l1_results)
        if isinstance(answer, L2Result):
            return Routed(answer, "canary")
        self._observer.fell_back(answer)
        if self.stable is None:
            raise VariantFailedError(f"the canary did not answer ({answer})", remedy="roll back")
        return Routed(self._ask_stable(text, l1_results), "stable", fell_back=True)

    def _ask_stable(self, text: str, l1_results: Any) -> L2Result:
        if self.stable is None:
            raise NoVariantError("no stable variant is in use", remedy="deploy one")
        started = perf_counter()
        try:
            result, seconds = _timed(self.stable, text, l1_results)
        except TextError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a variant raises is its failure
            self._observer.attempted("stable", "error", perf_counter() - started, None)
            raise VariantFailedError(f"the stable variant failed: {type(error).__name__}", remedy="roll back") from None
        self._observer.attempted("stable", "ok", seconds, result)
        return result

    def _ask_canary(self, canary: Analyzer, text: str, l1_results: Any) -> L2Result | Reason:
        """The canary's answer, or why there is none."""
        if self._pool is None or not self.breaker.allow():
            return "open"
        started = perf_counter()
        future = self._pool.submit(_timed, canary, text, l1_results)
        done, _ = wait([future], timeout=self._patience_with(text))
        if not done:
            future.cancel()  # only what has not begun; what has is left to its thread
            return self._failed("slow", perf_counter() - started)
        error = future.exception()
        if isinstance(error, TextError):
            self.breaker.record(failed=False)
            raise error
        if error is not None:
            return self._failed("error", perf_counter() - started)
        result, seconds = future.result()
        self.breaker.record(failed=False)
        self._observer.attempted("canary", "ok", seconds, result)
        return result

    def _patience_with(self, text: str) -> float:
        return self._patience * (1 + len(text) // PIECE)

    def _failed(self, outcome: Literal["error", "slow"], seconds: float) -> Reason:
        self.breaker.record(failed=True)
        self._observer.attempted("canary", outcome, seconds, None)
        return outcome

    def _ask_shadow(self, canary: Analyzer, text: str, l1_results: Any, stable: L2Result) -> None:
        """Ask the canary without waiting. A shadow that is too busy or broken misses texts; it holds up no answer."""
        if self._pool is None or not self._shadows.acquire(blocking=False):
            self._observer.compared(stable, None)
            return
        if not self.breaker.allow():
            self._shadows.release()
            self._observer.compared(stable, None)
            return
        started = perf_counter()

        def note(future: Future[tuple[L2Result, float]]) -> None:
            self._shadows.release()
            error = future.exception()
            if error is None:
                result, seconds = future.result()
                self.breaker.record(failed=seconds > self._patience_with(text))
                self._observer.attempted("shadow", "ok", seconds, result)
                self._observer.compared(stable, result)
                return
            refused = isinstance(error, TextError)
            self.breaker.record(failed=not refused)
            if not refused:
                self._observer.attempted("shadow", "error", perf_counter() - started, None)
            self._observer.compared(stable, None)

        self._pool.submit(_timed, canary, text, l1_results).add_done_callback(note)


def _timed(variant: Analyzer, text: str, l1_results: Any) -> tuple[L2Result, float]:
    started = perf_counter()
    result = variant.analyze(text, l1_results)
    seconds = perf_counter() - started
    if not isinstance(result, L2Result):
        raise TypeError(f"answered with a {type(result).__name__}, but should with an L2Result")
    score = result.metadata.get("score")
    if not isinstance(score, float) or not 0.0 <= score <= 1.0:
        raise ValueError(f"answered with the score {score!r}, but should in 0..1")
    return result, seconds
