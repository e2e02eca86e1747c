"""The charts of a variant's page, each with its figures in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from raxe_conformance.measure.evidence import Latency
from raxe_conformance.report.html.canvas import Plot, linear_axis, log_axis
from raxe_conformance.report.html.curves import LengthBin, Thresholds, ecdf, quantile


@dataclass(frozen=True)
class Chart:
    """A picture and the sentence under it."""

    title: str
    picture: Markup
    caption: str


def milliseconds(value: float) -> str:
    """A time to three significant digits, with its unit."""
    return f"{value:.3f} ms" if value < 0.1 else f"{value:.3g} ms" if value < 1000 else f"{value:,.0f} ms"


def percent(value: float) -> str:
    """A share of 1 as a percentage, to two places below 10 %."""
    return f"{100 * value:.2f} %" if value < 0.1 else f"{100 * value:.1f} %"


def latency_chart(latency: Latency, limit: float | None) -> Chart:
    """The share of calls that end within a time, with P50, P95 and P99, and the P95 limit in ms where there is one."""
    samples = latency.samples_ms
    marks = [(f"P{round(100 * q)}", q, quantile(samples, q)) for q in (0.50, 0.95, 0.99)]
    within = "" if limit is None else f"; {percent(sum(s < limit for s in samples) / len(samples))} below {limit:g} ms"
    caption = (
        ", ".join(f"{name} {milliseconds(at)}" for name, _, at in marks) + f" over {len(samples):,} calls{within}."
    )
    low, high = max(min(samples), 1e-4), max(samples)
    if limit is not None:
        low, high = min(low, limit), max(high, limit)
    plot = Plot("Latency", caption, log_axis(low, high, "ms"), linear_axis(1.0, "share of calls", percent=True))
    if limit is not None:
        plot.limit(limit, f"limit {limit:g} ms", upright=True)
    plot.line(ecdf(samples), "main", steps=True)
    for name, q, at in marks[:1]:
        plot.dot(at, q, "main", name)
    # P95 and P99 stand nearly on top of each other: one word above, one below.
    for name, q, at in marks[1:]:
        plot.dot(at, q, "main")
        plot.word(plot.place_x(at) + 8, plot.place_y(q) + (14 if name == "P95" else 2), name, "", "start")
    return Chart("How long a call takes", plot.markup(), caption)


def length_chart(bins: Sequence[LengthBin], limit: float | None) -> Chart:
    """Time by the length of the text: P50 as a dot, P5 to P95 as a line."""
    said = "; ".join(
        f"{b.low}–{b.high} words: P50 {milliseconds(b.p50)}, P95 {milliseconds(b.p95)}, {b.n} calls" for b in bins
    )
    low, high = max(1e-4, min(b.p5 for b in bins)), max(b.p95 for b in bins)
    if limit is not None:
        low, high = min(low, limit), max(high, limit)
    plot = Plot(
        "Latency by length of the text", said,
        log_axis(min(b.low for b in bins), max(b.high for b in bins), "words"), log_axis(low, high, "ms"),
    )  # fmt: skip
    if limit is not None:
        plot.limit(limit, f"limit {limit:g} ms", upright=False)
    for b in bins:
        plot.whisker((b.low * (b.high + 1)) ** 0.5, b.p5, b.p50, b.p95)
    return Chart(
        "By length of the text", plot.markup(), "Dots: P50; lines: P5 to P95 of the calls on texts of that length."
    )


def curve_chart(curve: Mapping[str, Any], limit: float | None) -> Chart:
    """The report's length_curve: median by tokens as a line with dots, fastest to slowest call upright."""
    points = curve["points"]
    last = points[-1]
    left_out = ", ".join(f"{tokens:,}" for tokens in curve["left_out"])
    caption = (
        f"Benchmark texts joined up to {last['tokens']:,} tokens ({curve['counted_by']}), up to {points[0]['n']} calls "
        f"each: {milliseconds(points[0]['p50_ms'])} at {points[0]['tokens']:,}, {milliseconds(last['p50_ms'])} at "
        f"{last['tokens']:,}. Dots: the median; upright lines: the fastest to the slowest call."
        + (f" Left out, as it would have taken too long: {left_out} tokens." if left_out else "")
    )
    lows, highs = [max(1e-4, p["low_ms"]) for p in points], [p["high_ms"] for p in points]
    low, high = (min(lows), max(highs)) if limit is None else (min(*lows, limit), max(*highs, limit))
    plot = Plot(
        "Latency of long texts", caption,
        log_axis(max(1, points[0]["tokens"]), last["tokens"], "tokens"), log_axis(low, high, "ms"),
    )  # fmt: skip
    if limit is not None:
        plot.limit(limit, f"limit {limit:g} ms", upright=False)
    plot.line([(p["tokens"], p["p50_ms"]) for p in points], "main")
    for p in points:
        plot.whisker(p["tokens"], p["low_ms"], p["p50_ms"], p["high_ms"])
    return Chart("Long texts", plot.markup(), caption)


def roc_chart(found: Thresholds, limit: float | None) -> Chart:
    """Recall by false positive rate on a logarithmic axis, the operating point, and the limit where there is one."""
    start = 0.5 / found.benign
    now = found.alarms_now / found.benign, found.caught_now / found.attacks
    at_limit = (
        "" if limit is None else f" A threshold with a rate below {100 * limit:g} % reaches recall "
        f"{percent(found.recall_at(limit))} at most."
    )  # fmt: skip
    caption = f"Operating point: false positive rate {percent(now[0])}, recall {percent(now[1])}.{at_limit}"
    plot = Plot(
        "Receiver operating characteristic", caption,
        log_axis(start, 1.0, "false positive rate (logarithmic)", percent=True),
        linear_axis(1.0, "recall", percent=True),
    )  # fmt: skip
    if limit is not None:
        plot.limit(limit, f"limit {100 * limit:g} %", upright=True)
    plot.line(found.roc(start), "main", steps=True)
    plot.dot(max(start, now[0]), now[1], "now", "operating point")
    return Chart("Recall and false alarms", plot.markup(), caption)


def precision_chart(found: Thresholds) -> Chart:
    """Precision by recall, with the operating point."""
    flagged = found.caught_now + found.alarms_now
    recall = found.caught_now / found.attacks
    share = found.attacks / (found.attacks + found.benign)
    precision = f"precision {percent(found.caught_now / flagged)}" if flagged else "nothing is flagged"
    caption = (
        f"Operating point: recall {percent(recall)}, {precision}. {percent(share)} of these rows are attacks; "
        "where attacks are rarer, precision is lower."
    )
    plot = Plot(
        "Precision and recall", caption, linear_axis(1.0, "recall", percent=True),
        linear_axis(1.0, "precision", percent=True),
    )  # fmt: skip
    plot.line(found.precision_recall(), "main")
    if flagged:
        plot.dot(recall, found.caught_now / flagged, "now", "operating point")
    return Chart("Precision", plot.markup(), caption)


def gate_box_chart(points: Sequence[tuple[str, float, float, float | None]], limits: Mapping[str, float]) -> Chart:
    """Variants by size (MB) and P95 (ms), their F1 beside them; the box is what the gates allow.

    points: (name, MB, ms, F1). limits: by metric, size_mb, latency_p95_ms and binary_f1 where they are known.
    """
    size, time, f1 = (limits.get(name) for name in ("size_mb", "latency_p95_ms", "binary_f1"))
    sizes, times = [p[1] for p in points] + [size or 0.0], [max(p[2], 1e-4) for p in points] + ([time] if time else [])
    said = "; ".join(
        f"{name}: {mb:.3g} MB, P95 {milliseconds(ms)}, F1 {'not known' if f is None else f'{f:.3f}'}"
        for name, mb, ms, f in points
    )
    plot = Plot(
        "Size, latency and F1", said, linear_axis(max(sizes) * 1.1, "size in MB"),
        log_axis(min(times) * 0.3, max(times) * 3.0, "P95 in ms"),
    )  # fmt: skip
    if size and time:
        plot.box(size, time, "gate-box")
    if size:
        plot.limit(size, f"{size:g} MB", upright=True)
    if time:
        plot.limit(time, f"{time:g} ms", upright=False)
    for name, mb, ms, f in points:
        kind = "open" if f is None or f1 is None else "good" if f > f1 else "bad"
        plot.dot(mb, max(ms, 1e-4), kind, f"{name[:28]}{'' if f is None else f', F1 {f:.2f}'}")
    caption = "A variant fits where it stands in the box"
    caption += f" and its F1 is above {f1:g} (green dot)." if f1 is not None else "."
    return Chart("Size, latency and F1", plot.markup(), caption)
