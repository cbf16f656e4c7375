"""The whole pipeline runs in every environment, whatever the models make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.run_commands import start


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scienceworld", "webshop"])
def test_a_run_in_another_environment_ends_with_a_table(name: str, tmp_path: Path) -> None:
    small = ("explore.tasks=2", "explore.trajectories=2", "evaluation.episodes=2")
    process = start(tmp_path / name, f"env={name}", "debug=smoke", *small)
    process.join()
    assert process.exitcode == 0
    results = json.loads((tmp_path / name / "results.json").read_text("utf-8"))
    assert results["env"] == name
    assert set(results["systems"]) == {"sft_weak", "sft_strong", "mcts"}
    assert all(system["test"]["episodes"] == 2 for system in results["systems"].values())
