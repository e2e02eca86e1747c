import pytest

pytestmark = pytest.mark.robustness


def test_every_text_is_answered(raxe_check):
    raxe_check("ROB-001")


def test_recall_when_planted(raxe_check):
    raxe_check("ROB-002")


def test_recall_in_other_typography(raxe_check):
    raxe_check("ROB-003")


def test_recall_in_disguise(raxe_check):
    raxe_check("ROB-004")


def test_recall_in_base64(raxe_check):
    raxe_check("ROB-005")


def test_recall_in_other_words(raxe_check):
    raxe_check("ROB-006")


def test_false_alarms_added(raxe_check):
    raxe_check("ROB-007")


def test_twins_told_apart(raxe_check):
    raxe_check("ROB-008")


def test_not_trained_on_the_benchmark(raxe_check):
    raxe_check("ROB-009")


def test_same_score_again(raxe_check):
    raxe_check("ROB-010")


def test_batch_equals_single(raxe_check):
    raxe_check("ROB-011")


def test_score_drift_in_a_batch(raxe_check):
    raxe_check("ROB-012")


def test_white_space_around(raxe_check):
    raxe_check("ROB-013")


def test_embeddings_close_to_float32(raxe_check):
    raxe_check("ROB-014")


def test_memory_does_not_grow(raxe_check):
    raxe_check("ROB-015")


def test_decisions_on_older_cpus(raxe_check):
    raxe_check("ROB-016")


def test_decisions_on_the_other_backend(raxe_check):
    raxe_check("ROB-017")
