"""Detectors whose latency and error rates are known, because they are programmed: what the instrument is tested on.

`python -m meta_tests.metronomes [--burn]` judges each of them live, and prints the tables of docs/verdicts.md.
"""
