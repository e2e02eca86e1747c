"""Profiles: what is read of one, and how a wrong one is refused, by field."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from raxe_conformance.checks.table import Level, catalogue
from raxe_conformance.errors import ProfileError, RaxeError
from raxe_conformance.verdict.profile import DEFAULT, load_profile, parse_profile

SHIPPED = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_bytes()
LIMITS = SHIPPED[SHIPPED.index(b"[limits]") : SHIPPED.index(b"[levels]")]
HEAD = b'name = "n"\nconfidence = 0.9\ndecision = "point"\n'


def test_the_shipped_profile_has_a_limit_for_each_gate() -> None:
    found = load_profile(DEFAULT)
    assert (found.name, found.sha256, found.confidence, found.decision) == (
        "raxe-1.0", sha256(SHIPPED).hexdigest(), 0.95, "interval",
    )  # fmt: skip
    assert set(found.limits) == {check.gate.metric for check in catalogue().values() if check.gate}
    assert (found.limits["fpr"], found.limits["latency_p95_ms"]) == (0.01, 3.0)
    assert found.levels == {}


def test_a_profile_without_levels_changes_none() -> None:
    found = parse_profile(HEAD + LIMITS, "p.toml")
    assert (found.name, found.confidence, found.decision, found.levels) == ("n", 0.9, "point", {})


def test_levels_are_read_and_limits_are_numbers() -> None:
    changed = SHIPPED.replace(b"[levels]", b'[levels]\n"SIZ-002" = "MUST"\n"LAT-001" = "SHOULD"')
    found = parse_profile(changed.replace(b"size_mb = 50.0", b"size_mb = 50", 1), "p.toml")
    assert found.levels == {"SIZ-002": Level.MUST, "LAT-001": Level.SHOULD}
    assert isinstance(found.limits["size_mb"], float)


@pytest.mark.parametrize("name", ["nope", "a/raxe-1.0", "a\\raxe-1.0"])
def test_a_name_that_leads_nowhere_lists_what_is_shipped(name: str) -> None:
    with pytest.raises(ProfileError) as error:
        load_profile(name)
    assert str(error.value) == f"{name}: there is no such profile; shipped: raxe-1.0; or name a TOML file"


def test_shipped_profiles_are_listed_and_named_where_they_are_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("b.toml", "a.toml", "__init__.py"):
        (tmp_path / name).write_bytes(HEAD)
    monkeypatch.setattr("raxe_conformance.verdict.profile.files", lambda package: tmp_path)
    with pytest.raises(ProfileError, match="shipped: a, b; or name"):
        load_profile("c")
    with pytest.raises(ProfileError) as error:
        load_profile("b")
    assert (error.value.file, error.value.field) == ("b", "limits")


def test_a_path_without_its_suffix_is_no_shipped_profile(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(HEAD + LIMITS)
    with pytest.raises(ProfileError, match="there is no such profile"):
        load_profile(str(tmp_path / "own"))


def test_a_file_is_read_and_named_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(HEAD + LIMITS)
    assert load_profile(str(path)) == parse_profile(HEAD + LIMITS, str(path))
    path.write_bytes(HEAD)
    with pytest.raises(ProfileError) as error:
        load_profile(str(path))
    assert (error.value.file, error.value.field) == (str(path), "limits")
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(RaxeError, match=": the profile "):
        load_profile(str(path))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"fpr = 0.01", b"", "limits.fpr: has no limit; add it"),
        (b"fpr = 0.01", b"fpr = 0.01\nspeed = 1.0", "limits.speed: is read by no gate; remove it"),
        (b"fpr = 0.01", b"fpr = true", "limits.fpr: is True, but should be a positive number"),
        (b"fpr = 0.01", b'fpr = "1"', "limits.fpr: is '1', but should be a positive number"),
        (b"fpr = 0.01", b"fpr = 1e12", "limits.fpr: is 1000000000000.0, but should be a positive number"),
        (b"fpr = 0.01", b"fpr = 0", "limits.fpr: is 0, but should be a positive number"),
        (b"confidence = 0.95", b"confidence = 95", "confidence: is 95, but should be between 0.5 and 1"),
        (b"confidence = 0.95", b"confidence = 1.0", "confidence: is 1.0, but should be between 0.5 and 1"),
        (b"confidence = 0.95", b"confidence = 0.5", "confidence: is 0.5, but should be between 0.5 and 1"),
        (b'"interval"', b'"guess"', "decision: is 'guess', but should be interval or point"),
        (b"[levels]", b'[levels]\n"LAT-999" = "MUST"', "levels.LAT-999: is no check"),
        (b"[levels]", b'[levels]\n"LAT-001" = "MAY"', "levels.LAT-001: is 'MAY', but should be MUST or SHOULD"),
        (b"confidence", b"konfidence", "konfidence: is no setting of a profile; remove it"),
        (b'name = "raxe-1.0"', b"name = 1", "name: is missing or no string"),
        (b'name = "raxe-1.0"', b'name = ""', "name: is missing or no string"),
        (b"[limits]", b"[limits", "is no TOML: Expected ']' at the end of a table declaration (at line 9, column 8)"),
        (SHIPPED, HEAD, "limits: is missing"),
        (SHIPPED, HEAD + b"limits = 1", "limits: is missing"),
        (SHIPPED, HEAD + b"levels = 1\n" + LIMITS, "levels: is no table"),
    ],
)
def test_a_wrong_profile_is_refused_by_field(old: bytes, new: bytes, problem: str) -> None:
    assert old in SHIPPED
    with pytest.raises(ProfileError) as error:
        parse_profile(SHIPPED.replace(old, new), "p.toml")
    assert str(error.value) == f"p.toml: {problem}"


def test_a_profile_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProfileError, match="is no TOML: 'utf-8' codec") as error:
        parse_profile(b"\xff", "p.toml")
    assert error.value.file == "p.toml"
