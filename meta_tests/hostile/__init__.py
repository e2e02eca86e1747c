"""Hostile files: each declared once, made by code, and tried on a registry that has a good variant beside it.

`python -m meta_tests.hostile` writes the table of docs/hostile.md.
"""
