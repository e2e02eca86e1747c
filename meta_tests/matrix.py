"""`python -m meta_tests.matrix` writes docs/mutations.md: seeded defect × check. test_mutation_matrix.py proves it."""

from __future__ import annotations

from pathlib import Path

from meta_tests.support.mutations import MUTATIONS
from raxe_conformance.checks.table import catalogue

PAGE = Path(__file__).parents[1] / "docs" / "mutations.md"
_HEAD = """# Which defect trips which check

Each row is a small edit of a variant that holds every check (meta_tests/support/toy.py). The checks named under "fails"
turn to FAIL, those under "left open" have nothing to say any more (a variant that does not load has not been found
inaccurate), and every other check still passes. `pytest meta_tests/test_mutation_matrix.py` applies every defect and
compares all verdicts; `python -m meta_tests.matrix` writes this page.

"""


def _ranges(ids: list[str]) -> str:
    """Ids with consecutive numbers drawn together: LAT-001 to LAT-004."""
    runs: list[list[str]] = []
    for check_id in ids:
        group, number = check_id.split("-")
        before = runs[-1][-1].split("-") if runs else ["", "0"]
        if before[0] == group and int(before[1]) + 1 == int(number):
            runs[-1].append(check_id)
        else:
            runs.append([check_id])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def page() -> str:
    """The page as it should be."""
    order = list(catalogue())
    lines = [
        _HEAD,
        f"{len(MUTATIONS)} defects, {len(order)} checks.\n\n",
        "| defect | fails | left open |\n",
        "|---|---|---|\n",
    ]
    for name, mutation in sorted(MUTATIONS.items(), key=lambda item: min(map(order.index, item[1].fails))):
        fails, unknown = (sorted(ids, key=order.index) for ids in (mutation.fails, mutation.unknown))
        lines.append(f"| {name.replace('_', ' ')} | {', '.join(fails)} | {_ranges(unknown)} |\n")
    lines += ["\n| check | defects that trip it alone | with others |\n", "|---|---|---|\n"]
    for check in catalogue().values():
        hits = [(m.name.replace("_", " "), len(m.fails) == 1) for m in MUTATIONS.values() if check.id in m.fails]
        alone, along = (", ".join(name for name, only in hits if only is which) for which in (True, False))
        lines.append(f"| {check.id} {check.title} | {alone} | {along} |\n")
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
