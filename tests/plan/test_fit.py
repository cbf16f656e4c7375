"""The word on whether a run fits, said before anything is loaded."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.plan.assumptions import GIB, NO_PROMPT
from tratree.plan.fit import check_fit, gpu_memory, host_memory
from tratree.stages.methods import evaluations
from tratree.store.stage import with_inputs

SMOLLM = ("model=smollm2", "model.strong.name=HuggingFaceTB/SmolLM2-1.7B-Instruct")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of the driver's name before all others, which tells of two GPUs."""
    program = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return program


def tell(driver: Path, *mebibytes: int) -> None:
    rows = "".join(f"{n}, GPU-{n}, 4, {size}\\n" for n, size in enumerate(mebibytes))
    driver.write_text(f"#!/bin/sh\nprintf '{rows}'\n")
    driver.chmod(0o755)


def fit(*overrides: str) -> str | None:
    config = compose_config([*overrides, NO_PROMPT])
    return check_fit(config, with_inputs(evaluations(config).values()))


def test_a_run_of_small_models_on_a_cpu_says_nothing() -> None:
    assert fit() is None


def test_a_gpu_is_looked_at_and_what_cannot_fit_is_refused(driver: Path) -> None:
    run = (*SMOLLM, "trainer=gpu", "model.context=1024")
    tell(driver, 24_564, 81_559)
    line = fit(*run)
    assert line is not None
    assert line.startswith("memory of a GPU, estimated: training 4 × 1,024 tokens: ")
    assert "GiB with checkpointing, " in line
    assert "playing" in line
    assert line.endswith("there are 24 GiB")
    tell(driver, 8_192)
    with pytest.raises(UserError, match=r"does not fit: .* GiB.*; a GPU has 8: ") as refused:
        fit(*run, "model.gradient_checkpointing=false")
    assert "set model.gradient_checkpointing=true" in str(refused.value)
    tell(driver, 2_048)  # less than the weights
    with pytest.raises(UserError, match=r"a GPU has 2: set model\.quantization=4bit, or take sm"):
        fit(*run)


def test_a_quantised_base_takes_less(driver: Path) -> None:
    """1.6 billion weights of linear layers take 0.5 bytes each, not 2."""
    tell(driver, 24_564)
    run = (*SMOLLM, "trainer=gpu", "model.context=1024", "method=sft_strong")
    quantised = ("model.quantization=4bit", "model.rollout_dtype=bfloat16")
    lines = [str(fit(*run, *changes)) for changes in ((), quantised)]
    sizes = [int(re.findall(r": (\d+) GiB with", line)[0]) for line in lines]
    assert sizes[0] - sizes[1] in (2, 3)


def test_memory_is_asked_of_the_driver_and_of_the_machine(
    driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    tell(driver, 81_559, 40_960)
    assert gpu_memory() == 40_960 * 2**20
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpu_memory() == 81_559 * 2**20
    tell(driver)
    assert gpu_memory() is None
    assert GIB / 4 < host_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
