"""Places of workers: GPUs, or processes of a CPU, of one machine or of all nodes of a job."""

from __future__ import annotations

import pytest
import torch

from tratree.policy.places import Places, find_places


@pytest.mark.parametrize(
    ("arguments", "gpus", "expected"),
    [
        (("auto", "cpu", 1), 8, Places()),
        (("auto", "cpu", 2), 0, Places(2)),
        (("auto", "gpu", 2), 8, Places(8, 8)),  # devices are those of a training
        (("auto", "gpu", 2), 0, Places()),
        ((1, "gpu", 8), 8, Places(1, 1)),
        ((4, "gpu", 8), 2, Places(4, 2)),
        ((4, "cpu", 1), 2, Places(4)),
    ],
)
def test_places(monkeypatch: pytest.MonkeyPatch, arguments, gpus: int, expected: Places) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.delenv("SLURMD_NODENAME", raising=False)
    assert find_places(*arguments) == expected
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "4")
    assert find_places(*arguments).nodes == (4 if arguments[0] == "auto" else 1)


def test_parts_of_work_fill_places() -> None:
    nodes = Places(workers=8, gpus=8, nodes=4)
    assert nodes.at_most(100) == nodes
    assert nodes.at_most(9) == Places(8, 8, 2)
    assert nodes.at_most(3) == Places(3, 8, 1)
    assert (nodes.sharing, Places(8, 2).sharing, Places(3).sharing) == (1, 4, 3)
    assert Places().is_here
    assert not Places(1, 1).is_here  # a GPU's memory would stay this process's
