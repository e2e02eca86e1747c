"""What a server tells Prometheus of itself and of the variants that it serves."""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from raxe_conformance.runtime.breaker import BreakerState, CircuitBreaker
from raxe_conformance.runtime.result import L2Result
from raxe_conformance.runtime.router import Attempted, Reason, Role
from raxe_conformance.serving.feedback import OUTCOMES, Outcome, Served

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
# Seconds. Close together where the limits lie; each limit of spec.md §8 on a latency is one of them.
BUCKETS: Final = (
    0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035, 0.004, 0.0045, 0.005, 0.006, 0.0075, 0.01,
    0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
)  # fmt: skip
_VARIANT: Final = ("environment", "variant", "release")


class Metrics:
    """The metrics of one server. All methods may be called from any thread."""

    def __init__(self, environment: str) -> None:
        """environment: the label that tells staging from production where one Prometheus reads both."""
        self.environment = environment
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)  # memory, CPU, when it was started
        PlatformCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=registry)

        by_role = (*_VARIANT, "role")
        self.attempts = counter(
            "raxe_attempts_total", "Texts that a variant was asked about, by what came of it", *by_role, "outcome"
        )
        self.seconds = Histogram(
            "raxe_analyze_seconds", "How long a variant took", by_role, buckets=BUCKETS, registry=registry
        )
        self.decisions = counter(
            "raxe_decisions_total", "Answers, by the family that was found, BENIGN for none", *by_role, "family"
        )
        self.fallbacks = counter(
            "raxe_fallbacks_total",
            "Texts of the canary that the stable variant answered, by reason",
            *_VARIANT,
            "reason",
        )
        self.shadowed = counter(
            "raxe_shadow_total",
            "Texts that a shadow read, by whether it decided as the stable one",
            *_VARIANT,
            "outcome",
        )
        self.feedback = counter("raxe_feedback_total", "Decisions whose truth became known", *_VARIANT, "outcome")
        self.responses = counter("raxe_http_responses_total", "Responses to clients", "environment", "path", "status")
        self.reloads = counter("raxe_reloads_total", "Switches to a new state", "environment", "outcome")
        self.share = Gauge(
            "raxe_share_percent", "Percent of the keys that are given to a variant", by_role, registry=registry
        )
        self.breaker = Gauge(
            "raxe_breaker_open",
            "1 while the canary is not asked, because it failed too often",
            _VARIANT,
            registry=registry,
        )
        self.sequence = Gauge(
            "raxe_state_sequence", "The number of the state served", ["environment"], registry=registry
        )
        # Series that begin at 0, so that what happens first is seen as an increase.
        for outcome in ("done", "failed"):
            self.reloads.labels(environment, outcome)

    def labels(self, served: Served) -> tuple[str, str, str]:
        """The labels of a variant."""
        return self.environment, served.model_id, served.release

    def judged(self, served: Served, outcome: Outcome) -> None:
        """The truth about a decision became known."""
        self.feedback.labels(*self.labels(served), outcome).inc()

    def in_use(self, roles: dict[Role, tuple[Served, int]], breaker: CircuitBreaker, sequence: int) -> None:
        """Which variants are served from now on: role → the variant and its percentage of the keys."""
        self.share.clear()
        self.breaker.clear()
        self.sequence.labels(self.environment).set(sequence)
        for role, (served, percent) in roles.items():
            labels = self.labels(served)
            self.share.labels(*labels, role).set(percent)
            self.seconds.labels(*labels, role)
            for outcome in ("ok", "error", "slow"):
                self.attempts.labels(*labels, role, outcome)
            for judged in OUTCOMES:
                self.feedback.labels(*labels, judged)
            if role != "stable":
                self.breaker.labels(*labels).set_function(lambda: float(breaker.state is not BreakerState.CLOSED))

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class RouterMetrics:
    """Tells the metrics what a router does. The canary is the shadow, too."""

    def __init__(self, metrics: Metrics, stable: Served | None, canary: Served | None) -> None:
        self._metrics = metrics
        self._served = {"stable": stable, "canary": canary, "shadow": canary}

    def attempted(self, role: Role, outcome: Attempted, seconds: float, result: L2Result | None) -> None:
        """See runtime.router.Observer. A failure has no latency: what raises at once is not quick."""
        labels = self._labels(role)
        self._metrics.attempts.labels(*labels, role, outcome).inc()
        if outcome != "error":
            self._metrics.seconds.labels(*labels, role).observe(seconds)
        if result is not None:
            self._metrics.decisions.labels(*labels, role, str(result.metadata.get("label"))).inc()

    def fell_back(self, reason: Reason) -> None:
        """See runtime.router.Observer."""
        self._metrics.fallbacks.labels(*self._labels("canary"), reason).inc()

    def compared(self, stable: L2Result, shadow: L2Result | None) -> None:
        """See runtime.router.Observer."""
        outcome: Literal["same", "different", "missed"] = "missed"
        if shadow is not None:
            same = stable.metadata.get("is_attack") == shadow.metadata.get("is_attack")
            outcome = "same" if same else "different"
        self._metrics.shadowed.labels(*self._labels("shadow"), outcome).inc()

    def _labels(self, role: Role) -> tuple[str, str, str]:
        served = self._served[role]
        assert served is not None  # only a variant that is there is asked
        return self._metrics.labels(served)
