"""A run that is killed in every stage ends with the bytes of an undisturbed one."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.run_commands import Kill, start

STAGES = {
    "mcts": ("games", "demonstrations", "sft", "evaluate", "explore", "trees", "paths", "imitate"),
    "tree_dpo": ("pairs", "reference", "prefer"),
}


def result_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("results.*"))}


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_killed_in_every_stage(tmp_path: Path, method: str) -> None:
    moments = random.Random(method)
    overrides = ("debug=smoke", f"method={method}")
    for stage in STAGES[method]:
        kill = Kill(stage, moments.random())
        process = start(tmp_path / "killed", *overrides, kill=kill)
        process.join()
        assert process.exitcode == -signal.SIGKILL, (tmp_path / "killed.log").read_text()
    results = {}
    for name in ("killed", "undisturbed"):
        process = start(tmp_path / name, *overrides)
        process.join()
        assert process.exitcode == 0, (tmp_path / f"{name}.log").read_text()
        results[name] = result_files(tmp_path / name)
    assert len(results["undisturbed"]) == 3
    assert results["killed"] == results["undisturbed"]
