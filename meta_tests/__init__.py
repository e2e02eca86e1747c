"""Tests of this project's own code, laid out as the package is."""
