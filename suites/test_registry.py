import pytest

pytestmark = pytest.mark.registry


def test_start(raxe_check):
    raxe_check("REG-001")


def test_second_load_is_cached(raxe_check):
    raxe_check("REG-002")


def test_metadata_files_are_listed(raxe_check):
    raxe_check("REG-003")


def test_bundles_without_metadata(raxe_check):
    raxe_check("REG-004")


def test_bundles_in_the_legacy_place(raxe_check):
    raxe_check("REG-005")


def test_malformed_metadata(raxe_check):
    raxe_check("REG-006")


def test_missing_bundle(raxe_check):
    raxe_check("REG-007")


def test_missing_embeddings(raxe_check):
    raxe_check("REG-008")


def test_warnings(raxe_check):
    raxe_check("REG-009")


def test_no_weights_are_read_early(raxe_check):
    raxe_check("REG-010")


def test_get_model(raxe_check):
    raxe_check("REG-011")


def test_filters(raxe_check):
    raxe_check("REG-012")


def test_counts(raxe_check):
    raxe_check("REG-013")


def test_selection_by_criterion(raxe_check):
    raxe_check("REG-014")


def test_selection_prefers_active(raxe_check):
    raxe_check("REG-015")


def test_validation_levels(raxe_check):
    raxe_check("REG-016")


def test_failed_validation(raxe_check):
    raxe_check("REG-017")


def test_comparison(raxe_check):
    raxe_check("REG-018")


def test_detector_is_of_its_variant(raxe_check):
    raxe_check("REG-019")


def test_detector_by_criterion(raxe_check):
    raxe_check("REG-020")


def test_preloading(raxe_check):
    raxe_check("REG-021")


def test_threads(raxe_check):
    raxe_check("REG-022")


def test_failed_load(raxe_check):
    raxe_check("REG-023")


def test_results(raxe_check):
    raxe_check("REG-024")


def test_predictions(raxe_check):
    raxe_check("REG-025")


def test_model_info(raxe_check):
    raxe_check("REG-026")
