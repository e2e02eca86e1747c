"""Benchmark rows and training corpora: reading, checking, naming by digest."""
