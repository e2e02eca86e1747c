"""Tests of raxe_conformance/registry, model_registry.py, templates/ and the commands that use them."""
