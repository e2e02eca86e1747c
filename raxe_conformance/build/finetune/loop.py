"""The training loop: windows of token ids in, an encoder with heads out. Seeded, checkpointed, resumable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from raxe_conformance.build.bert import Bert
from raxe_conformance.build.finetune.network import Network, take_layers
from raxe_conformance.build.heads import text_weights
from raxe_conformance.build.recipe import EncoderSettings
from raxe_conformance.fileio import write_atomically

Ids = NDArray[np.int64]
_SCORED = 128  # windows at once when nothing is learnt
_POOL = 64  # batches whose rows are sorted by length together, so that little is padded


@dataclass(frozen=True)
class Examples:
    """Windows without special tokens, with labels by window: attack bool, family int64 (-1: none), source names."""

    ids: Sequence[Ids]
    attack: NDArray[np.bool_]
    family: NDArray[np.int64]
    source: Sequence[str]


def train(
    bert: Bert,
    examples: Examples,
    families: int,
    settings: EncoderSettings,
    *,
    seed: int,
    frame: tuple[int, int],
    checkpoint: Path | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> Network:
    """Fine-tune `bert` on the examples. `frame`: the ids put before and after a window.

    The word table is not trained: rows of rare words would drift apart from those that training text happens to hold.
    The same input, settings and machine give the same weights: seeded, a fixed number of threads, a fixed order.
    With `checkpoint`, state is kept there at every tenth of the way, and a run that finds it goes on from there.
    `advance` is told how many windows are done.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    network = Network(take_layers(bert, settings.layers), families)
    network.words.weight.requires_grad_(False)
    heads = {id(p) for p in (*network.attack.parameters(), *network.family.parameters())}
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if id(p) not in heads], "lr": settings.rate},
            {"params": [p for p in trained if id(p) in heads], "lr": settings.head_rate},
        ],
        weight_decay=settings.decay,
        fused=True,
    )
    batches = [b for epoch in range(settings.epochs) for b in _batches(examples.ids, settings.batch, seed + epoch)]
    warm = max(1, len(batches) // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (len(batches) - step) / max(1, len(batches) - warm)))
    )
    weight = torch.from_numpy(text_weights(examples.source, examples.attack, settings.source_power)).float()
    attack, family = torch.from_numpy(examples.attack).float(), torch.from_numpy(examples.family)
    start = _resume(checkpoint, network, optimizer, schedule) if checkpoint else 0
    every = max(1, len(batches) // 10)
    network.train()
    for number in range(start, len(batches)):
        rows = batches[number]
        ids, mask = pad([examples.ids[row] for row in rows], frame)
        index = torch.from_numpy(rows)
        with torch.autocast("cpu", torch.bfloat16):
            found, families_found = network(ids, mask)
        loss = (
            functional.binary_cross_entropy_with_logits(found, attack[index], reduction="none") * weight[index]
        ).mean()
        known = family[index] >= 0
        if known.any():
            loss = loss + settings.family_weight * functional.cross_entropy(families_found[known], family[index][known])
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        advance(len(rows))
        if checkpoint and (number + 1) % every == 0:
            _keep(checkpoint, number + 1, network, optimizer, schedule)
    network.eval()
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    return network


def logits(network: Network, windows: Sequence[Ids], frame: tuple[int, int]) -> tuple[NDArray[np.float64], Ids]:
    """The attack logit [windows] float64 and the likeliest family [windows] int64 of each window, in float32."""
    attack, family = np.zeros(len(windows)), np.zeros(len(windows), np.int64)
    order = np.argsort([len(item) for item in windows], kind="stable")
    with torch.inference_mode():
        for begin in range(0, len(order), _SCORED):
            rows = order[begin : begin + _SCORED]
            found, families = network(*pad([windows[row] for row in rows], frame))
            attack[rows], family[rows] = found.double().numpy(), families.argmax(1).numpy()
    return attack, family


def _batches(ids: Sequence[Ids], size: int, seed: int) -> list[NDArray[np.int64]]:
    """Rows in batches of like lengths, in an order that the seed decides."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(ids))
    lengths = np.array([len(item) for item in ids])
    found: list[NDArray[np.int64]] = []
    for begin in range(0, len(order), size * _POOL):
        pool = order[begin : begin + size * _POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    return [found[position] for position in generator.permutation(len(found))]


def pad(windows: Sequence[Ids], frame: tuple[int, int]) -> tuple[Tensor, Tensor]:
    longest = max(len(item) for item in windows) + 2
    ids, mask = np.zeros((len(windows), longest), np.int64), np.zeros((len(windows), longest), np.bool_)
    for row, item in enumerate(windows):
        ids[row, : len(item) + 2] = [frame[0], *item, frame[1]]
        mask[row, : len(item) + 2] = True
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _keep(path: Path, done: int, network: Network, optimizer: torch.optim.Optimizer, schedule: object) -> None:
    import io

    buffer = io.BytesIO()
    torch.save(
        {
            "done": done,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),  # type: ignore[attr-defined]
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def _resume(path: Path, network: Network, optimizer: torch.optim.Optimizer, schedule: object) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])  # type: ignore[attr-defined]
    done: int = state["done"]
    return done
