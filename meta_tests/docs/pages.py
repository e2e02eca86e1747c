"""The commands and the code that README and docs show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_REASON = re.compile(r"<!-- not run in tests: (.+?) -->", re.DOTALL)
_NAMED = re.compile(r"# (\S+\.py)(?:, .*)?\n")
_PROGRAMS = ("raxe-conformance ", "pytest ", "python ", "python3 ", "pip ", "git ", "mkdocs ")


@dataclass(frozen=True)
class Block:
    """A block of a page: shell commands, one a line, or Python. reason: why tests do not run it."""

    line: int
    language: str
    text: str
    reason: str | None

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block without their comments."""
        lines = [re.sub(r"\s+# .*$", "", line).strip() for line in self.text.replace("\\\n", " ").split("\n")]
        return [line for line in lines if line and not line.startswith("#")]

    @property
    def file(self) -> str | None:
        """The file that a block of Python is, None where it is none."""
        named = _NAMED.match(self.text)
        return named.group(1) if named else None


def blocks(page: Path) -> Iterator[Block]:
    """The page's shell and Python, in order. Indented code counts where it begins with a program, and of a
    console what is typed."""
    reason = None
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "fence" and token.info in ("sh", "python"):
            yield Block(line, token.info, token.content, reason)
        elif token.type == "fence" and token.info == "console":
            yield Block(line, "sh", "\n".join(re.findall(r"^\$ (.*)$", token.content, re.MULTILINE)), reason)
        elif token.type == "code_block" and token.content.startswith(_PROGRAMS):
            yield Block(line, "sh", re.sub(r" {3,}\S.*$", "", token.content, flags=re.MULTILINE), reason)
        found = _REASON.search(token.content) if token.type == "html_block" else None
        reason = found.group(1) if found else None
