import pytest

pytestmark = pytest.mark.memory


def test_load_peak(raxe_check):
    raxe_check("MEM-001")


def test_steady(raxe_check):
    raxe_check("MEM-002")


def test_per_request(raxe_check):
    raxe_check("MEM-003")


def test_batch(raxe_check):
    raxe_check("MEM-004")
