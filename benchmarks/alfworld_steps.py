"""Stepping ALFWorld: `AlfworldEnv` against alfworld's stock text environment.

Both play the same generated games with the same actions: commands of the walkthrough, random
admissible ones, invalid ones, and ``put X in/on Y`` for ``move X to Y`` or the other way round, for
which the stock environment is given the wording that the game has. Every feedback, list of
admissible commands, win and score must be equal.

    python benchmarks/alfworld_steps.py --games 30 --steps 40 --difficulty full
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import textworld
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos
from textworld.envs.pddl import PddlEnv

from tratree.envs.alfworld.engine import prepare
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import Game, GameFolder, GameSource
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.trajectory.types import Task

ODD = (
    "",
    "help",  # not in every release
    "open the door",
    "go to fridge 99",
    "take mug 1 from cabinet",
    "put mug 1 on",
    "LOOK!",
)


def compare(source: GameSource, tasks: list[Task], steps: int, cache: Path) -> dict[str, Any]:
    """Play `steps` actions of each task in both environments and return counts and rates.

    Raises:
        AssertionError: If the two differ.
    """
    stock = AlfredInfos(AlfredDemangler(PddlEnv(textworld.EnvInfos(admissible_commands=True))))
    ours = AlfworldEnv(source, AlfworldSettings(name="alfworld", max_steps=steps), cache)
    spent: defaultdict[str, float] = defaultdict(float)
    wins = 0

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        spent[name] += time.perf_counter() - start
        return result

    for task in tasks:
        game = source.load(task.task_id)
        rng = random.Random(task.task_id)
        timed("stock_load", stock.load, _as_mapping(game))
        state = timed("stock_reset", stock.reset)
        result = timed("first_reset", ours.reset, task)
        prepare.cache_clear()
        assert timed("reset_from_disk", ours.reset, task) == result
        assert timed("repeated_reset", ours.reset, task) == result
        assert state.feedback.partition("\n\n")[2] == result.observation
        plan = iter(game.walkthrough)
        for _ in range(steps):
            action = _choose(rng, plan, state.admissible_commands)
            typed = _otherwise_worded(action) if rng.random() < 0.5 else action
            state, score, _ = timed("stock_step", stock.step, action)
            result = timed("our_step", ours.step, typed)
            admissible = timed("our_step", ours.admissible)
            assert result.observation == state.feedback, (task, action, result, state.feedback)
            if not result.finished:
                assert admissible == state.admissible_commands, (task, action)
            assert result.success == result.finished == state["won"], (task, action)
            assert result.score == score, (task, action)
            if result.finished:
                wins += 1
                plan = iter(game.walkthrough)
                state, result = stock.reset(), ours.reset(task)
    ours.close()
    count = len(tasks)
    return {
        "games": count,
        "steps": count * steps,
        "wins": wins,
        "ratio": round(spent["stock_step"] / spent["our_step"], 1),
        "stock_steps_per_second": round(count * steps / spent["stock_step"], 1),
        "our_steps_per_second": round(count * steps / spent["our_step"], 1),
        **{
            f"{name}_milliseconds": round(1000 * spent[name] / count, 2)
            for name in (
                "stock_load",
                "stock_reset",
                "first_reset",
                "reset_from_disk",
                "repeated_reset",
            )
        },
    }


def _as_mapping(game: Game) -> dict[str, Any]:
    return {
        "pddl_domain": game.domain,
        "pddl_problem": game.problem,
        "grammar": game.grammar,
        "walkthrough": list(game.walkthrough),
    }


def _otherwise_worded(action: str) -> str:
    if action.startswith("move "):
        return action.replace("move ", "put ").replace(" to ", " in/on ", 1)
    if action.startswith("put "):
        return action.replace("put ", "move ").replace(" in/on ", " to ", 1)
    return action


def _choose(rng: random.Random, plan: Any, admissible: list[str]) -> str:
    chance = rng.random()
    if chance < 0.2:
        return rng.choice(ODD)
    if chance < 0.5:
        return next(plan, "look")
    return rng.choice(admissible)


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--games", type=int, default=30)
    parser.add_argument("--steps", type=int, default=40, help="actions in each game")
    parser.add_argument("--difficulty", default="full", help="small, medium or full")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate_games(root, "train", arguments.games, difficulty=arguments.difficulty, seed=0)
        source = GameFolder(root)
        measured = compare(source, source.tasks("train"), arguments.steps, root / "cache")
    print(json.dumps({"benchmark": "alfworld_steps", **measured}))


if __name__ == "__main__":
    main()
