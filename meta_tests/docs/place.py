"""A folder in which the commands of a page can be given: the toy variant under the name that the pages use."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from meta_tests.build.world import ATTACKS, BENIGN, WORDS, model_files
from meta_tests.docs.pages import ROOT, blocks
from meta_tests.support.toy import Toy, write_patient_profile

MODEL_ID = "v1.0_minilm_l6_int8"


def make_place(folder: Path, pristine: Toy, groups: str) -> dict[str, str]:
    """Fill the folder; the environment in which commands find it, judge a few groups, and wait for nobody."""
    shutil.copytree(pristine.models, folder / "models")
    shutil.copy(pristine.benchmark, folder / "benchmark.jsonl")
    toy = Toy(folder / "models", folder / "benchmark.jsonl")
    metadata = {**toy.read(), "model_id": MODEL_ID, "variant": "minilm_l6_int8"}
    toy.metadata.unlink()
    (toy.models / "metadata" / f"{MODEL_ID}.json").write_text(json.dumps(metadata), encoding="utf-8")
    for page in ("detectors.md", "registries.md"):
        for block in blocks(ROOT / "docs" / page):
            if block.file is not None:
                (folder / block.file).write_text(block.text, encoding="utf-8")
    (folder / "encoder").mkdir()
    for name, data in model_files().items():
        (folder / "encoder" / name).write_bytes(data)
    rows = [{"text": f"{phrase} {word}", "label": family} for family, phrase in ATTACKS.items() for word in WORDS[8:20]]
    rows += [{"text": f"{phrase} {word}", "label": "BENIGN"} for phrase in BENIGN for word in WORDS[8:20]]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    profile = write_patient_profile(folder / "patient.toml")
    (folder / "tmp").mkdir()
    chosen = ("-q", "-p no:cacheprovider", f"-m '{groups}'", "--raxe-latency-budget=0")
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TMPDIR": str(folder / "tmp"),
        "PYTEST_ADDOPTS": " ".join((*chosen, f"--raxe-benchmark={toy.benchmark}", f"--raxe-profile={profile}")),
    }
