"""Measurements of this project's own code: figures and ratios, printed. `python -m meta_tests.benchmarks NAME`.

They are no tests: a figure of a busy machine fails nothing. What is compared is measured in turn, in one run.
"""
