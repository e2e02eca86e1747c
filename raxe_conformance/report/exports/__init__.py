"""What other programs read of a report: SARIF, a model card, a bill of materials, GitHub's summary and annotations."""
