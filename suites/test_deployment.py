import pytest

pytestmark = pytest.mark.deployment


def test_package_works(raxe_check):
    raxe_check("DEP-001")
