"""scikit-learn's linear and MLP classifiers as the layers of a head set. Used in the child process only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FAMILIES: Final[tuple[str, ...]] = ("PI", "JB", "CMD", "PII", "ENC", "RAG")
Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
_ATTACK: Final = {"1", "true", "attack", "malicious", "unsafe", "injection", "threat"}
_BENIGN: Final = {"0", "false", "benign", "safe", "legitimate", "clean"}
_PROBES: Final = 256
_LARGEST_DIFFERENCE: Final = 1e-4


class HeadError(Exception):
    """A classifier is of a kind that is no layers."""


@dataclass(frozen=True)
class ConvertedHeads:
    """Arrays "{head}.{i}.weight" and "{head}.{i}.bias", float32, and what their rows stand for."""

    arrays: dict[str, NDArray[np.float32]]
    families: list[str]
    subfamilies: dict[str, list[str]]
    dimension: int
    type: str
    notes: list[str]


def convert_heads(objects: dict[str, Any], manifest: dict[str, Any]) -> ConvertedHeads:
    """The head set in what a bundle holds. Raises HeadError that says which part cannot be converted."""
    estimators, encoders = _collect(objects)
    declared = manifest.get("capabilities", {})
    binary = _pick(estimators, "binary", "attack", "malicious")
    family = _pick(estimators, "family")
    if binary is None or family is None:
        there = ", ".join(sorted(estimators)) or "none"
        raise HeadError(f"needs a binary and a family classifier; found: {there}")
    heads = {"binary": _binary(binary)}
    names = _class_names(family, encoders.get("family"), declared.get("families") or list(FAMILIES))
    heads["family"], families = _by_name(layers_of(family), names, declared.get("families"))
    notes: list[str] = []
    subfamilies: dict[str, list[str]] = {}
    subfamily = _pick(estimators, "subfamily", "sub_family")
    if subfamily is not None:
        try:
            heads["subfamily"], subfamilies = _subfamily(subfamily, encoders.get("subfamily"), families, declared)
        except HeadError as error:
            notes.append(f"the subfamily head was left out: {error}")
    difference = _check(binary, heads["binary"])
    notes.append(f"on {_PROBES} random vectors the attack probability differs by at most {difference:.1e}")
    arrays = {
        f"{head}.{i}.{part}": np.ascontiguousarray(array, dtype=np.float32)
        for head, layers in heads.items()
        for i, layer in enumerate(layers)
        for part, array in zip(("weight", "bias"), layer, strict=True)
    }
    kind = type(getattr(binary, "steps", [[None, binary]])[-1][1]).__name__
    return ConvertedHeads(arrays, families, subfamilies, int(heads["binary"][0][0].shape[1]), kind, notes)


def layers_of(estimator: Any) -> Layers:
    """Weights and biases of an estimator with ReLU between them; the last gives one logit, or one a class."""
    kind = type(estimator).__name__
    if kind == "Pipeline":
        *before, (_, last) = estimator.steps
        layers = layers_of(last)
        for _, step in reversed(before):
            layers = _fold(step, layers)
        return layers
    if kind == "MLPClassifier":
        if estimator.activation != "relu" and len(estimator.coefs_) > 1:
            raise HeadError(f"an MLP with the activation {estimator.activation!r}; only relu can be written down")
        return [(w.T, b) for w, b in zip(estimator.coefs_, estimator.intercepts_, strict=True)]
    if kind == "OneVsRestClassifier":
        rows = [layers_of(inner)[0] for inner in estimator.estimators_]
        return [(np.concatenate([w for w, _ in rows]), np.concatenate([b for _, b in rows]))]
    if kind in ("LogisticRegression", "SGDClassifier", "LinearSVC", "RidgeClassifier"):
        weight = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
        bias = np.broadcast_to(np.atleast_1d(np.asarray(estimator.intercept_, np.float64)), (weight.shape[0],))
        return [(weight, bias.copy())]
    raise HeadError(f"{kind} cannot be written down as layers")


def _fold(step: Any, layers: Layers) -> Layers:
    """A preprocessing step, taken into the first layer."""
    (weight, bias), *rest = layers
    kind = type(step).__name__
    if kind == "Normalizer" and step.norm == "l2":
        return layers  # the vectors have length 1 already
    if kind == "StandardScaler":
        mean = step.mean_ if step.mean_ is not None else np.zeros(weight.shape[1])
        scale = step.scale_ if step.scale_ is not None else np.ones(weight.shape[1])
        return [(weight / scale, bias - (weight / scale) @ mean), *rest]
    raise HeadError(f"the step {kind} cannot be taken into a layer")


def _binary(estimator: Any) -> Layers:
    """Layers with one output, the logit of an attack."""
    classes = [str(name).lower() for name in estimator.classes_]
    if len(classes) != 2:
        raise HeadError(f"the binary classifier has {len(classes)} classes")
    if classes[1] in _ATTACK and classes[0] in _BENIGN:
        sign = 1.0
    elif classes[0] in _ATTACK and classes[1] in _BENIGN:
        sign = -1.0
    else:
        raise HeadError(f"which of the classes {classes} is the attack is not clear")
    *before, (weight, bias) = layers_of(estimator)
    if len(bias) == 2:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    return [*before, (sign * weight, sign * bias)]


def _by_name(layers: Layers, names: list[str], wanted: list[str] | None) -> tuple[Layers, list[str]]:
    """Rows of the last layer in the declared order of families; BENIGN is no family, and its row is dropped."""
    layers = _one_row_each(layers, len(names))
    found = {name: i for i, name in enumerate(names) if name.lower() not in _BENIGN}
    order = list(wanted) if wanted and set(wanted) == set(found) else [f for f in FAMILIES if f in found]
    if set(order) != set(found):
        raise HeadError(f"the family classifier knows {', '.join(names)}, which are not all families")
    *before, (weight, bias) = layers
    rows = [found[name] for name in order]
    return [*before, (weight[rows], bias[rows])], order


def _subfamily(
    estimator: Any, encoder: Any, families: list[str], declared: dict[str, Any]
) -> tuple[Layers, dict[str, list[str]]]:
    told = declared.get("subfamilies") or {}
    flat = [f"{family}:{name}" for family in families for name in told.get(family, [])]
    names = _class_names(estimator, encoder, flat)
    owner = {name: family for family in families for name in told.get(family, [])}
    pairs = []
    for name in names:
        head, mark, tail = name.replace("/", ":").partition(":")
        if mark and head in families and tail:
            pairs.append((head, tail))
        elif name in owner:
            pairs.append((owner[name], name))
        else:
            raise HeadError(f"nothing tells the family of the subfamily {name!r}")
    order = sorted(range(len(pairs)), key=lambda i: (families.index(pairs[i][0]), i))
    *before, (weight, bias) = _one_row_each(layers_of(estimator), len(names))
    found: dict[str, list[str]] = {}
    for i in order:
        found.setdefault(pairs[i][0], []).append(pairs[i][1])
    return [*before, (weight[order], bias[order])], found


def _one_row_each(layers: Layers, classes: int) -> Layers:
    """Two classes come with one logit, that of the second; softmax over 0 and it is the same."""
    *before, (weight, bias) = layers
    if classes == 2 and len(bias) == 1:
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    if len(bias) != classes:
        raise HeadError(f"a classifier has {len(bias)} outputs for {classes} classes")
    return [*before, (weight, bias)]


def _class_names(estimator: Any, encoder: Any, by_number: list[str]) -> list[str]:
    """What the classes are called: as they are, or as an encoder or the manifest's order says for numbers."""
    names = []
    for label in estimator.classes_:
        if isinstance(label, str):
            names.append(str(label))
            continue
        table = [str(name) for name in encoder] if encoder is not None else by_number
        if not 0 <= int(label) < len(table):
            raise HeadError(f"nothing tells what class {label} is")
        names.append(table[int(label)])
    return names


def _collect(objects: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Estimators by name, and what label encoders know, by the head that they belong to."""
    estimators: dict[str, Any] = {}
    encoders: dict[str, Any] = {}
    for name, item in _walk("", objects, 0):
        if type(item).__name__ == "LabelEncoder":
            encoders["subfamily" if "sub" in name.lower() else "family"] = item.classes_
        elif hasattr(item, "classes_"):
            estimators[name] = item
    return estimators, encoders


def _walk(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > 4:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(f"{name}/{key}" if name else str(key), item, depth + 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _walk(f"{name}/{i}", item, depth + 1)
    else:
        yield name, value


def _pick(estimators: dict[str, Any], *words: str) -> Any:
    """The estimator whose name holds one of the words; "family" does not stand for a subfamily."""
    for name, item in sorted(estimators.items()):
        last = name.lower().rsplit("/", 1)[-1]
        if any(word in last for word in words) and ("sub" in last) == ("sub" in words[0]):
            return item
    return None


def _check(estimator: Any, layers: Layers) -> float:
    """How far the layers' attack probability is from the estimator's, on random unit vectors of float32."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(_PROBES, layers[0][0].shape[1]))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    hidden = vectors
    for index, (weight, bias) in enumerate(layers):
        hidden = hidden @ weight.astype(np.float32).T + bias.astype(np.float32)
        if index + 1 < len(layers):
            hidden = np.maximum(hidden, 0.0)
    ours = 1.0 / (1.0 + np.exp(-hidden[:, 0].astype(np.float64)))
    attack = 1 if str(estimator.classes_[1]).lower() in _ATTACK else 0
    if hasattr(estimator, "predict_proba"):
        difference = float(np.abs(estimator.predict_proba(vectors)[:, attack] - ours).max())
        if difference > _LARGEST_DIFFERENCE:
            raise HeadError(f"the layers' probability differs from the classifier's by {difference:.2g}")
        return difference
    if not np.array_equal(estimator.predict(vectors) == estimator.classes_[attack], ours >= 0.5):
        raise HeadError("the layers decide otherwise than the classifier")
    return 0.0
