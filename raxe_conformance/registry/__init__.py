"""Stage 1, DISCOVER: what a models folder holds. Reads no weights."""
