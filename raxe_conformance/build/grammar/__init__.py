"""The project's own training text: attacks with harmless twins, and harmless text, made from data files by a seed.

Everything in `data/` was written for this project, from knowledge of how such attacks work and without a look at
fixtures/benchmark.jsonl. `generate.rows` is the way in; docs/building.md says how the files are written.
"""
