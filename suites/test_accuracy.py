import pytest

pytestmark = pytest.mark.accuracy


def test_binary_f1(raxe_check):
    raxe_check("ACC-001")


def test_family_f1(raxe_check):
    raxe_check("ACC-002")


def test_false_negative_rate(raxe_check):
    raxe_check("ACC-003")


def test_declared_accuracy_is_not_better_than_measured(raxe_check):
    raxe_check("ACC-004")
