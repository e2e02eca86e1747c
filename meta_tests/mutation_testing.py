"""`python -m meta_tests.mutation_testing [FILE …]`: which changes of the judging code no test of it notices.

mutmut changes raxe_conformance/verdict a little, one change at a time, in a copy of the checkout, and runs the tests
of that file that reach the change (docs/mutation_testing.md).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VERDICT = "raxe_conformance/verdict"
# What the tests of the verdicts import or read.
COPIED = ("raxe_conformance", "meta_tests", "suites", "fixtures", "conftest.py")
# The test modules that are to notice a change of a file, where that is not the one named after it alone.
TESTS = {
    "calibration": ("figures",),
    "decide": ("judge", "release", "words"),
    "declared": ("judge", "words"),
    "intervals": ("intervals", "words", "release", "figures"),
    "judge": ("judge", "words"),
    "outcome": ("release",),
    "quantiles": ("quantiles", "series"),
    "rollup": ("release",),
    "series": ("series", "quantiles"),
}
# A simulation, and one that starts pytest: too slow to be run for each change.
LEFT_OUT = (
    "test_bootstrap.py::test_bounds_cover_the_true_f1_of_all_sources_more_often_than_rows_alone",
    "test_waivers.py::test_a_session_applies_the_folders_waivers",
)
# Of the process that ran the tests: one failed, or pytest itself did.
NOTICED = (1, 3)
STOPPED = (-24, 24)
# The goal: at most this share of a run's changes survives.
MOST = 0.05

Codes = Mapping[str, Mapping[str, int | None]]


def own_tests(names: Sequence[str]) -> list[str]:
    """The test modules of these files, in the order of their names."""
    return sorted({f"meta_tests/verdict/test_{test}.py" for name in names for test in TESTS.get(name, (name,))})


def settings(names: Sequence[str]) -> str:
    """The section of pyproject.toml that tells mutmut what to change and which tests to run."""
    arguments = ["-p", "no:cacheprovider", "--hypothesis-profile=ci"]
    for test in LEFT_OUT:
        arguments += ["--deselect", f"meta_tests/verdict/{test}"]
    values = {
        "source_paths": [VERDICT],
        "only_mutate": [f"{VERDICT}/{name}.py" for name in names],
        "pytest_add_cli_args_test_selection": own_tests(names),
        "pytest_add_cli_args": arguments,
        "also_copy": list(COPIED),
    }
    return "\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def table(codes: Codes) -> str:
    """Markdown: of each file, how many changes there were, how many survived, and how many tests had to be stopped."""
    lines = ["| file | mutants | survivors | stopped |", "|---|---|---|---|"]
    for name, own in codes.items():
        stopped = sum(code in STOPPED for code in own.values())
        lines.append(f"| {name} | {len(own)} | {len(survivors(own))} | {stopped} |")
    return "\n".join(lines)


def survivors(codes: Mapping[str, int | None]) -> list[str]:
    """The changes that no test noticed, those that no test reaches among them."""
    return [change for change, code in codes.items() if code not in (*NOTICED, *STOPPED)]


def prepare(folder: Path, names: Sequence[str]) -> None:
    """Bring a copy of the checkout up to date. What an earlier run in it did not see noticed is tried again."""
    for name in COPIED:
        if (CHECKOUT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(CHECKOUT / name, folder)
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(project + settings(names), encoding="utf-8")
    # Which tests reach a change is looked at anew: a test may have changed and kept its name.
    (folder / "mutants/mutmut-stats.json").unlink(missing_ok=True)
    for path in (folder / "mutants" / VERDICT).glob("*.meta"):
        found = json.loads(path.read_text(encoding="utf-8"))
        codes = found["exit_code_by_key"]
        found["exit_code_by_key"] = {change: code if code in NOTICED else None for change, code in codes.items()}
        path.write_text(json.dumps(found), encoding="utf-8")


def results(folder: Path, names: Sequence[str]) -> dict[str, dict[str, int | None]]:
    """The status of the tests' process for each change of each file, by mutmut's name of the change."""
    found = {}
    for name in names:
        path = folder / "mutants" / VERDICT / f"{name}.py.meta"
        found[name] = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def main() -> int:
    """Run mutmut; the status is 1 where more than MOST of the changes survived."""
    known = sorted(path.stem for path in (CHECKOUT / VERDICT).glob("[!_]*.py"))
    parser = argparse.ArgumentParser(prog="python -m meta_tests.mutation_testing", description=__doc__)
    parser.add_argument("file", nargs="*", help=f"modules of {VERDICT} (default: all)", metavar="FILE")
    parser.add_argument("--folder", type=Path, help="where to work; an earlier run's folder is gone on with")
    parser.add_argument("--children", type=int, default=1, help="how many changes are tried at a time (default: 1)")
    arguments = parser.parse_args()
    names = arguments.file or known
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"there is no {VERDICT}/{unknown[0]}.py")
    mutmut = shutil.which("mutmut", path=str(Path(sys.executable).parent))
    if mutmut is None:
        parser.error("mutmut is not installed (pip install 'raxe-conformance[mutation]')")
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="mutation-"))
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, names)
    with (folder / "mutmut.log").open("w", encoding="utf-8") as log:
        command = [mutmut, "run", "--max-children", str(arguments.children)]
        done = subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(f"mutmut stopped with {done.returncode}: see {folder / 'mutmut.log'}", file=sys.stderr)
        return 2
    codes = results(folder, names)
    print(table(codes))
    left = [change for own in codes.values() for change in survivors(own)]
    if left:
        print(f"\nsurvived (cd {folder}; mutmut show NAME):", *left, sep="\n")
    return 1 if len(left) > MOST * sum(map(len, codes.values())) else 0


if __name__ == "__main__":
    sys.exit(main())
