"""Stage 4, JUDGE: pure functions from evidence and profile to verdicts."""
