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


def test_embedding_budget(raxe_check):
    raxe_check("LAT-005")


def test_tokenization_budget(raxe_check):
    raxe_check("LAT-006")


def test_inference_budget(raxe_check):
    raxe_check("LAT-007")


def test_pooling_budget(raxe_check):
    raxe_check("LAT-008")


def test_classification_budget(raxe_check):
    raxe_check("LAT-009")


def test_preprocessing_budget(raxe_check):
    raxe_check("LAT-011")


def test_postprocessing_budget(raxe_check):
    raxe_check("LAT-012")


def test_declared_latency_is_not_better_than_measured(raxe_check):
    raxe_check("LAT-010")
