import pytest

pytestmark = pytest.mark.fpr


def test_false_positive_rate(raxe_check):
    raxe_check("FPR-001")
