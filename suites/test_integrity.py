import pytest

pytestmark = pytest.mark.integrity


def test_files_exist(raxe_check):
    raxe_check("INT-001")


def test_bundle_opens(raxe_check):
    raxe_check("INT-002")


def test_bundle_members_verify(raxe_check):
    raxe_check("INT-003")


def test_declared_checksums_match(raxe_check):
    raxe_check("INT-004")


def test_declared_sizes_match(raxe_check):
    raxe_check("INT-005")


def test_head_set_exists(raxe_check):
    raxe_check("INT-006")


def test_loads_and_answers(raxe_check):
    raxe_check("INT-007")


def test_dimensions_agree(raxe_check):
    raxe_check("INT-008")
