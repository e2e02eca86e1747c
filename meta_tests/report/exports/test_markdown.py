"""No text breaks out of the Markdown that it is put into, as another Markdown parser reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from meta_tests.report.exports.made import HOSTILE
from raxe_conformance.report.exports.markdown import code, prose
from raxe_conformance.report.html.visible import visible

TEXT = {"text", "code_inline"}


def parsed(markdown: str) -> list[Token]:
    """Blocks and what is in them; links are made of bare addresses, too."""
    found = []
    for token in MarkdownIt("gfm-like", {"html": True}).parse(markdown):
        found += token.children if token.children is not None else [token]
    return found


def kinds(tokens: list[Token]) -> list[str]:
    return [token.type for token in tokens]


LIST = kinds(parsed("- x\n- y\n"))
TABLE = kinds(parsed("| a | b |\n|---|---|\n| x | y |\n"))


def in_list(text: str) -> list[Token]:
    return parsed(f"- {text}\n- y\n")


def in_cell(text: str) -> list[Token]:
    return parsed(f"| a | b |\n|---|---|\n| {text} | y |\n")


def shape(tokens: list[Token]) -> list[str]:
    """Kinds of tokens, where text and code are one kind and pieces of text are one."""
    found: list[str] = []
    for kind in ("text" if token.type in TEXT else token.type for token in tokens):
        if not (kind == "text" and found and found[-1] == "text"):
            found.append(kind)
    return found


def said(tokens: list[Token], before: str = "") -> str:
    """The text of the tokens, without the y after it and what stands before."""
    return "".join(token.content for token in tokens if token.type in TEXT).removeprefix(before).removesuffix("y")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(text: str) -> None:
    check(text)


@given(st.text(min_size=1).filter(lambda text: not text.isspace()))
def test_any_text_is_text(text: str) -> None:
    check(text)


@given(st.text(alphabet="`|\\*_[]()<>&!~#-+=:/.@$1 aw", min_size=1).filter(lambda text: not text.isspace()))
def test_any_punctuation_is_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    line = visible(text, 1000)
    for made in (prose(text), code(text)):
        assert "\n" not in made
        assert shape(in_list(made)) == LIST
        assert shape(in_cell(made)) == TABLE
        for found in (said(in_list(made)), said(in_cell(made), "ab")):
            assert " ".join(found.replace("¦", "|").split()) == " ".join(line.replace("¦", "|").split())


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("P95 latency, 41.4 ms (38 ms to 46 ms)", "P95 latency, 41.4 ms (38 ms to 46 ms)"),
        ("a - b + c = d > e # f < g", "a - b + c = d > e # f < g"),
        ("- b", "\\- b"),
        ("1.0", "1.0"),
        ("1. 0", "1\\. 0"),
        ("1)", "1\\)"),
        ("a<b", "a\\<b"),
        ("http:/x", "http:/x"),
        ("http://x", "`http://x`"),
        ("12:30:15", "12:30:15"),
        (":tada:", "`:tada:`"),
        ("a|b", "a\\|b"),
        ("a|b@c", "`a¦b@c`"),
    ],
)
def test_only_what_means_something_is_escaped(text: str, escaped: str) -> None:
    assert prose(text) == escaped


def test_a_code_span_outruns_its_backticks() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`a") == "`` `a ``"
    assert code("") == "` `"
