"""The conformance suites: one file a marker, one test a check. What a check means stands in the catalogue."""
