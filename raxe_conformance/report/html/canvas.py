"""A plot in SVG: axes, ticks, marks. Colours are classes of page.css, so that they follow the reader's theme.

svg.py writes text and attributes as they are; everything that is not a number goes through `escaped` here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import svg
from markupsafe import Markup, escape

from raxe_conformance.report.html.visible import visible

WIDTH, HEIGHT = 420.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 22.0, 14.0, 42.0


def escaped(text: str) -> str:
    """`text` for the inside of an SVG element or attribute."""
    return str(escape(visible(text)))


@dataclass(frozen=True)
class Axis:
    """A scale from values to 0..1, linear or logarithmic (then low > 0), its caption and its ticks (value, word)."""

    low: float
    high: float
    caption: str
    log: bool = False
    ticks: Sequence[tuple[float, str]] = ()

    def at(self, value: float) -> float:
        """Where a value lies, held within 0..1."""
        if self.log:
            value, low, high = (math.log(max(v, self.low)) for v in (value, self.low, self.high))
        else:
            low, high = self.low, self.high
        return min(1.0, max(0.0, (value - low) / (high - low)))


def log_axis(low: float, high: float, caption: str, *, percent: bool = False) -> Axis:
    """A logarithmic axis that holds low and high (both above 0) and is marked at 1, 2 and 5 of each decade."""
    high = max(high, low * 10.0)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    bottom = max((v for v in every if v <= low * 1.0001), default=low)
    top = min((v for v in every if v >= high * 0.9999), default=high)
    inside = [v for v in every if bottom * 0.9999 <= v <= top * 1.0001]
    if len(inside) > 7:
        inside = [v for v in inside if math.isclose(math.log10(v), round(math.log10(v)), abs_tol=1e-9)]
    return Axis(bottom, top, caption, True, [(v, f"{100 * v:.3g} %" if percent else f"{v:,.10g}") for v in inside])


def linear_axis(high: float, caption: str, *, percent: bool = False) -> Axis:
    """An axis from 0 to at least `high`, marked at round steps."""
    high = high if high > 1e-9 else 1.0
    step = 10.0 ** math.floor(math.log10(high))
    step = next(step * m for m in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if high / (step * m) <= 6)
    count = math.ceil(high / step - 1e-9)
    ticks = [(step * i, f"{100 * step * i:.3g} %" if percent else f"{step * i:,.10g}") for i in range(count + 1)]
    return Axis(0.0, step * count, caption, False, ticks)


@dataclass
class Plot:
    """A chart under construction. `title` and `description` are what a reader who cannot see it is told."""

    title: str
    description: str
    x: Axis
    y: Axis
    _marks: list[svg.Element] = field(default_factory=list)

    def place_x(self, value: float) -> float:
        """Where a value of the x axis lies in the picture's own units."""
        return round(LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT), 1)

    def place_y(self, value: float) -> float:
        """Where a value of the y axis lies in the picture's own units."""
        return round(HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, points: Sequence[tuple[float, float]], kind: str, *, steps: bool = False) -> None:
        """A line through points; with `steps`, level to the next point and then upright."""
        path: list[svg.PathData] = []
        before: float | None = None
        for x, y in points:
            if before is None:
                path.append(svg.M(self.place_x(x), self.place_y(y)))
            elif steps:
                path += [svg.H(self.place_x(x)), svg.V(self.place_y(y))]
            else:
                path.append(svg.L(self.place_x(x), self.place_y(y)))
            before = y
        self._marks.append(svg.Path(d=path, class_=["line", kind]))

    def limit(self, value: float, word: str, *, upright: bool) -> None:
        """A limit line across the plot with its word beside it."""
        if upright:
            x = self.place_x(value)
            self._marks.append(svg.Line(x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_=["limit"]))
            at_end = x > WIDTH * 0.6
            self.word(x - 4 if at_end else x + 4, TOP + 10, word, "limit-word", "end" if at_end else "start")
        else:
            y = self.place_y(value)
            self._marks.append(svg.Line(x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=["limit"]))
            self.word(WIDTH - RIGHT - 2, y - 4 if y > TOP + 14 else y + 12, word, "limit-word", "end")

    def box(self, right: float, top: float, kind: str) -> None:
        """A filled box from the origin to (right, top)."""
        x, y = self.place_x(right), self.place_y(top)
        self._marks.append(
            svg.Rect(x=LEFT, y=y, width=round(x - LEFT, 1), height=round(HEIGHT - BOTTOM - y, 1), class_=[kind])
        )

    def dot(self, x: float, y: float, kind: str, word: str = "") -> None:
        """A dot, with a word beside it."""
        at_x, at_y = self.place_x(x), self.place_y(y)
        self._marks.append(svg.Circle(cx=at_x, cy=at_y, r=4, class_=["dot", kind]))
        if word:
            at_end = at_x > WIDTH * 0.6
            above = at_y > TOP + 20
            place = at_x - 8 if at_end else at_x + 8
            self.word(place, at_y - 6 if above else at_y + 16, word, "", "end" if at_end else "start")

    def whisker(self, x: float, low: float, middle: float, high: float) -> None:
        """An upright interval with a dot at its middle figure."""
        at = self.place_x(x)
        self._marks.append(svg.Line(x1=at, x2=at, y1=self.place_y(low), y2=self.place_y(high), class_=["whisker"]))
        self._marks.append(svg.Circle(cx=at, cy=self.place_y(middle), r=3.5, class_=["dot", "main"]))

    def word(self, x: float, y: float, word: str, kind: str, anchor: str) -> None:
        """Text at a place in the picture's own units."""
        self._marks.append(
            svg.Text(x=round(x, 1), y=round(y, 1), text=escaped(word), class_=[kind or "word", f"anchor-{anchor}"])
        )

    def _frame(self) -> list[svg.Element]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        found: list[svg.Element] = []
        for value, word in self.x.ticks:
            x = self.place_x(value)
            found.append(svg.Line(x1=x, x2=x, y1=TOP, y2=bottom, class_=["grid"]))
            found.append(svg.Text(x=x, y=bottom + 15, text=escaped(word), class_=["tick", "anchor-middle"]))
        for value, word in self.y.ticks:
            y = self.place_y(value)
            found.append(svg.Line(x1=LEFT, x2=right, y1=y, y2=y, class_=["grid"]))
            found.append(svg.Text(x=LEFT - 5, y=round(y + 4, 1), text=escaped(word), class_=["tick", "anchor-end"]))
        middle = (LEFT + right) / 2
        found.append(svg.Text(x=middle, y=HEIGHT - 6, text=escaped(self.x.caption), class_=["axis", "anchor-middle"]))
        turned = [svg.Rotate(-90, 11, (TOP + bottom) / 2)]
        found.append(
            svg.Text(
                x=11, y=(TOP + bottom) / 2, text=escaped(self.y.caption), transform=list(turned),
                class_=["axis", "anchor-middle"],
            )
        )  # fmt: skip
        return found

    def markup(self) -> Markup:
        """The finished picture, scaled to the width that it is given."""
        said: list[svg.Element] = [
            svg.Title(text=escaped(self.title)), svg.Desc(text=escaped(self.description)),
        ]  # fmt: skip
        picture = svg.SVG(
            xmlns=None,
            viewBox=svg.ViewBoxSpec(0, 0, WIDTH, HEIGHT),
            class_=["plot"],
            extra={"role": "img", "aria-label": escaped(f"{self.title}. {self.description}")},
            # Dots last: a word with its halo must not hide one.
            elements=[*said, *self._frame(), *sorted(self._marks, key=lambda mark: isinstance(mark, svg.Circle))],
        )
        # All text in it went through `escaped`; the rest are numbers and class names of this package.
        return Markup(str(picture))  # noqa: S704


def bar(
    value: float | None,
    top: float,
    said: str,
    *,
    interval: tuple[float | None, float | None] | None = None,
    limit: float | None = None,
    kind: str = "main",
) -> Markup:
    """A bar from 0 to `value` on a scale that ends at `top`, its interval as a whisker, the limit as a line.

    interval: a bound that is None is unbounded, and the whisker runs to that end; None where there is none to draw.
    said: what a reader who cannot see it is told. Places are shares of the width, so the bar fills what it is given.
    """

    def share(figure: float) -> svg.Length:
        return svg.Length(round(100.0 * min(1.0, max(0.0, figure / top)), 2), "%")

    marks: list[svg.Element] = [svg.Rect(x=0, y=6, width=svg.Length(100, "%"), height=12, class_=["track"])]
    if value is not None:
        marks.append(svg.Rect(x=0, y=6, width=share(value), height=12, class_=["bar", kind]))
    if interval is not None:
        low, high = interval
        start, end = share(low or 0.0), share(top if high is None else high)
        marks.append(svg.Line(x1=start, x2=end, y1=12, y2=12, class_=["whisker"]))
        ends = [x for x, known in ((start, low), (end, high)) if known is not None]
        marks += [svg.Line(x1=x, x2=x, y1=8, y2=16, class_=["whisker"]) for x in ends]
    if limit is not None:
        marks.append(svg.Line(x1=share(limit), x2=share(limit), y1=1, y2=23, class_=["limit"]))
    picture = svg.SVG(
        xmlns=None, width=svg.Length(100, "%"), height=24, class_=["bars"],
        extra={"role": "img", "aria-label": escaped(said)}, elements=marks,
    )  # fmt: skip
    return Markup(str(picture))  # noqa: S704
