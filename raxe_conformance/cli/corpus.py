"""`raxe-conformance corpus`: the larger corpora, and what they and benchmark files are made of."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from raxe_conformance.corpus.manifest import Corpora, Source

_mirror = click.option(
    "--mirror", type=click.Path(path_type=Path), help="a folder with local copies (else RAXE_CORPUS_MIRROR)"
)
_manifest = click.option(
    "--manifest", "manifest_file", type=click.Path(path_type=Path), help="another manifest than the shipped one"
)


@click.group("corpus")
def command() -> None:
    """The larger corpora: by source, commit and SHA-256. Nothing is fetched unless asked."""


def _load(manifest_file: Path | None) -> Corpora:
    from raxe_conformance.corpus.manifest import read_corpora_manifest
    from raxe_conformance.packaged import packaged

    return read_corpora_manifest(manifest_file or packaged("fixtures") / "corpora.toml")


def _folder() -> Path:
    from raxe_conformance.build.cache import cache_dir

    return cache_dir() / "corpora"


def _named_mirror(mirror: Path | None) -> Path | None:
    from raxe_conformance.corpus.index import MIRROR
    from raxe_conformance.errors import UsageError

    named = mirror or (Path(os.environ[MIRROR]) if os.environ.get(MIRROR) else None)
    if named is not None and not named.is_dir():
        raise UsageError("is no folder", file=named, remedy=f"name one by --mirror DIR or {MIRROR}")
    return named


@command.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_mirror
@_manifest
def fetch(names: tuple[str, ...], mirror: Path | None, manifest_file: Path | None) -> int:
    """Put corpora (all, or those named) into the user's cache, from a mirror if there is one, else from upstream.

    Exit 0: all are there. 2: some are not: what could be had was fetched, and a line for each other says why not.
    """
    from raxe_conformance.cli.progress import progress
    from raxe_conformance.corpus import fetch as fetching
    from raxe_conformance.corpus.index import CorpusError

    corpora, folder, named = _load(manifest_file), _folder(), _named_mirror(mirror)
    tell, problems, hopeless = progress(), [], []
    for source in corpora.select(names):
        held = all(fetching.state_of(folder, source, file) == "ok" for file in source.files)
        if named is None and not held and fetching.only_in_mirrors(corpora, source):
            hopeless.append(source.name)
            continue
        origins: Counter[str] = Counter()
        with tell.step(source.name, sum(file.bytes for file in source.files)) as advance:
            for file in source.files:
                try:
                    origins[fetching.fetch_file(corpora, source, file, folder, mirror=named, advance=advance)] += 1
                except CorpusError as error:
                    problems.append(str(error))
        if origins:
            parts = ", ".join(f"{n} {_ORIGINS[name]}" for name, n in origins.items())
            tell.say(f"{source.name}: {sum(origins.values())} of {len(source.files)} files ({parts})")
    if hopeless:
        problems.append(f"re-written, so in no repository: {', '.join(hopeless)}; {fetching.NO_MIRROR}")
    if folder.is_dir():
        fetching.write_index(corpora, folder)
        tell.say(f"in {folder}: to read them from there, set RAXE_CORPUS_MIRROR to it")
    for problem in problems:
        click.echo(f"ERROR: {problem}", err=True)
    return 2 if problems else 0


_ORIGINS = {"there": "there already", "mirror": "from the mirror", "upstream": "downloaded"}


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_mirror
@_manifest
def verify(names: tuple[str, ...], mirror: Path | None, manifest_file: Path | None) -> int:
    """Hold files to their SHA-256: the mirror's if one is named, else the cache's. Exit 1 where one is not right."""
    from raxe_conformance.corpus.fetch import state_of

    corpora = _load(manifest_file)
    folder = _named_mirror(mirror) or _folder()
    states: Counter[str] = Counter()
    for source in corpora.select(names):
        for file in source.files:
            state = state_of(folder, source, file)
            states[state] += 1
            if state != "ok":
                click.echo(f"{state:8}{source.name}/{file.file}")
    click.echo(
        f"{folder}: {states['ok']} files as the manifest says, {states['wrong']} wrong, {states['missing']} missing"
    )
    return 0 if states.total() == states["ok"] else 1


@command.command("stats")
@click.argument("names", nargs=-1, metavar="[NAME... or FILE]")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@_manifest
def stats(names: tuple[str, ...], as_json: bool, manifest_file: Path | None) -> None:
    """Rows, attacks, benign rows, languages and licences of the corpora, as the manifest has them.

    Or of a benchmark FILE (*.jsonl), which is read and counted; its tables are Markdown, as in docs/benchmark.md.
    """
    if len(names) == 1 and names[0].endswith(".jsonl"):
        from raxe_conformance.corpus.composition import as_markdown, compose
        from raxe_conformance.corpus.rows import read_benchmark

        found = compose(read_benchmark(Path(names[0])))
        shown = json.dumps(dataclasses.asdict(found), indent=2) + "\n" if as_json else as_markdown(found)
        click.echo(shown, nl=False)
        return
    corpora = _load(manifest_file)
    rows = [_counts(source, corpora) for source in corpora.select(names)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    total = {key: sum(row[key] for row in rows) for key in ("rows", "attacks", "benign", "payloads")}
    tongues = sorted({language for row in rows for language in row["languages"]})
    rows.append({"name": f"{len(rows)} corpora", **total, "languages": tongues, "license": "", "upstream": ""})
    click.echo(
        f"{'corpus':30}{'rows':>8}{'attacks':>9}{'benign':>8}{'payloads':>10}  {'upstream':11}languages; licence"
    )
    for row in rows:
        spoken = row["languages"]
        told = ", ".join(spoken) if len(spoken) <= 3 else f"{len(spoken)} languages"
        end = f"{told}; {row['license']}" if row["license"] else told
        counts = f"{row['rows']:8}{row['attacks']:9}{row['benign']:8}{row['payloads']:10}"
        click.echo(f"{row['name']:30}{counts}  {row['upstream']:11}{end}")


def _counts(source: Source, corpora: Corpora) -> dict[str, Any]:
    texts = [texts for file in source.files for texts in file.texts]
    alone = [text for text in texts if text.role is None]
    return {
        "name": source.name,
        "rows": sum(text.rows for text in texts),
        "attacks": sum(text.attacks for text in alone),
        "benign": sum(text.rows - text.attacks for text in alone),
        # Attacks only when they are planted in other text.
        "payloads": sum(text.rows for text in texts if text.role == "payload"),
        "languages": sorted({language for text in texts for language in text.languages}),
        "license": source.license,
        "upstream": source.upstream,
        "fetchable": sum(corpora.url_of(source, file) is not None for file in source.files),
        "files": len(source.files),
    }
