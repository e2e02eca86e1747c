"""The generated parts of docs/hostile.md."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from meta_tests.hostile.catalogue import CASES
from raxe_conformance.runtime.onnx_ops import RULES
from raxe_conformance.runtime.tokenizer_guard import KNOWN

PAGE = Path(__file__).parents[2] / "docs" / "hostile.md"


def parts() -> dict[str, str]:
    """Marker → what stands between `<!-- marker -->` and `<!-- /marker -->`."""
    return {"catalogue": _catalogue(), "operators": _operators(), "tokenizer": _tokenizer()}


def rendered(text: str) -> str:
    """The page with its generated parts as they should be. Raises ValueError where a marker is missing."""
    for name, content in parts().items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{PAGE.name} has no part {name}")
        text = pattern.sub(lambda match, content=content: match[1] + content + match[2], text)  # type: ignore[misc]
    return text


def _catalogue() -> str:
    out = [f"{len(CASES)} files in {len({case.group for case in CASES.values()})} groups.\n"]
    ordered = sorted(CASES.values(), key=lambda case: case.group)
    for group, cases in groupby(ordered, key=lambda case: case.group):
        listed = list(cases)
        out += [f"\n### {group} ({len(listed)})\n\n", "| name | what it is | what must happen |\n", "|---|---|---|\n"]
        out += [f"| `{case.name}` | {_cell(case.what)} | {_cell(case.outcome)} |\n" for case in listed]
    return "".join(out)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _operators() -> str:
    by_domain: dict[str, list[str]] = {}
    for domain, op in RULES:
        by_domain.setdefault(domain or "ai.onnx", []).append(op)
    return "".join(f"- `{domain}`: {', '.join(sorted(ops))}\n" for domain, ops in sorted(by_domain.items()))


def _tokenizer() -> str:
    return "".join(f"- `{part}`: {', '.join(sorted(kinds))}\n" for part, kinds in KNOWN.items())
