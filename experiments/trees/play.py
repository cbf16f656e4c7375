"""Attempts at tasks of ScienceWorld or WebShop, for trees to be made of.

No tiny model read these environments when this was measured, so a player takes their place. In
ScienceWorld it is the expert that now and then does something random. The simulator is the one as
shipped, in which the order of objects depends on what its virtual machine did before; so each of
the attempts at a task has a machine of its own, to which tasks come in another order. In WebShop
the player searches for the words of the instruction in random order and then clicks at random.

    python experiments/trees/play.py scienceworld --output scienceworld.jsonl
    python experiments/trees/play.py webshop --output webshop.jsonl
"""

from __future__ import annotations

import argparse
import random
import re
from contextlib import closing
from pathlib import Path

from tratree.composition import compose_config
from tratree.envs.base import TextEnv
from tratree.runs.run import open_store
from tratree.stages.environment import games_stage, open_env
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import TrajectoryLog
from tratree.trajectory.types import Step, Task, Trajectory

SETTINGS = {
    "scienceworld": [
        "env=scienceworld",
        "env.deterministic=false",
        "env.tasks=[boil,chemistry-mix,freeze,use-thermometer]",
        "env.variations=3",
        "env.max_steps=40",
    ],
    "webshop": ["env=webshop"],
}
SLIPS = {"scienceworld": 0.05, "webshop": 1.0}
"""The chance of a random action, by environment."""

_SEARCH = re.compile(r"search\[(.*)\]")


def attempt(env: TextEnv, task: Task, sample: int, slips: float) -> Trajectory:
    """Play one episode."""
    rng = random.Random(f"{task.task_id} {sample}")
    result = first = env.reset(task)
    expert = env.expert(task) if slips < 1 else None
    steps: list[Step] = []
    while not result.finished and len(steps) < env.max_steps:
        thought, action = expert(result) if expert else ("", "")
        if rng.random() < slips:
            thought, action = "", reworded(rng.choice(env.admissible()), rng)
        result = env.step(action)
        steps.append(Step(thought, action, result.observation))
    return Trajectory(
        task=task,
        first_observation=first.observation,
        steps=tuple(steps),
        score=result.score,
        success=result.success,
        finished=result.finished,
        sample=sample,
        source="play",
    )


def reworded(action: str, rng: random.Random) -> str:
    """Return a search with its words in another order, and anything else as it is."""
    match = _SEARCH.fullmatch(action)
    if match is None:
        return action
    words = match[1].split()
    return f"search[{' '.join(rng.sample(words, len(words)))}]"


def main() -> None:
    """Prepare the environment in the store, play, and resume where an earlier call stopped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("env", choices=sorted(SETTINGS))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=40, help="most tasks")
    parser.add_argument("--trajectories", type=int, default=6, help="attempts at each task")
    parser.add_argument("--store", default="store")
    arguments = parser.parse_args()
    config = compose_config([*SETTINGS[arguments.env], f"store={arguments.store}"])
    progress = Progress()
    store = open_store(config, progress)
    games = store.ensure(games_stage(config))
    env = open_env(games, store.resources.cache)
    tasks = env.tasks("train")
    env.close()
    chosen = random.Random(0).sample(tasks, min(arguments.tasks, len(tasks)))
    with (
        closing(TrajectoryLog(arguments.output)) as log,
        progress.bar("play", len(chosen) * arguments.trajectories) as advance,
    ):
        played = len(log.read())
        for sample in range(played // len(chosen), arguments.trajectories):
            env = open_env(games, store.resources.cache)
            order = random.Random(sample).sample(chosen, len(chosen))
            for task in order[played - sample * len(chosen) :]:
                log.append(attempt(env, task, sample, SLIPS[arguments.env]))
                played += 1
                advance(played)
            env.close()


if __name__ == "__main__":
    main()
