"""Deployment: what ships is the variant that was judged."""

from __future__ import annotations

from raxe_conformance.checks.reading import Finding, Findings, Reading
from raxe_conformance.checks.table import FILES, Level, check
from raxe_conformance.measure.evidence_resources import Deployed

_PACKAGE = "the package"


@check(
    "DEP-001", "a package of the variant arrives whole and decides as it does", level=Level.SHOULD, spec="§8, §9",
    needs=("deployed",), defect="decide_otherwise_in_a_package", requires=(FILES,),
)  # fmt: skip
def package_works(deployed: Deployed) -> Reading:
    """A package is made of the variant's files, put into a scratch folder, and every member's SHA-256 is verified.

    A fresh process must then give the package's test cases the decisions and families there that one gives in the
    models folder: a variant that needs anything beside its files ships broken. No report is needed, so that a variant
    that fails its gates is tried as well.
    """
    found = []
    if deployed.altered is not None:
        found.append(Finding(_PACKAGE, deployed.altered, "as its manifest says", "look at the disk"))
    if deployed.refused is not None:
        found.append(Finding(_PACKAGE, deployed.refused, "answers as in the models folder",
                             "ship all that the variant needs as its files"))  # fmt: skip
    found += [
        Finding(f"case {number}", "decided otherwise in the package", "the decision in the models folder",
                "ship all that the variant needs as its files") for number in deployed.otherwise
    ]  # fmt: skip
    note = (
        f"{deployed.members} files of {deployed.bytes / 1e6:.1f} MB; {deployed.cases} cases, "
        f"{deployed.attacks} of them attacks"
    )
    return Findings(tuple(found), deployed.members + deployed.cases, note)
