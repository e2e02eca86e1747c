"""A long text costs memory in proportion to a piece of it, and its tokens stay what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from meta_tests.fuzz.targets import _tokenizers
from meta_tests.support.toy import tokenizer_bytes
from raxe_conformance.runtime.text import pieces

TEXTS = st.text(st.sampled_from("ab \n\té文."), max_size=80)


@given(TEXTS, st.integers(1, 20))
def test_pieces_are_the_text(text: str, most: int) -> None:
    found = list(pieces(text, most))
    assert "".join(found) == text
    assert all(len(piece) <= most for piece in found)


@pytest.mark.parametrize("data", [tokenizer_bytes(), *_tokenizers()], ids=["toy", "bert", "bpe"])
def test_tokens_of_the_pieces_are_those_of_the_whole(data: bytes) -> None:
    tokenizer = Tokenizer.from_buffer(data)

    @given(st.lists(st.sampled_from(["a", "aa", "please", "文文", "é.", " ", "\n"]), max_size=40))
    def same(words: list[str]) -> None:
        text = " ".join(words)
        whole = tokenizer.encode(text, add_special_tokens=False).ids
        parts = [tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces(text, 12)]
        assert [token for part in parts for token in part] == whole

    same()
