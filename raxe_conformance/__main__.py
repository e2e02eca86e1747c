"""`python -m raxe_conformance` is `raxe-conformance`."""

from raxe_conformance.cli.main import main

main()
