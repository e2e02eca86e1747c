"""The command line, one file a command group. Imports happen inside commands, so that `--help` is quick."""
