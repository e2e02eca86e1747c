import pytest

pytestmark = pytest.mark.schema


def test_metadata_schema_validation(raxe_check):
    raxe_check("SCH-001")


def test_model_id_is_file_stem(raxe_check):
    raxe_check("SCH-002")


def test_declared_percentiles_are_ordered(raxe_check):
    raxe_check("SCH-003")


def test_declared_f1_follows_from_precision_and_recall(raxe_check):
    raxe_check("SCH-004")


def test_declared_f1_fits_status(raxe_check):
    raxe_check("SCH-005")


def test_threat_categories_are_bundle_families(raxe_check):
    raxe_check("SCH-006")


def test_declared_figures_are_reported(raxe_check):
    raxe_check("SCH-007")


def test_model_id_is_version_and_variant(raxe_check):
    raxe_check("SCH-008")


def test_config_is_of_head_set(raxe_check):
    raxe_check("SCH-009")


def test_bundle_schema_version_is_declared(raxe_check):
    raxe_check("SCH-010")


def test_runtime_fits_quantization(raxe_check):
    raxe_check("SCH-011")
