"""Playing: what is played is what was trained, and at which rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from transformers import GenerationConfig

from tests.gpu.place import Check, Place, Row, synchronize, unmeasured
from tests.gpu.training import settings_of
from tratree.data.episodes import EpisodeDataModule
from tratree.data.padding import collate
from tratree.models.loading import load_base
from tratree.models.lora import add_lora, load_policy_model, save_adapter
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.attention_check import check_rollouts
from tratree.modules.fit import fit
from tratree.modules.imitation import SFTModule
from tratree.modules.log_probabilities import token_log_probs
from tratree.policy.live_batch import LiveBatch

DIFFERENCE = 0.01
"""Most by which the log-probability of a played token may differ from the trained one's."""
LOST = 0.1
"""Most of an adapter's effect that may be lost."""


def checks(place: Place) -> list[Check]:
    """Return the checks: what is played and what was trained, `generate`, and rates."""
    counts = (16, 32, 128, 256) if place.size == "full" else (4, 16)
    return [
        *(partial(_played_is_trained, place, kind) for kind in ("none", "8bit", "4bit")),
        partial(_greedy, place),
        *(partial(_rate, place, count) for count in counts),
    ]


def _played_is_trained(place: Place, quantization: Any) -> Iterator[Row]:
    """Train a few steps, load what was stored, and compare each trained token's log-probability."""
    name = {"none": "bfloat16"}.get(quantization, quantization)
    if quantization != "none" and find_spec("bitsandbytes") is None:
        yield unmeasured(f"played from trained, {name}", "needs bitsandbytes")
        return
    settings: ModelSettings = replace(place.base, quantization=quantization)
    device = torch.device(place.device)
    model = add_lora(load_base(settings, device), LoraSettings(rank=8, alpha=16), seed=0)
    folder = place.folder / f"adapter-{quantization}"
    training = replace(
        settings_of(place, deterministic=False), precision="32-true", learning_rate=1e-3, epochs=4
    )
    data = EpisodeDataModule(place.episodes(6), 8192)
    fit(SFTModule(model, training), data, folder=folder, seed=0)
    save_adapter(model, folder)
    model.to(device).eval()
    frozen: Any = model
    played: Any = load_policy_model(settings, folder, torch.bfloat16, device)
    sample = data.samples[0]
    batch = collate([sample])
    batch = batch._replace(**{n: t.to(place.device) for n, t in batch._asdict().items()})
    with torch.no_grad():
        trained = token_log_probs(model, batch)
        loaded = token_log_probs(played, batch)
        with torch.autocast(place.device, torch.bfloat16):
            mixed = token_log_probs(model, batch)
        with frozen.disable_adapter():
            without = token_log_probs(model, batch)
    check_rollouts(played)
    engine = _decoded(played, sample.token_ids, sample.agent_mask)
    # The same pass, so nearly bit for bit the same; four bits have several kernels on a CPU.
    apart = (loaded.double() - trained.double()).abs().mean().item()
    most = 1e-3 if place.gpus else DIFFERENCE if quantization == "4bit" else 0.0
    check = f"played from trained, {name}"
    yield Row(
        f"{check}: loaded, mean of a token", f"{apart:.1e}", f"at most {most:g}", apart <= most
    )
    # Sixteen layers in bfloat16 round a token by more than that, but up as often as down. What is
    # lost of an adapter shows in the sum.
    changed = _mean(trained, without)
    for what, found, wanted in (
        ("loaded, trained in bf16-mixed", loaded, mixed),
        ("in the engine", engine, trained),
    ):
        lost = abs(_mean(found, wanted))
        most = min(DIFFERENCE, LOST * abs(changed))
        yield Row(
            f"{check}: {what}, change of the mean token",
            f"{lost:.1e}, the adapter's is {changed:.2f}",
            f"at most {most:.1e}",
            lost <= most,
        )


def _mean(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return (found.double().cpu() - wanted.double().cpu()).mean().item()


def _decoded(model: Any, token_ids: Any, mask: Any) -> torch.Tensor:
    """Return the log-probabilities that the engine sees, token by token."""
    batch = LiveBatch(model, 2, len(token_ids))
    batch.append()
    batch.append()  # another row beside it, a little behind
    batch.prefill({1: list(token_ids[:3])})
    found = []
    for place, token in enumerate(token_ids[:-1]):
        logits = batch.decode([token, None])[0]
        if mask[place + 1]:
            found.append(torch.log_softmax(logits.float(), -1)[token_ids[place + 1]])
    return torch.stack(found)


def _greedy(place: Place) -> Iterator[Row]:
    """Continue prompts greedily in float32, all in one batch, and one by one by `generate`."""
    model: Any = place.load("float32").eval()
    prompts = [
        list(episode.token_ids[: 9 + number]) for number, episode in enumerate(place.episodes(4))
    ]
    steps = 24
    config = GenerationConfig(do_sample=False, max_new_tokens=steps, pad_token_id=0)
    wanted = []
    with torch.inference_mode():
        for prompt in prompts:
            given = torch.tensor([prompt], device=place.device)
            mask = torch.ones_like(given)
            said = model.generate(given, attention_mask=mask, generation_config=config)
            wanted.append(said[0, len(prompt) :].tolist())
    batch = LiveBatch(model, 4, 128)
    for _ in prompts:
        batch.append()
    batch.prefill({row: prompt[:-1] for row, prompt in enumerate(prompts)})
    tokens = [prompt[-1] for prompt in prompts]
    found: list[list[int]] = [[] for _ in prompts]
    for _ in range(steps):
        tokens = batch.decode(tokens).argmax(-1).tolist()
        for row, token in enumerate(tokens):
            found[row].append(token)
    equal = found == wanted
    yield Row(
        "greedy tokens from those of generate",
        "equal" if equal else "not equal",
        f"equal over {len(prompts)} × {steps}",
        equal,
    )


def _rate(place: Place, count: int) -> Iterator[Row]:
    """Decode with `count` rows of 512 tokens; return tokens a second."""
    model = load_policy_model(place.base, None, torch.bfloat16, torch.device(place.device))
    length, steps = (512, 64) if place.size == "full" else (16, 4)
    batch = LiveBatch(model, count, length + 2 * steps)
    for _ in range(count):
        batch.append()
    batch.prefill({row: [3] * length for row in range(count)})
    seconds = 0.0
    for _ in range(2):  # passes are recorded the first time
        synchronize(place)
        start = time.perf_counter()
        for _ in range(steps):
            batch.decode([5] * count)
        synchronize(place)
        seconds = time.perf_counter() - start
    recorded = batch.records
    yield Row(
        f"tokens a second with {count} rows",
        f"{count * steps / seconds:,.0f}{', recorded passes' if recorded else ''}",
        "recorded passes" if place.gpus else "",
        recorded or not place.gpus,
    )
