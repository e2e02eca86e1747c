"""A rule engine: one regular expression for each family."""

import re

RULES = {
    "PI": r"\b(ignore|disregard|forget)\b.{0,40}\b(instructions?|rules?|prompt)\b",
    "JB": r"\b(do anything now|developer mode|without (any )?restrictions)\b",
    "PII": r"\b(reveal|print|show)\b.{0,40}\b(passwords?|api keys?|credentials)\b",
}
COMPILED = {family: re.compile(rule, re.IGNORECASE | re.DOTALL) for family, rule in RULES.items()}


def score(text: str) -> dict[str, object]:
    """The family of the first rule that matches, with certainty."""
    for family, rule in COMPILED.items():
        if rule.search(text):
            return {"score": 1.0, "family": family}
    return {"score": 0.0, "family": None}
