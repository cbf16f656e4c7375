"""Memory: what `tratree plan` estimates against what a training step and a rollout take here.

Models of real shapes with random weights, on the CPU. Each is measured in a process of
its own: its resident memory at the peak, less what it was before the model was made.

    python benchmarks/plan_memory.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from tratree.data.padding import Batch
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules.log_probabilities import token_log_probs
from tratree.plan.assumptions import GIB
from tratree.plan.fake import architecture
from tratree.plan.memory import (
    TrainingPass,
    playing_bytes,
    size_of,
    training_bytes,
)
from tratree.policy.live_batch import LiveBatch

SHAPES = {
    "135M": ("HuggingFaceTB/SmolLM2-135M-Instruct", 2, 256, False, "float32"),
    "360M": ("HuggingFaceTB/SmolLM2-360M-Instruct", 2, 256, True, "float32"),
    "1B": ("meta-llama/Llama-3.2-1B-Instruct", 2, 128, True, "bfloat16"),
}
"""Hub id, rows, tokens of each, whether activations are computed again, number type."""

MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_TRIM_THRESHOLD_": "1000000"}
"""Lets freed memory go back at once, so that the process is as large as its live tensors."""


def resident(name: str) -> int:
    """Return a figure of this process's memory in bytes: VmRSS, or at its peak VmHWM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def peak(work: Callable[[], None]) -> int:
    """Return the bytes that `work` takes beyond what the process has."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    work()
    return resident("VmHWM") - before


def train(model: torch.nn.Module, rows: int, tokens: int, *, checkpointing: bool) -> None:
    """Take two batches and a step of the optimizer, as a fine-tuning does."""
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
    adapted = add_lora(model, LoraSettings(), 0).train()  # type: ignore[arg-type]
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    mask = torch.zeros(rows, tokens, dtype=torch.bool)
    mask[:, tokens // 2 :] = True
    for _ in range(2):
        for _ in range(2):
            batch = Batch(torch.randint(1, 1000, (rows, tokens)), mask)
            (-token_log_probs(adapted, batch).mean()).backward()
        optimizer.step()


def play(model: torch.nn.Module, rows: int, tokens: int) -> None:
    """Read episodes almost as long as the context, and decode a token of each."""
    batch = LiveBatch(model.eval(), rows, tokens)  # type: ignore[arg-type]
    for _ in range(rows):
        batch.append()
    batch.prefill({row: [5] * (tokens - 2) for row in range(rows)})
    torch.softmax(batch.decode([7] * rows).double(), -1).sort(-1)


def estimate(what: str, size: str) -> int:
    """Return what the plan says of the same."""
    name, rows, tokens, checkpointing, dtype = SHAPES[size]
    found = size_of(name, None, dtype, LoraSettings(), tokens)
    if what == "playing":
        taken = playing_bytes(name, None, dtype, rows, tokens, gpu=False)
        return found.base + rows * found.episode + taken
    half = tokens // 2
    taken = training_bytes(
        name,
        None,
        dtype,
        LoraSettings(),
        TrainingPass(rows, tokens, half, rows * half),
        checkpointing=checkpointing,
        mixed=False,
        gpu=False,
    )
    return found.base + 4 * found.trained_bytes + taken


def measure(what: str, size: str) -> int:
    """Return what it takes here, in bytes."""
    torch.set_num_threads(1)
    name, rows, tokens, checkpointing, dtype = SHAPES[size]
    small = LlamaConfig(
        vocab_size=1000, hidden_size=64, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip

    def work(model: torch.nn.Module, rows: int, tokens: int) -> None:
        if what == "playing":
            play(model, rows, tokens)
        else:
            train(model, rows, tokens, checkpointing=checkpointing)

    work(LlamaForCausalLM(small), 2, 16)  # loads libraries and compiles

    def real() -> None:
        kind = getattr(torch, dtype)
        work(AutoModelForCausalLM.from_config(architecture(name), dtype=kind), rows, tokens)

    return peak(real)


def main() -> None:
    """Print a row of each measurement, and the widest difference as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "SIZE"), help="measure in this process")
    given = parser.parse_args()
    if given.one:
        print(measure(*given.one))
        return
    widest = 0.0
    for size in SHAPES:
        for what in ("training", "playing"):
            told = subprocess.run(
                [sys.executable, __file__, "--one", what, size],
                env={**os.environ, **MALLOC},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            measured, planned = int(told.stdout.split()[-1]), estimate(what, size)
            ratio = planned / measured
            widest = max(widest, abs(ratio - 1))
            name, rows, tokens, checkpointing, dtype = SHAPES[size]
            again = ", checkpointing" if checkpointing and what == "training" else ""
            passes = f"{rows} × {tokens}, {dtype}{again}"
            sizes = f"{planned / GIB:.2f} | {measured / GIB:.2f} | {ratio:.2f}"
            print(f"| {what} | {name} | {passes} | {sizes} |", flush=True)
    print(json.dumps({"benchmark": "plan_memory", "widest_difference": round(widest, 3)}))


if __name__ == "__main__":
    main()
