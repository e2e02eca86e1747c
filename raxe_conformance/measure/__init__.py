"""Stage 2, MEASURE: evidence about a target. Knows no limit and judges nothing."""
