"""What a variant declares of itself, read without trust: metadata that breaks its schema may hold anything anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raxe_conformance.report.html.visible import visible


@dataclass(frozen=True)
class Declared:
    """A metadata file as it stands, or one of its objects; empty where it could not be read. Texts come out visible."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def section(self, name: str) -> Declared:
        """An object in it; an empty one where there is none, or something else."""
        value = self.values.get(name)
        return Declared(value) if isinstance(value, dict) else Declared()

    def sections(self, name: str) -> list[Declared]:
        """The objects of a list; what else is in the list is left out."""
        value = self.values.get(name)
        return [Declared(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def text(self, name: str) -> str | None:
        """A text that is not blank, else None."""
        value = self.values.get(name)
        return visible(value) if isinstance(value, str) and value.strip() else None

    def texts(self, name: str) -> list[str]:
        """The texts of a list; what else is in the list, and what is blank, is left out."""
        value = self.values.get(name)
        return (
            [visible(item) for item in value if isinstance(item, str) and item.strip()]
            if isinstance(value, list)
            else []
        )


def spdx(license_name: str | None) -> str | None:
    """The licence as an SPDX expression in its usual spelling, None where it is none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(license_name or "")
    except InvalidLicenseExpression:
        return None
