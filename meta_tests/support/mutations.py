"""Seeded defects: small edits of the good toy variant. Each says which checks must then fail, and nothing else may.

`unknown` lists checks that are left nothing to say: an instrument that cannot load a model has not found it inaccurate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meta_tests.support import conduct as c
from meta_tests.support import registries as r
from meta_tests.support import toy as t
from meta_tests.support.host import GOOD_RATES, Host
from raxe_conformance.fileio import canonical_json

BASE_MS = 0.1
# What the stages of a call take, of BASE_MS together.
STAGES_MS = {"preprocess": 0.005, "tokenize": 0.02, "infer": 0.03, "pool": 0.01, "heads": 0.02, "postprocess": 0.005}
_LATENCY = {f"LAT-{n:03}" for n in range(1, 13)}
_BUNDLE = {"SCH-006", "SCH-009", "SCH-010"}
_DERIVED = {"ROB-002", "ROB-003", "ROB-004", "ROB-005", "ROB-006", "ROB-007"}
_RESOURCES = {"THR-001", "THR-002", "THR-003", "MEM-001", "MEM-002", "MEM-003", "MEM-004"}
_ACCURACY = {"ACC-001", "ACC-002", "ACC-003", "ACC-004", "FPR-001"}
_INVARIANCE = {f"ROB-01{n}" for n in range(8)}
_MEASURED = _INVARIANCE | _LATENCY | _RESOURCES | _ACCURACY | _DERIVED | {"ROB-001", "ROB-008", "REG-002", "DEP-001"}


@dataclass(frozen=True)
class Mutation:
    """A defect: the edit, the checks that must FAIL, and those that may only be INCONCLUSIVE."""

    name: str
    apply: Callable[[t.Toy], None]
    fails: frozenset[str]
    unknown: frozenset[str] = frozenset()
    latency_ms: Callable[[int], float] = field(default=lambda call: BASE_MS)
    host: Host = field(default_factory=Host)
    conduct: c.Conduct = field(default_factory=c.Conduct)
    stages_ms: Callable[[int], Mapping[str, float]] = field(default=lambda call: STAGES_MS)


MUTATIONS: dict[str, Mutation] = {}


def _mutation(
    *fails: str, unknown: set[str] | None = None
) -> Callable[[Callable[[t.Toy], None]], Callable[[t.Toy], None]]:
    def declare(apply: Callable[[t.Toy], None]) -> Callable[[t.Toy], None]:
        name = apply.__name__
        MUTATIONS[name] = Mutation(name, apply, frozenset(fails), frozenset(unknown or ()))
        return apply

    return declare


def _slow(name: str, *fails: str) -> Callable[[Callable[[int], float]], Callable[[int], float]]:
    def declare(latency_ms: Callable[[int], float]) -> Callable[[int], float]:
        MUTATIONS[name] = Mutation(name, lambda toy: None, frozenset(fails), latency_ms=latency_ms)
        return latency_ms

    return declare


def _host(name: str, *fails: str, **changes: Any) -> None:
    MUTATIONS[name] = Mutation(name, lambda toy: None, frozenset(fails), host=Host(**changes))


def _conduct(name: str, *fails: str, unknown: set[str] | None = None, **changes: Any) -> None:
    conduct = c.Conduct(**changes)
    MUTATIONS[name] = Mutation(name, lambda toy: None, frozenset(fails), frozenset(unknown or ()), conduct=conduct)


def _edit(toy: t.Toy, section: str | None, **changes: Any) -> None:
    value = toy.read()
    target = value if section is None else value.setdefault(section, {})
    for key, item in changes.items():
        if item is None:
            target.pop(key, None)
        else:
            target[key] = item
    toy.write(value)


def _report(toy: t.Toy, **sections: dict[str, float]) -> None:
    (toy.models / "benchmarks" / f"{t.MODEL_ID}_benchmark.json").write_bytes(canonical_json(sections))


@_mutation("SCH-001")
def remove_required_field(toy: t.Toy) -> None:
    _edit(toy, None, variant=None)


@_mutation("SCH-002")
def change_model_id(toy: t.Toy) -> None:
    _edit(toy, None, model_id="v1.0_other_int8", variant="other_int8")


@_mutation("SCH-003")
def declare_p50_above_p95(toy: t.Toy) -> None:
    _edit(toy, "performance", p50_latency_ms=2.0, p95_latency_ms=1.0)
    _report(toy, latency={"p50": 2.0, "p95": 1.0})


@_mutation("SCH-004")
def declare_f1_too_high(toy: t.Toy) -> None:
    _edit(toy, "accuracy", binary_f1=0.99, binary_precision=0.96, binary_recall=0.96)
    _report(toy, accuracy={"binary_f1": 0.99, "binary_precision": 0.96, "binary_recall": 0.96})


@_mutation("SCH-005")
def activate_with_low_declared_f1(toy: t.Toy) -> None:
    _edit(toy, None, status="active")
    _edit(toy, "accuracy", binary_f1=0.93)
    _report(toy, accuracy={"binary_f1": 0.93})


@_mutation("SCH-006")
def drop_threat_category(toy: t.Toy) -> None:
    _edit(toy, "ml_config", threat_categories=list(t.FAMILIES[:-1]))


@_mutation("SCH-007")
def declare_better_than_report(toy: t.Toy) -> None:
    _edit(toy, "performance", p95_latency_ms=1.0)
    _report(toy, latency={"p95": 2.0})


@_mutation("SCH-008")
def rename_variant(toy: t.Toy) -> None:
    _edit(toy, None, variant="other_int8")


@_mutation("SCH-009")
def declare_another_sequence_length(toy: t.Toy) -> None:
    _edit(toy, "ml_config", max_sequence_length=512)


@_mutation("SCH-010")
def declare_another_bundle_schema(toy: t.Toy) -> None:
    _edit(toy, "compatibility", bundle_schema_version="1.0.0")


@_mutation("SCH-011")
def declare_another_quantization(toy: t.Toy) -> None:
    _edit(toy, "ml_config", quantization="fp16")


@_mutation("ACC-004")
def declare_families_never_confused(toy: t.Toy) -> None:
    """A word in 20 attacks makes 16 of them look like PI: family F1 is 0.987, and declared to be 1."""
    table = t.word_vectors()
    table[t.WORDS.index(t.TWIN), 1 + t.FAMILIES.index("PI")] = 200.0
    toy.onnx.write_bytes(t.onnx_bytes(table))
    toy.declare_files()
    _edit(toy, "accuracy", family_f1=1.0)
    _report(toy, accuracy={"family_f1": 1.0})


@_mutation("LAT-010")
def declare_faster_than_measured(toy: t.Toy) -> None:
    _edit(toy, "performance", p50_latency_ms=BASE_MS / 2, p95_latency_ms=BASE_MS / 2)
    _report(toy, latency={"p50": BASE_MS / 2, "p95": BASE_MS / 2})


@_mutation(
    "INT-001",
    unknown=_MEASURED | _BUNDLE | {f"INT-00{n}" for n in (2, 3, 6, 7, 8)} | {"SIZ-001", "SIZ-002", "ROB-009"},
)
def put_a_folder_in_place_of_the_bundle(toy: t.Toy) -> None:
    toy.bundle.unlink()
    toy.bundle.mkdir()


@_mutation("INT-002", "INT-007", unknown=_MEASURED | _BUNDLE | {"INT-003", "INT-006", "INT-008", "ROB-009"})
def truncate_bundle(toy: t.Toy) -> None:
    toy.bundle.write_bytes(toy.bundle.read_bytes()[:-100])
    toy.declare_files()


@_mutation("INT-003")
def alter_bundle_member(toy: t.Toy) -> None:
    # The output schema is read by nobody at load; its length and CRC stay right, only its digest is wrong.
    import zipfile

    with zipfile.ZipFile(toy.bundle) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    members["schema.json"] = members["schema.json"].replace(b"object", b"OBJECT")
    with zipfile.ZipFile(toy.bundle, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    toy.declare_files()


@_mutation("INT-004")
def change_declared_checksum(toy: t.Toy) -> None:
    _edit(toy, "file_info", onnx_embeddings_checksum="sha256:" + "0" * 64)


@_mutation("INT-005")
def change_declared_size(toy: t.Toy) -> None:
    _edit(toy, "file_info", onnx_embeddings_size_mb=22.9)


@_mutation("INT-006", "INT-007", unknown=_MEASURED | {"INT-008", "SCH-009"})
def name_another_embedding_model(toy: t.Toy) -> None:
    _edit(toy, "ml_config", embedding_model="another-embedding")


@_mutation("INT-007", unknown=_MEASURED)
def swap_vocabulary_for_a_larger_one(toy: t.Toy) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(toy.tokenizer))
    tokenizer.add_tokens(["outside"])
    toy.tokenizer.write_text(tokenizer.to_str(), encoding="utf-8")
    toy.declare_files()


@_mutation("INT-004", "INT-005", "INT-007", unknown=_MEASURED)
def cut_onnx_file(toy: t.Toy) -> None:
    toy.onnx.write_bytes(toy.onnx.read_bytes()[:-200])
    _edit(toy, "file_info", onnx_embeddings_size_mb=22.9)


@_mutation("INT-008")
def change_declared_dimension(toy: t.Toy) -> None:
    _edit(toy, "ml_config", embedding_dimension=384)


def _pad_onnx(toy: t.Toy, megabytes: int) -> None:
    toy.onnx.write_bytes(t.onnx_bytes(t.word_vectors(), extra=megabytes * 1_000_000))
    toy.declare_files()


@_mutation("SIZ-001", "SIZ-003")
def pad_embeddings_past_50_mb(toy: t.Toy) -> None:
    _pad_onnx(toy, 51)


@_mutation("SIZ-003")
def pad_embeddings_past_40_mb(toy: t.Toy) -> None:
    _pad_onnx(toy, 41)


@_mutation("SIZ-002")
def pad_bundle_past_10_mb(toy: t.Toy) -> None:
    import zipfile

    from raxe_conformance.registry.pack import pack_bundle

    with zipfile.ZipFile(toy.bundle) as old:
        members = {i.filename: old.read(i) for i in old.infolist() if i.filename != "manifest.json"}
    pack_bundle(toy.bundle, t.manifest(), {**members, "notes.txt": b"x" * 10_100_000})
    toy.declare_files()


@_slow("slow_in_one_of_10_calls", "LAT-001")
def _one_of_10(call: int) -> float:
    return 3.5 if call % 10 == 0 else BASE_MS


@_slow("slow_by_2_ms_always", "LAT-002")
def _always(call: int) -> float:
    return BASE_MS + 2.0


@_slow("slow_on_average", "LAT-003")
def _on_average(call: int) -> float:
    """Median, P95 and P99 hold, but barely, and the last half percent is so slow that the mean does not."""
    position = call * 77 % 200  # scattered: slow calls in a row would count as one burst
    return 1.98 if position < 110 else 2.98 if position < 194 else 4.95 if position < 199 else 60.0


@_slow("slow_in_one_of_40_calls", "LAT-004")
def _one_of_40(call: int) -> float:
    return 10.0 if call % 40 == 0 else BASE_MS


def _slow_stages(name: str, fails: str, stages_ms: Callable[[int], dict[str, float]]) -> None:
    """Let stages take what `stages_ms` says of a call by its number, and the call as much longer."""

    def stages(call: int) -> dict[str, float]:
        return {**STAGES_MS, **stages_ms(call)}

    MUTATIONS[name] = Mutation(
        name,
        lambda toy: None,
        frozenset({fails}),
        latency_ms=lambda call: BASE_MS + sum(stages(call).values()) - sum(STAGES_MS.values()),
        stages_ms=stages,
    )


_slow_stages("slow_tokenization", "LAT-006", lambda call: {"tokenize": 0.35})
_slow_stages("slow_inference", "LAT-007", lambda call: {"infer": 1.1})
_slow_stages("slow_pooling", "LAT-008", lambda call: {"pool": 0.25})
_slow_stages("slow_classification", "LAT-009", lambda call: {"heads": 0.9})
_slow_stages("slow_preprocessing", "LAT-011", lambda call: {"preprocess": 0.35})
_slow_stages("slow_postprocessing", "LAT-012", lambda call: {"postprocess": 0.45})


def _one_stage_or_another(call: int) -> dict[str, float]:
    """Each is slow in 3 % of calls, which P95 of none of them minds, but one of them is in 9 %."""
    slow = {0: "tokenize", 11: "infer", 22: "pool"}.get(call % 33)
    return {slow: 2.0} if slow else {}


_slow_stages("slow_embedding", "LAT-005", _one_stage_or_another)


_host("serve_250_a_second_from_one_thread", "THR-001", rates={**GOOD_RATES, "one": 250.0})
_host("serve_900_a_second_from_four_threads", "THR-002", rates={**GOOD_RATES, "four": 900.0})
_host("serve_250_a_second_in_batches", "THR-003", rates={**GOOD_RATES, "batch": 250.0})
_host("load_with_a_copy_of_the_weights", "MEM-001", loading=120.0)
_host("keep_a_copy_of_the_weights", "MEM-002", kept=65.0)
_host("take_8_mb_for_a_long_text", "MEM-003", per_character=0.04)
_host("take_64_mb_for_a_batch", "MEM-004", batch=64.0)
_host("start_slowly", "REG-001", start_ms=120.0)
_host("load_at_every_call", "REG-002", "REG-021", "REG-022", registry=r.Forgetful)
_host("list_no_deprecated_variants", "REG-003", registry=r.HidesDeprecated)
_host("overlook_bundles_without_metadata", "REG-004", registry=r.HidesBundles)
_host("overlook_the_legacy_place", "REG-005", registry=r.HidesLegacy)
_host("drop_variants_with_torn_metadata", "REG-006", registry=r.HidesTorn)
_host("offer_variants_without_a_bundle", "REG-007", registry=r.OffersLost)
_host("keep_quiet_about_what_is_missing", "REG-008", registry=r.SaysNothing)
_host("warn_of_the_first_fault_only", "REG-009", registry=r.WarnsOnce)
_host("read_weights_at_the_start", "REG-010", registry=r.Eager)
_host("get_a_model_of_another_status", "REG-011", registry=r.OtherStatus)
_host("ignore_the_runtime_filter", "REG-012", registry=r.NoRuntimeFilter)
_host("count_experimental_variants_as_active", "REG-013", registry=r.CountsExperimental)
_host("select_by_accuracy_whatever_is_asked", "REG-014", registry=r.ByAccuracy)
_host("select_whatever_its_status", "REG-015", registry=r.ByFigures)
_host("overlook_altered_files", "REG-016", registry=r.ChecksumBlind)
_host("forget_failed_validations", "REG-017", registry=r.KeepsStatus)
_host("compare_without_memory", "REG-018", registry=r.ComparesLess)
_host("load_another_variant", "REG-019", registry=r.Confuses)
_host("create_the_fastest_by_any_criterion", "REG-020", registry=r.FastestAlways)
_host("put_preloading_off", "REG-021", registry=r.PutsOff)
_host("load_anew_at_the_ninth_call", "REG-022", registry=r.TiresOfWaiting)
_host("remember_failed_loads", "REG-023", registry=r.Grudging)
_host("count_no_predictions", "REG-024", registry=r.CountsNone)
_host("give_confidence_in_percent", "REG-025", registry=r.InPercent)
_host("say_nothing_of_the_model", "REG-026", registry=r.Silent)


@_mutation("ACC-001", "ACC-002", "ACC-003", "FPR-001", "ROB-008", unknown=_DERIVED)
def swap_sign_of_binary_head(toy: t.Toy) -> None:
    t.write_bundle(toy.bundle, binary_0_weight=-t.head_arrays()["binary.0.weight"])
    toy.declare_files()


@_mutation("ACC-002")
def rotate_families_of_family_head(toy: t.Toy) -> None:
    t.write_bundle(toy.bundle, family_0_weight=np.roll(t.head_arrays()["family.0.weight"], 1, axis=0))
    toy.declare_files()


@_mutation("ACC-003", "ROB-002", "ROB-004")
def raise_threshold(toy: t.Toy) -> None:
    """To where the longest attacks, one in 23, pass: F1 is then still 0.98, but FNR is 4.3 %.

    Attacks among still more words, as those that are planted or written letter by letter, pass as well.
    """
    from raxe_conformance import ModelRegistry
    from raxe_conformance.corpus.rows import read_benchmark

    detector = ModelRegistry(toy.models).create_detector(t.MODEL_ID)
    attacks = [row for row in read_benchmark(toy.benchmark).rows if row.is_attack]
    scores = sorted(detector.analyze(row.text).metadata["score"] for row in attacks)
    t.write_bundle(toy.bundle, threshold=scores[len(scores) // 20])
    toy.declare_files()


@_mutation("FPR-001")
def make_a_calm_word_evil(toy: t.Toy) -> None:
    table = t.word_vectors()
    table[t.WORDS.index(t.RARE)] = table[t.WORDS.index(t.EVIL["PI"])]
    toy.onnx.write_bytes(t.onnx_bytes(table))
    toy.declare_files()


def _give_vector(toy: t.Toy, word: str, attack: float) -> None:
    """Let a word point towards attack, or (negative) away from it, and nowhere else."""
    table = t.word_vectors()
    table[t.WORDS.index(word), 0] = attack
    toy.onnx.write_bytes(t.onnx_bytes(table))
    toy.declare_files()


def _put_tokenizer(toy: t.Toy, tokenizer: bytes) -> None:
    toy.tokenizer.write_bytes(tokenizer)
    toy.declare_files()


@_mutation("ROB-001", unknown=_LATENCY)
def overflow_on_one_word(toy: t.Toy) -> None:
    _give_vector(toy, t.LONE, 3e38)


@_mutation("ROB-002")
def let_documents_drown_attacks(toy: t.Toy) -> None:
    _give_vector(toy, t.DOCUMENT, -1000.0)


@_mutation("ROB-003")
def tell_capitals_apart(toy: t.Toy) -> None:
    _put_tokenizer(toy, t.tokenizer_bytes(lowercase=False))


@_mutation("ROB-004")
def forget_look_alikes(toy: t.Toy) -> None:
    _put_tokenizer(toy, t.tokenizer_bytes(look_alikes=False))


@_mutation("ROB-005")
def forget_base64(toy: t.Toy) -> None:
    _put_tokenizer(toy, t.tokenizer_bytes(base64=False))


@_mutation("ROB-006")
def excuse_a_polite_word(toy: t.Toy) -> None:
    _give_vector(toy, t.POLITE, -1000.0)


@_mutation("ROB-007")
def fear_unknown_words(toy: t.Toy) -> None:
    _give_vector(toy, "[UNK]", 100.0)


@_mutation("ROB-008")
def excuse_a_word_of_twins(toy: t.Toy) -> None:
    """Of 60 pairs, 20 are then not told apart; of 1,200 attacks, 20 are missed, which no other limit minds."""
    _give_vector(toy, t.TWIN, -1000.0)


@_mutation("ROB-009")
def train_on_ten_benchmark_rows(toy: t.Toy) -> None:
    from raxe_conformance.corpus.rows import read_benchmark

    long_rows = [row.text for row in read_benchmark(toy.benchmark).rows if len(row.text.split()) > 12]
    t.write_bundle(toy.bundle, trained_on=(*t.TRAINED_ON, *long_rows[:10]))
    toy.declare_files()


_conduct("drift_from_call_to_call", "ROB-010", wrap=c.CountsCalls)
_conduct("score_otherwise_in_other_threads", "ROB-010", wrap=c.KnowsItsThread)
_conduct("score_otherwise_in_another_process", "ROB-010", elsewhere=-1e-15)
_conduct("lose_the_last_of_a_batch", "ROB-011", unknown={"ROB-012"}, wrap=c.LosesTheLast)
_conduct("turn_batches_around", "ROB-011", "ROB-012", wrap=c.TurnsBatchesAround)
_conduct("take_a_batch_for_one_text", "ROB-011", wrap=c.DecidesTogether)
_conduct("take_the_scale_from_the_whole_batch", "ROB-012", wrap=c.SharesTheScale)
_conduct("cut_texts_at_4000_characters", "ROB-013", wrap=c.CutsTexts)
_conduct("leak_100_bytes_a_call", "ROB-015", leak_bytes=100.0)
_conduct("decide_otherwise_without_avx", "ROB-016", unlike=("Nehalem",))
_conduct("decide_otherwise_on_the_other_backend", "ROB-017", otherwise=c.DecidesOtherwise)
_conduct("decide_otherwise_in_a_package", "DEP-001", packaged=c.DecidesOtherwise)


@_mutation("ROB-014")
def round_the_vectors(toy: t.Toy) -> None:
    """Calm words point somewhere else than in float32, though no more towards attack."""
    toy.float32.write_bytes(toy.onnx.read_bytes())
    table = t.word_vectors()
    table[table[:, 0] < 0.0, 1] = 0.5
    toy.onnx.write_bytes(t.onnx_bytes(table))
    toy.declare_files()
