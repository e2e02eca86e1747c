"""The scanner of the package `raxe`: the rules that come with it, without the model that it would download."""

from raxe import Raxe

SCANNER = Raxe(telemetry=False, l2_enabled=False)


def score(text: str) -> dict[str, object]:
    """The confidence of the surest rule that matched, which makes the text an attack; dry_run keeps no record."""
    found = SCANNER.scan(text, dry_run=True)
    if not found.has_threats:
        return {"score": 0.0, "is_attack": False, "family": None}
    surest = max(found.detections, key=lambda detection: detection.confidence)
    return {"score": surest.confidence, "is_attack": True, "family": surest.category.upper()}
