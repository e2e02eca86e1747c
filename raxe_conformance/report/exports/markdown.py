"""Markdown from templates in which no value can be more than text, on GitHub as on a model hub."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from raxe_conformance.report.html.visible import visible

_PACKAGE = "raxe_conformance.report.exports"
_LONGEST = 1000  # characters of one value
# What means something inside a line, and what means something at its beginning.
_INLINE = re.compile(r"[\\`*_\[\]|~&]|<(?!\s)")
_BEGINNING = re.compile(r"^(?:[-+=#>:]|\d{1,9}(?=[.)](?:\s|$)))")
# What renderers turn into links, mentions, emoji or formulas even where it is escaped. In a code span they do not.
_LIVELY = re.compile(r"@|//|www\.|\$|:[a-z][\w+-]*:|#\d|(?:mailto|xmpp|javascript|data):", re.IGNORECASE)


def code(text: str) -> Markup:
    """`text` as a code span. A pipe becomes a broken bar: it would end a table's cell even there."""
    inside = visible(text, _LONGEST).replace("|", "¦") or " "
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", inside)), default=0))
    # One space on each side is not shown; it keeps a backtick at the edge apart from the fence.
    pad = " " if inside.startswith("`") or inside.endswith("`") else ""
    return Markup(f"{fence}{pad}{inside}{pad}{fence}")  # noqa: S704


def prose(text: str) -> Markup:
    """`text` on one line with its punctuation escaped, or as a code span where a renderer would bring it to life."""
    line = " ".join(visible(text, _LONGEST).split())
    if _LIVELY.search(line):
        return code(line)
    escaped = _INLINE.sub(r"\\\g<0>", line)
    # A number is followed by its dot or bracket, and only that can be escaped.
    begun = _BEGINNING.sub(lambda m: m[0] + "\\" if m[0].isdigit() else "\\" + m[0], escaped)
    return Markup(begun)  # noqa: S704


def _printed(value: Any) -> Any:
    return prose(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    # Autoescape would make HTML of it; `finalize` escapes each value for Markdown in its place.
    environment = Environment(
        loader=PackageLoader(_PACKAGE), undefined=StrictUndefined, finalize=_printed, autoescape=False,  # noqa: S701
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["code"] = code
    return environment


def rendered(template: str, **view: Any) -> str:
    """A template of this folder with its values, each escaped unless it went through `code`."""
    return _environment().get_template(template).render(view)
