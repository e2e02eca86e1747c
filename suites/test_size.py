import pytest

pytestmark = pytest.mark.size


def test_total(raxe_check):
    raxe_check("SIZ-001")


def test_bundle(raxe_check):
    raxe_check("SIZ-002")


def test_embeddings(raxe_check):
    raxe_check("SIZ-003")
