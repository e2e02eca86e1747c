"""Evidence of one run: each measurement is made once, alone on the machine, and shared by all checks and workers.

It is kept as JSON files in a folder that the workers of pytest-xdist share. One lock a machine guards all measuring:
latency that is taken while another worker scores would be the other worker's noise.
"""

from __future__ import annotations

import getpass
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json, write_atomically
from raxe_conformance.measure.evidence import Missing, evidence_from_json, evidence_to_json


def machine_lock() -> FileLock:
    """The lock that whoever measures on this machine holds."""
    return FileLock(Path(tempfile.gettempdir()) / f"raxe-measuring-{getpass.getuser()}.lock")


class EvidenceStore:
    """Measurements by variant and name."""

    def __init__(self, folder: Path) -> None:
        """`folder` is shared by the workers of one run, and by nobody else."""
        self.folder = folder
        self._known: dict[tuple[str, str], Any] = {}

    def get(self, model_id: str, name: str, measure: Callable[[], Any]) -> Any:
        """The evidence, measured now if it was not yet. An expected error becomes Missing, which is kept too."""
        key = (model_id, name)
        if key not in self._known:
            with machine_lock():
                found = self.peek(model_id, name)
                if found is None:
                    try:
                        found = measure()
                    except RaxeError as error:
                        found = Missing(str(error.args[0]), error.remedy or "see the message")
                    write_atomically(
                        self._path(model_id, name), canonical_json(evidence_to_json(name, found), indent=None)
                    )
            self._known[key] = found
        return self._known[key]

    def peek(self, model_id: str, name: str) -> Any:
        """The evidence if it was measured already, here or by another worker, else None."""
        if (model_id, name) in self._known:
            return self._known[model_id, name]
        try:
            return evidence_from_json(json.loads(self._path(model_id, name).read_bytes()))
        except FileNotFoundError:
            return None

    def _path(self, model_id: str, name: str) -> Path:
        return self.folder / model_id / f"{name}.json"
