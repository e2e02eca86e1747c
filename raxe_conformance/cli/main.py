"""The command `raxe-conformance`: its groups are imported when they are called for."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from raxe_conformance import __version__
from raxe_conformance.errors import RaxeError

# command → (module under raxe_conformance.cli, one line for --help)
_COMMANDS = {
    "check": ("check", "run the suites on a models folder; exit 0 holds, 1 failed, 3 cannot tell, 2 bad input"),
    "checks": ("checks", "the catalogue of checks"),
    "judge": ("judge", "verdicts again, from saved evidence, without measuring"),
    "compare": ("compare", "what became better or worse from one run to another; exit 1 where a MUST regressed"),
    "report": ("report", "pages and exports from the reports of a folder"),
    "doctor": ("doctor", "what this environment lacks, and whether it can measure latency"),
    "list": ("listing", "the variants of a models folder"),
    "scan": ("scan", "run one detector on a text or on lines of standard input"),
    "build": ("build", "make what a variant lacks from its recipe"),
    "benchmark": ("benchmark", "the specification's benchmark report, or the leave-one-source-out table"),
    "export": ("export", "sentence-transformers model to ONNX and tokenizer"),
    "corpus": ("corpus", "fetch, verify and count the larger corpora, or a benchmark file"),
    "new": ("new", "a new metadata file from a template or another variant"),
    "bundle": ("bundle", "pack, unpack, inspect and verify bundles"),
    "migrate": ("migrate", "old folder layouts to the new one; dry run unless --apply"),
    "migrate-joblib": ("migrate_joblib", "a joblib bundle to arrays; runs the code in it"),
    "deploy": ("deploy", "a variant to staging, and from there to 10, 50 and 100 percent of production"),
    "rollback": ("rollback", "back to what was in use before, in one switch"),
    "serve": ("serve", "the variants of an environment, or one of a models folder, behind HTTP"),
    "watch": ("watch", "take a variant back when Prometheus' counts say that it is bad"),
    "monitoring": ("monitoring", "alert rules for Prometheus and a dashboard for Grafana"),
    "status": ("status", "what is deployed in a target folder, and whether its records hold"),
}


class _Commands(click.Group):
    """Lists all commands without importing them, and words expected errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"raxe_conformance.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="raxe-conformance")
@click.option("--debug", is_flag=True, help="show the traceback of an error")
def cli(debug: bool) -> None:
    """Release gates for RAXE L2 models."""
    # main reads the flag: an error may come before there is a command to hand it to.


def main() -> None:
    """Entry point. Expected errors are one line on standard error and exit code 2."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("ERROR: interrupted", err=True)
        sys.exit(130)
    except RaxeError as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"ERROR: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of a pipe has gone, as with `| head`. Nothing more can be said to it.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
