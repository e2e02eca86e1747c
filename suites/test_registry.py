import pytest

pytestmark = pytest.mark.registry


def test_start(raxe_check):
    raxe_check("REG-001")


def test_second_load_is_cached(raxe_check):
    raxe_check("REG-002")
