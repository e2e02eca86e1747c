"""What a hostile file is: how it is made, and what must happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meta_tests.support.toy import Toy
from raxe_conformance.fileio import canonical_json

GOOD_ID = "v9.9_good_int8"
GOOD_BUNDLE, GOOD_ONNX, GOOD_TOKENIZER = "good.raxe", "good_int8.onnx", "good.tokenizer.json"

Make = Callable[[Toy], None]


@dataclass(frozen=True)
class Case:
    """One hostile file.

    `error` is the class that is raised, `says` a part of its one-line message. stage: "load" (the variant is refused
    when it is loaded), "analyze" (when it would answer wrongly), "listed" (the variant works, from what its bundle
    says, and the error is among the registry's warnings) or "harmless" (it works, and nothing needs to be said).
    declare: whether the metadata tells the truth about the changed files, so that no checksum hides the fault.
    meanwhile: what happens between discovery and load. no_override: whether the process obeys permissions even as root.
    """

    name: str
    group: str
    what: str
    make: Make
    error: str
    says: str
    stage: str
    declare: bool
    meanwhile: Make | None = None
    no_override: bool = False

    @property
    def outcome(self) -> str:
        """What must happen, in words."""
        said = f"`{self.error}`: …{self.says}…" if self.error else ""
        return {
            "load": f"refused, {said}",
            "analyze": f"refused when it answers, {said}",
            "listed": f"degraded: works from what the bundle says, with a warning, {said}",
            "harmless": "works; it has no effect",
        }[self.stage]


CASES: dict[str, Case] = {}


def hostile(
    group: str,
    name: str,
    what: str,
    error: str = "",
    says: str = "",
    *,
    stage: str = "load",
    declare: bool = True,
    meanwhile: Make | None = None,
    no_override: bool = False,
) -> Callable[[Make], Make]:
    """Declare a hostile file by the function that makes it."""

    def add(make: Make) -> Make:
        if name in CASES:
            raise ValueError(f"{name} is declared twice")
        if stage != "harmless" and not (error and says):
            raise ValueError(f"{name} does not say what must happen")
        CASES[name] = Case(name, group, what, make, error, says, stage, declare, meanwhile, no_override)
        return make

    return add


def add_good_variant(toy: Toy) -> None:
    """Put a second, good variant into the toy's folder, which shares no file with the first."""
    value = toy.read()
    value["model_id"] = GOOD_ID
    value["file_info"].update(filename=GOOD_BUNDLE, onnx_embeddings=GOOD_ONNX, tokenizer=GOOD_TOKENIZER)
    for path, name in ((toy.bundle, GOOD_BUNDLE), (toy.onnx, GOOD_ONNX), (toy.tokenizer, GOOD_TOKENIZER)):
        (path.parent / name).write_bytes(path.read_bytes())
    (toy.models / "metadata" / f"{GOOD_ID}.json").write_bytes(canonical_json(value))
