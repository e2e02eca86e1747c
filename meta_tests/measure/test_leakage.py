"""Training leakage is looked for in the rows that the variant's own heads were trained on."""

from __future__ import annotations

import copy

import pytest

from meta_tests.support.toy import SPACE, Toy, head_arrays, manifest
from raxe_conformance.corpus.fingerprints import MEMBER, training_fingerprints
from raxe_conformance.corpus.rows import read_benchmark
from raxe_conformance.errors import BundleError
from raxe_conformance.measure.evidence import Leakage
from raxe_conformance.measure.leakage import measure_leakage
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.registry.head_sets import FINGERPRINTS
from raxe_conformance.registry.pack import pack_bundle


def leakage(toy: Toy, members: dict[str, list[str]], named: dict[str, object]) -> Leakage:
    """Of the toy in a bundle of two head sets, whose entries name fingerprints as in `named`."""
    from safetensors.numpy import save

    described = manifest()
    described["head_sets"]["other"] = copy.deepcopy(described["head_sets"][SPACE]) | {"file": "heads/other.safetensors"}
    for space, value in named.items():
        described["head_sets"][space][FINGERPRINTS] = value
    files = {f"heads/{space}.safetensors": save(head_arrays()) for space in (SPACE, "other")}
    pack_bundle(toy.bundle, described, files | {name: training_fingerprints(t) for name, t in members.items()})
    (variant,) = Catalog(toy.models).variants
    return measure_leakage(variant, read_benchmark(toy.benchmark).rows)


@pytest.fixture
def seen(toy: Toy) -> list[str]:
    """Rows of the benchmark that are long enough to have a fingerprint."""
    return [row.text for row in read_benchmark(toy.benchmark).rows if len(set(row.text.split())) > 10][:3]


STRANGE = ["one two three four five six seven eight nine ten eleven twelve"]


def test_own_rows_count_and_the_others_do_not(toy: Toy, seen: list[str]) -> None:
    members = {"a.safetensors": seen, "b.safetensors": STRANGE}
    own = leakage(toy, members, {SPACE: "a.safetensors", "other": "b.safetensors"})
    assert own.fingerprints == len(seen)
    assert own.near
    others = leakage(toy, members, {SPACE: "b.safetensors", "other": "a.safetensors"})
    assert (others.fingerprints, others.near) == (1, {})


def test_a_bundle_may_have_one_for_all(toy: Toy, seen: list[str]) -> None:
    assert leakage(toy, {MEMBER: seen}, {}).near
    assert leakage(toy, {MEMBER: seen, "b.safetensors": STRANGE}, {SPACE: "b.safetensors"}).near == {}


def test_a_name_that_leads_nowhere_is_an_error_and_none_is_unknown(toy: Toy) -> None:
    assert leakage(toy, {}, {"other": "b.safetensors"}).fingerprints is None
    with pytest.raises(BundleError, match=r"gone\.safetensors"):
        leakage(toy, {}, {SPACE: "gone.safetensors"})
    with pytest.raises(BundleError, match=f"head_sets.{SPACE}.{FINGERPRINTS}: is no member's name"):
        leakage(toy, {}, {SPACE: 3})
