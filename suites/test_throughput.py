import pytest

pytestmark = pytest.mark.throughput


def test_one_thread(raxe_check):
    raxe_check("THR-001")


def test_four_threads(raxe_check):
    raxe_check("THR-002")


def test_batches(raxe_check):
    raxe_check("THR-003")
