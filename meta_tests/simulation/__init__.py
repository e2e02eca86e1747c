"""How often the intervals hold and the verdicts are right, on latencies and rates whose truth is programmed.

`python -m meta_tests.simulation` prints the tables of docs/verdicts.md, section "Coverage and error rates".
"""
