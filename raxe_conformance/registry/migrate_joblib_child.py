"""The process in which a joblib bundle is opened. Run by migrate_joblib.py with a bundle and a folder for the outcome.

It limits itself before it opens anything, and lets the unpickler make nothing but the classes of linear and MLP models.
"""

from __future__ import annotations

import ctypes
import io
import json
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_MEMORY: Final = 4_000_000_000
_CPU_SECONDS: Final = 120
_FILE_BYTES: Final = 64_000_000
_SUFFIXES: Final = (".joblib", ".pkl", ".pickle")
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000

_ALLOWED: Final = {
    "sklearn.linear_model._logistic": {"LogisticRegression"},
    "sklearn.linear_model._ridge": {"RidgeClassifier"},
    "sklearn.linear_model._stochastic_gradient": {"SGDClassifier"},
    "sklearn.linear_model._sgd_fast": {"Log", "Hinge", "ModifiedHuber", "SquaredHinge"},
    "sklearn._loss._loss": {"CyHalfBinomialLoss"},
    "sklearn.svm._classes": {"LinearSVC"},
    "sklearn.multiclass": {"OneVsRestClassifier"},
    "sklearn.neural_network._multilayer_perceptron": {"MLPClassifier"},
    "sklearn.neural_network._stochastic_optimizers": {"AdamOptimizer", "SGDOptimizer"},
    "sklearn.preprocessing._label": {"LabelEncoder", "LabelBinarizer"},
    "sklearn.preprocessing._data": {"StandardScaler", "Normalizer"},
    "sklearn.pipeline": {"Pipeline"},
    "joblib.numpy_pickle": {"NumpyArrayWrapper"},
    "numpy": {"ndarray", "dtype", "str_", "int64", "int32", "float64", "float32", "bool_"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.random._pickle": {"__randomstate_ctor", "__bit_generator_ctor"},
    "numpy.random._mt19937": {"MT19937"},
    "numpy.random.mtrand": {"RandomState"},
    "numpy.random.bit_generator": {"__pyx_unpickle_SeedSequence", "SeedSequence"},
    "collections": {"OrderedDict"},
    "copyreg": {"_reconstructor"},
    "builtins": {"object", "set", "frozenset", "bytearray", "complex", "slice", "range"},
    "_codecs": {"encode"},
}


class ConversionError(Exception):
    """What is in the bundle cannot be turned into arrays."""


def limit() -> bool:
    """Limit memory, time, files and, where the system lets an ordinary process do so, the network. Whether it did."""
    try:
        import resource

        for what, most in (
            (resource.RLIMIT_AS, _MEMORY),
            (resource.RLIMIT_CPU, _CPU_SECONDS),
            (resource.RLIMIT_FSIZE, _FILE_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(what)
            resource.setrlimit(what, (most, most) if hard == resource.RLIM_INFINITY else (min(most, hard), hard))
    except ImportError:  # not on this system
        pass
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK) == 0)
    except (OSError, AttributeError, TypeError):
        return False


def _find_class(self: Any, module: str, name: str) -> Any:
    if name not in _ALLOWED.get(module, ()):
        raise ConversionError(f"holds {module}.{name}, which is no part of a linear or MLP model")
    return getattr(import_module(module), name)


def load_objects(source: Path) -> dict[str, Any]:
    """What the joblib members hold, by their names without suffix. This is where code of the bundle can run."""
    joblib, current, old = map(import_module, ("joblib", "joblib.numpy_pickle", "joblib.numpy_pickle_compat"))
    import_module("sklearn")
    current.NumpyUnpickler.find_class = _find_class
    old.ZipNumpyUnpickler.find_class = _find_class
    found = {}
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(_SUFFIXES):
                found[name.rsplit(".", 1)[0]] = joblib.load(io.BytesIO(archive.read(name)))
    return found


def main(source: Path, folder: Path) -> None:
    """Convert, and leave heads.safetensors and made.json in `folder`."""
    cut = limit()
    from safetensors.numpy import save

    from raxe_conformance.registry.migrate_joblib_heads import convert_heads

    with zipfile.ZipFile(source) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    heads = convert_heads(load_objects(source), manifest)
    notes = [*heads.notes, "the network was cut off" if cut else "the network could not be cut off"]
    made = {
        "families": heads.families,
        "subfamilies": heads.subfamilies,
        "dimension": heads.dimension,
        "type": heads.type,
        "notes": notes,
    }
    (folder / "heads.safetensors").write_bytes(save(heads.arrays))
    (folder / "made.json").write_text(json.dumps(made), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # noqa: BLE001  told to the parent as its last line
        print(f"{type(error).__name__}: {' '.join(str(error).split())}")
        sys.exit(1)
