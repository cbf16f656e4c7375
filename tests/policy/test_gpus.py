"""Free GPUs, as a program in place of the driver's ``nvidia-smi`` shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.driver_stand_in import four_gpus
from tratree.errors import UserError
from tratree.policy.gpus import free_gpus


@pytest.mark.parametrize(
    ("used", "allowed", "free"),
    [
        ((4, 4, 4, 4), None, ["0", "1", "2", "3"]),
        ((4, 70000, 4, 5000), None, ["0", "2"]),
        ((4, 4, 70000, 4), "3,2,1", ["3", "1"]),
        ((4, 4, 4, 4), "GPU-2, GPU-00", ["GPU-2"]),
    ],
)
def test_what_nobody_uses_is_free(used, allowed, free, tmp_path: Path, monkeypatch) -> None:
    four_gpus(tmp_path, monkeypatch, used)
    if allowed:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert free_gpus() == free


@pytest.mark.parametrize("allowed", ["", "-1", "7"])
def test_none_is_one_line_that_says_what_to_do(allowed, tmp_path: Path, monkeypatch) -> None:
    four_gpus(tmp_path, monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    with pytest.raises(UserError, match=r"finds no GPU here: use .* rollout\.engine=transformers"):
        free_gpus()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    four_gpus(tmp_path, monkeypatch, (70000,) * 4)
    with pytest.raises(UserError, match=r"no free GPU: programs use all 4; .*=transformers"):
        free_gpus()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="finds no GPU here"):
        free_gpus()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-b0de,MIG-c0de")
    with pytest.raises(UserError, match=r"parts of them \(MIG\): start a server on each"):
        free_gpus()
