"""Stage 5, REPORT: verdicts as JSON and on the terminal."""
