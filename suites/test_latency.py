import pytest

pytestmark = pytest.mark.latency


def test_p95(raxe_check):
    raxe_check("LAT-001")


def test_p50(raxe_check):
    raxe_check("LAT-002")


def test_mean(raxe_check):
    raxe_check("LAT-003")


def test_p99(raxe_check):
    raxe_check("LAT-004")
