"""Paraphrase by rule: words and phrases of English for others that mean the same, in attacks as in harmless texts.

No rule touches what decides the label: nothing is negated, nobody else is addressed, no data goes elsewhere.
"""

from __future__ import annotations

import re
from random import Random
from typing import Final

# Each line works in both directions, except where it begins with ">".
_PAIRS: Final = """
ignore | disregard
ignoring | disregarding
ignored | disregarded
instructions | directions
instruction | direction
reveal | disclose
revealing | disclosing
please | kindly
do not | don't
does not | doesn't
cannot | can't
will not | won't
I am | I'm
it is | it's
you are | you're
that is | that's
I have | I've
immediately | right away
entire | whole
begin | start
answer | reply
answers | replies
perhaps | maybe
however | nevertheless
for example | for instance
thanks | thank you
hidden | concealed
email | e-mail
emails | e-mails
developer | programmer
developers | programmers
client | customer
clients | customers
need to | have to
would like to | want to
because | since
>previous | earlier
>prior | earlier
>tell me | let me know
>give me | let me have
>pretend | make believe
>act as | play the part of
>from now on | from this point on
>in order to | to
>restrictions | limits
>help me | assist me
>large | big
>many | a lot of
>until | till
>everything | all of it
>system prompt | system message
>as soon as possible | at the earliest moment
>hello | hi
"""


def _rules() -> dict[str, str]:
    found = {}
    for line in _PAIRS.strip().splitlines():
        left, right = (part.strip() for part in line.removeprefix(">").split("|"))
        found[left.casefold()] = right
        if not line.startswith(">"):
            found[right.casefold()] = left
    return found


RULES: Final = _rules()
_PATTERN = re.compile(
    r"(?<![\w'’-])(?:"
    + "|".join(re.escape(rule).replace("'", "['’]") for rule in sorted(RULES, key=len, reverse=True))
    + r")(?![\w'’-])",
    re.IGNORECASE,
)


def reword(text: str, chance: Random) -> str:
    """Every phrase that has a rule in its other wording, with its capitals kept. Chance decides nothing here."""
    return _PATTERN.sub(_other, text)


def _other(match: re.Match[str]) -> str:
    found = match.group()
    # What matches without regard to case (the Turkish İ) may still fold to something else.
    other = RULES.get(found.casefold().replace("’", "'"), found)
    if found.isupper() and len(found) > 1:
        return other.upper()
    return other[0].upper() + other[1:] if found[0].isupper() else other
