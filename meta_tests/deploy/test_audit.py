"""The audit log: every change of a line shows, and a torn one is never an entry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_tests.deploy.support import START
from raxe_conformance.deploy.audit import FIRST, NAME, read_log
from raxe_conformance.deploy.clock import Moment
from raxe_conformance.deploy.state import nothing_deployed
from raxe_conformance.errors import StateError
from raxe_conformance.fileio import sha256

AT = Moment(START, "one", 12.5)
STATE = nothing_deployed("staging")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log of four entries, as its file has it."""
    folder = tmp_path_factory.mktemp("log")
    log = read_log(folder)
    for number in range(4):
        state = replace(STATE, sequence=number)
        log = log.with_entry(AT, f"what {number}", "why: ä\n\u202e", state=state, overridden=("a rule",))
    return (folder / NAME).read_bytes()


def test_each_line_carries_the_digest_of_the_one_before(written: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(written)
    log = read_log(tmp_path)
    lines = written.splitlines()
    assert [json.loads(line)["previous"] for line in lines] == [FIRST, *map(sha256, lines[:-1])]
    assert log.head == sha256(lines[-1])
    assert [entry.what for entry in log.entries] == ["what 0", "what 1", "what 2", "what 3"]
    assert log.entries[2].moment == AT
    assert log.entries[2].state == replace(STATE, sequence=2)
    assert log.torn == b""


def test_there_is_an_empty_log_where_there_is_none(tmp_path: Path) -> None:
    assert read_log(tmp_path).entries == ()


@settings(deadline=None)  # it writes files
@given(data=st.data())
def test_any_byte_that_is_changed_shows(
    data: st.DataObject, written: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    # All but the last line: nothing follows that yet, and the state beside it holds it (see test_stages).
    at = data.draw(st.integers(0, written.rstrip(b"\n").rindex(b"\n") - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != written[at]))
    (folder / NAME).write_bytes(written[:at] + bytes([byte]) + written[at + 1 :])
    with pytest.raises(StateError, match=r"line [1-4]"):
        read_log(folder)


@pytest.mark.parametrize("order", [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 1, 2, 3), (1, 0, 2, 3), (3, 2, 1, 0)])
def test_lines_that_are_taken_out_or_moved_show(order: tuple[int, ...], written: bytes, tmp_path: Path) -> None:
    lines = written.splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(StateError, match="does not follow from the line before"):
        read_log(tmp_path)


def test_a_line_written_in_another_way_shows(written: bytes, tmp_path: Path) -> None:
    *before, last = written.splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join(before) + last.replace(b'", "', b'","'))
    with pytest.raises(StateError, match="line 4: is not written as this program writes it"):
        read_log(tmp_path)


def test_a_torn_line_is_no_entry_wherever_it_is_torn(written: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    start = written.rstrip(b"\n").rindex(b"\n") + 1
    # To the last byte: without its line end even a whole entry does not count.
    for end in range(start + 1, len(written)):
        path.write_bytes(written[:end])
        log = read_log(tmp_path)
        assert len(log.entries) == 3
        assert log.torn == written[start:end]


def test_the_next_writer_takes_a_torn_line_away_and_says_so(written: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(written[:-7])
    torn = read_log(tmp_path).torn
    mended = read_log(tmp_path).mended(AT)
    assert mended == read_log(tmp_path)
    assert mended.torn == b""
    assert path.read_bytes().startswith(written[: -7 - len(torn)])
    last = mended.entries[-1]
    assert (last.what, last.state) == ("repair", None)
    assert last.why == f"{len(torn)} bytes of an unfinished line were taken away, SHA-256 {sha256(torn)}"
    assert mended.mended(AT) is mended


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"who": 5}, "who is 5"),
        ({"number": True}, "number is true"),
        ({"time": "yesterday"}, "time is 'yesterday'"),
        ({"overridden": [1]}, "overridden is no list of texts"),
        ({"extra": 1}, "it needs exactly number, time"),
        ({"state": {}}, "is missing"),
    ],
)
def test_what_is_no_entry_is_refused(change: dict[str, object], message: str, written: bytes, tmp_path: Path) -> None:
    first = json.loads(written.splitlines()[0])
    (tmp_path / NAME).write_text(json.dumps(first | change) + "\n", encoding="utf-8")
    with pytest.raises(StateError, match=message):
        read_log(tmp_path)


def test_a_reason_stays_on_its_line(written: bytes) -> None:
    assert written.count(b"\n") == 4
