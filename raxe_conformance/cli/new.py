"""`raxe-conformance new`: a metadata file to fill in."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new")
@click.argument("model_id", metavar="ID")
@click.option("--from", "start", default="onnx_int8", metavar="TEMPLATE", help="a template, or the id of a variant")
@click.option("--models-dir", default="models", type=click.Path(path_type=Path), help="the models folder")
def command(model_id: str, start: str, models_dir: Path) -> None:
    """Write metadata/ID.json from a template (onnx_int8, onnx_fp16) or from another variant. Never overwrites.

    ID is {version}_{variant}, such as v1.0_minilm_l12_int8. Sizes and checksums are generated for the files that exist.
    """
    from raxe_conformance.errors import UsageError
    from raxe_conformance.fileio import canonical_json
    from raxe_conformance.registry.catalog import Catalog, complete_metadata
    from raxe_conformance.registry.metadata import parse_metadata
    from raxe_conformance.templates import load_template, new_metadata, template_names

    catalog = Catalog(models_dir)
    path = models_dir / "metadata" / f"{model_id}.json"
    taken = next((v for v in catalog.variants if v.model_id.casefold() == model_id.casefold()), None)
    if taken is not None or path.exists():
        there = taken.model_id if taken else model_id
        remedy = "choose another id, or edit its file"
        raise UsageError(f"there is a variant {there!r} already", file=path, remedy=remedy)
    if start in template_names():
        source, value = f"the template {start}", load_template(start)
    elif any(v.model_id == start for v in catalog.variants):
        source, value = f"the variant {start}", catalog.variant(start).metadata.to_dict()
    else:
        remedy = f"templates: {', '.join(template_names())}; variants: raxe-conformance list"
        raise UsageError(f"there is neither a template nor a variant {start!r}", field="--from", remedy=remedy)
    metadata = complete_metadata(parse_metadata(new_metadata(model_id, value), file=path), models_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as handle:
            handle.write(canonical_json(metadata.to_dict()))
    except FileExistsError:
        raise UsageError("exists already", file=path, remedy="choose another id, or edit the file") from None
    click.echo(f"wrote {path} from {source}; edit it, then: raxe-conformance check {models_dir} --model {model_id}")
