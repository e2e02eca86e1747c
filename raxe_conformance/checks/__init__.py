"""Stage 3, DECLARE: each check once. Limits stand in profiles/, judging in verdict/."""
