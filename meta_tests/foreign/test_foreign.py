"""Registries that are not ours, judged: the sound ones hold what they claim, and each breach is named by its check."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meta_tests.foreign.breached import ALSO, BREACHES
from meta_tests.support.host import Host
from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.table import REGISTRY, catalogue
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.packaged import packaged
from raxe_conformance.target.foreign import CAPABILITIES, find_foreign
from raxe_conformance.verdict.outcome import Outcome, Verdict

FOLDER = Path(__file__).parent
SOUND = {"minimal": "Registry", "sentence": "open_registry"}
Run = Callable[..., pytest.RunResult]


def judged(module: str, factory: str, toy: Toy, tmp_path: Path) -> dict[str, Verdict]:
    """The verdicts on what a registry of this folder claims, by check."""
    session = session_on(toy, tmp_path, registry=f"{module}:{factory}", home=FOLDER)
    instruments = Instruments(start_stopwatch=Host().start_stopwatch)
    claimed = [check_id for check_id in catalogue() if session.unclaimed(check_id, REGISTRY) is None]
    return {check_id: session.judge(check_id, REGISTRY, instruments) for check_id in claimed}


@pytest.mark.parametrize(("module", "factory"), SOUND.items())
def test_a_sound_registry_holds_what_it_claims(module: str, factory: str, toy: Toy, tmp_path: Path) -> None:
    verdicts = judged(module, factory, toy, tmp_path)
    assert {v.check_id: v.message for v in verdicts.values() if v.outcome is not Outcome.PASS} == {}
    claims = find_foreign(f"{module}:{factory}", FOLDER).claims
    assert verdicts.keys() == {
        check.id
        for check in catalogue().values()
        if REGISTRY in check.requires and check.requires - {REGISTRY} <= claims
    }
    assert {"REG-001", "REG-002", "REG-003", "REG-022"} <= verdicts.keys()


def test_each_breach_is_named_by_its_check_and_nothing_else_is(toy: Toy, tmp_path: Path) -> None:
    verdicts = judged("breached", "Registry", toy, tmp_path)
    assert len(BREACHES) == len(set(BREACHES.values())) == 12
    assert {v.check_id for v in verdicts.values() if v.outcome is Outcome.FAIL} == set(BREACHES.values()) | ALSO
    assert {v.check_id for v in verdicts.values() if v.outcome is Outcome.INCONCLUSIVE} == set()
    # It says nothing of what it claims, so it claims everything.
    assert verdicts.keys() == {check.id for check in catalogue().values() if REGISTRY in check.requires}


def test_the_minimal_registry_is_small() -> None:
    assert len((FOLDER / "minimal.py").read_text(encoding="utf-8").splitlines()) < 150


def test_the_three_share_no_code() -> None:
    for name in ("minimal", "sentence", "breached"):
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) (raxe_conformance|meta_tests|minimal|sentence|breached)", source, re.M)


@pytest.fixture
def run(pytester: pytest.Pytester, toy: Toy) -> Run:
    """Run the suites on a registry of this folder, or of the modules that a test puts where pytest is started."""
    for name in ("minimal", "breached"):
        pytester.makepyfile(**{name: (FOLDER / f"{name}.py").read_text(encoding="utf-8")})

    def call(*args: str) -> pytest.RunResult:
        options = (f"--raxe-benchmark={toy.benchmark}", f"--rootdir={pytester.path}")
        suites = str(packaged("suites"))
        return pytester.runpytest_subprocess(suites, "-p", "no:cacheprovider", *options, *args)

    return call


def test_its_variants_are_judged_through_its_detectors(run: Run, pytester: pytest.Pytester, toy: Toy) -> None:
    result = run("--raxe-registry=minimal:Registry", f"--raxe-models={toy.models}", "-k", "fpr or binary_f1 or filters")
    reports = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in pytester.path.glob("reports/*.json")}
    verdicts = {check["id"]: check["verdict"] for check in reports[MODEL_ID]["checks"]}
    assert (verdicts["FPR-001"], verdicts["ACC-001"]) == ("PASS", "PASS")
    assert reports[MODEL_ID]["model"]["registry"] == "minimal:Registry"
    assert f"metadata/{MODEL_ID}.json" in {file["path"] for file in reports[MODEL_ID]["model"]["files"]}
    left = {check["id"]: check["reason"] for check in reports[MODEL_ID]["not_claimed"]}
    assert (left["REG-012"], left["ROB-011"]) == ("judged once, as registry", "the registry does not claim batch")
    assert "SIZ-001" not in left
    left = {check["id"]: check["reason"] for check in reports["registry"]["not_claimed"]}
    assert (left["FPR-001"], left["REG-012"]) == ("judged with each variant", "the registry does not claim filters")
    assert result.parseoutcomes()["skipped"] >= 3
    result.stdout.fnmatch_lines(["Not claimed, so not judged (the registry does not claim filters): REG-012"])


def test_without_a_models_folder_the_registry_is_judged_alone(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-registry=minimal:Registry", "-m", "registry", "-k", "not start")
    found = json.loads((pytester.path / "reports" / "registry.json").read_text(encoding="utf-8"))
    assert {check["verdict"] for check in found["checks"]} == {"PASS"}
    assert found["not_judged"] == []  # REG-001 is no MUST
    assert found["verdict"] == "PASS"
    result.assert_outcomes(
        passed=len(found["checks"]),
        skipped=24 + 1 - len(found["checks"]),
        deselected=result.parseoutcomes()["deselected"],
    )
    assert "Traceback" not in result.stdout.str()


def test_a_breach_fails_its_test(run: Run) -> None:
    result = run("--raxe-registry=breached:Registry", "-k", "test_filters")
    result.stdout.fnmatch_lines(["REG-012 MUST FAIL: registry: *: list_models(runtime='onnx_int8'): *"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


BAD = """
class Registry:
    def __init__(self, models_dir): pass
    def list_models(self): return []
    def has_model(self, model_id): return False

def raising(models_dir): raise OSError("no\\nmodels")

def odd(models_dir): return Registry(models_dir)
odd.capabilities = "loading"

def misspelt(models_dir): return Registry(models_dir)
misspelt.capabilities = {"lookups"}
"""


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ["nowhere:make"],
            "ERROR: --raxe-registry nowhere:make: the module nowhere cannot be imported: ModuleNotFoundE*",
        ),
        (
            ["bad:nothing"],
            "ERROR: --raxe-registry bad:nothing: the module bad has no nothing; name it as MODULE:FACTORY*",
        ),
        (
            ["bad:BAD"],
            "ERROR: --raxe-registry bad:BAD: BAD is a int and cannot be called; name a factory that takes a *",
        ),
        (["bad"], "ERROR: --raxe-registry bad: is no MODULE:FACTORY; *"),
        (
            ["bad:raising"],
            "ERROR: --raxe-registry bad:raising: the factory raised OSError: no models; it is called with *",
        ),
        (["bad:Registry"], "ERROR: --raxe-registry bad:Registry: gives a Registry without create_detector; every *"),
        (["bad:odd"], "ERROR: --raxe-registry bad:odd: its capabilities are a str; make them a set of names: *"),
        (
            ["bad:misspelt"],
            "ERROR: --raxe-registry bad:misspelt: there is no capability 'lookups'; did you mean lookup*",
        ),
        (
            ["minimal:Registry", "--raxe-detector=bad:raising"],
            "ERROR: --raxe-detector and --raxe-registry are both given*",
        ),
        (["minimal:Registry", "--raxe-model=regstry"], "ERROR: *regstry matches no variant; did you mean registry?"),
    ],
)
def test_what_cannot_be_used_is_one_line(run: Run, pytester: pytest.Pytester, args: list[str], line: str) -> None:
    pytester.makepyfile(bad=BAD + "\nBAD = 1\n")
    result = run(f"--raxe-registry={args[0]}", *args[1:])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_the_page_lists_every_capability() -> None:
    page = (Path(__file__).parents[2] / "docs" / "registries.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.M))
    assert listed.keys() == CAPABILITIES.keys()


def test_every_capability_stands_for_a_check() -> None:
    required = {name for check in catalogue().values() for name in check.requires}
    assert CAPABILITIES.keys() <= required


def test_the_page_shows_a_registry_that_holds(pytester: pytest.Pytester, run: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "registries.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n# mine\.py\n(.*?)```", page, re.S)
    pytester.makepyfile(mine=code)
    command = [sys.executable, "-m", "raxe_conformance", "check", "--registry", "mine:Registry", "--model", "registry"]
    result = pytester.run(*command, "--", "-k", "not start")
    found = json.loads((pytester.path / "reports" / "registry.json").read_text(encoding="utf-8"))
    assert {check["id"]: check["verdict"] for check in found["checks"]} == dict.fromkeys(
        ("REG-003", "REG-010", "REG-011", "REG-013"), "PASS"
    )
    assert (result.ret, found["verdict"]) == (0, "PASS")
