"""A report's own digest: it tells a file that was edited by hand, or cut and mended, from one that a run wrote.

It is no signature. Whoever can write the file can write the digest too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raxe_conformance.fileio import sha256

FIELD = "digest"


def report_digest(report: Mapping[str, Any]) -> str:
    """ "sha256:" and the SHA-256, in hex, of the report without its `digest`: keys sorted, no spaces, UTF-8."""
    content = {key: value for key, value in report.items() if key != FIELD}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no UTF-8; a report that holds one is refused when it is read, not here.
    return "sha256:" + sha256(text.encode("utf-8", "backslashreplace"))


def with_digest(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with its digest in place, as the last key."""
    return {**{key: value for key, value in report.items() if key != FIELD}, FIELD: report_digest(report)}
