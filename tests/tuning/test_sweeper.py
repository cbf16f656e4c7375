"""``hparams_search=…``: real searches from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.commands import train


def search(folder: Path, trials: int, failing: int) -> subprocess.CompletedProcess[str]:
    """Search over the width; with 1,000,000 tasks a trial fails."""
    return train(
        *("hparams_search=mcts", f"hydra.sweeper.n_trials={trials}", "hydra.sweep.dir=found"),
        *("debug=smoke", "explore.trajectories=4", f"expert.tasks=choice(6,{failing})"),
        *("hydra.sweeper.n_jobs=2", "store=store"),
        folder=folder,
    )


def reward(folder: Path, number: int) -> float:
    results = json.loads((folder / str(number) / "seed0" / "results.json").read_text())
    assert all(list(splits) == ["development"] for splits in results["systems"].values())
    return results["systems"]["mcts"]["development"]["reward"]["mean"]


@pytest.mark.slow
def test_a_search_goes_on_and_writes_the_best_setting(tmp_path: Path) -> None:
    found = tmp_path / "found"
    done = search(tmp_path, 4, 1000000)
    assert done.returncode == 1
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert 0 < len(failed) < 4, done.stderr
    assert all("expert.tasks=1000000" in line and "at most" in line for line in failed)
    assert done.stderr.splitlines()[-1].startswith(f"error: {len(failed)} of the points")
    numbers = {int(path.parts[-3]) for path in found.glob("*/seed0/results.json")}
    assert len(numbers) == 4 - len(failed)

    best = (found / "experiment" / "best.yaml").read_text()
    rewards = {number: reward(found, number) for number in numbers}
    highest = max(rewards, key=lambda number: (rewards[number], -number))
    assert f"reward {rewards[highest]:.4f}, seed 0" in best
    config = yaml.safe_load((found / str(highest) / "seed0" / ".hydra/config.yaml").read_text())
    chosen = yaml.safe_load(best)
    assert chosen == {
        "expert": {"tasks": 6},
        "explore": {"trajectories": 4},
        "tree": {"width": config["tree"]["width"]},
    }

    # It is an experiment file, and the command in it runs.
    [command] = [line for line in best.splitlines() if line.startswith("# python train.py ")]
    shown = train(*command.split()[3:], "--cfg", "job", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    composed = yaml.safe_load(shown.stdout)
    assert composed["tree"]["width"] == config["tree"]["width"]
    assert composed["evaluation"]["splits"] == ["unseen", "seen"]

    # Given again, only what failed is run again.
    times = {number: (found / str(number)).stat().st_mtime_ns for number in numbers}
    done = search(tmp_path, 4, 1000000)
    assert done.returncode == 1
    assert f"{len(failed)} of the points" in done.stderr.splitlines()[-1]
    assert {n: (found / str(n)).stat().st_mtime_ns for n in numbers} == times
    done = search(tmp_path, 4, 2000000)
    assert "holds a search with other values" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluation.splits=[unseen]"], "looks at the split development alone"),
        (["env=alfworld,webshop"], "env cannot be searched"),
        (["explore.trajectories=4", "tree.width=range(5,8)"], "tree.width starts at 5"),
        (["hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0 is not possible: use at least 1"),
        (["explore.trajectories=4", "tree.width=3"], "nothing to search"),
        (["explore.trajectories=4", "tree.width=choice(2,3)"], "a range of whole numbers"),
    ],
)
def test_a_search_that_is_not_possible(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = train("hparams_search=mcts", *arguments, f"store={tmp_path}/store", folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()
