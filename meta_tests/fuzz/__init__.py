"""Coverage-guided fuzzing of everything that reads a file: `python -m meta_tests.fuzz TARGET --seconds N`.

Needs atheris (the extra `fuzz`); without it the command says so and ends with success, as a skipped test does.
"""
