"""Measure how long episodes are, in tokens of a tokenizer like Llama-2's, for the cost page.

    python experiments/paper/lengths.py TOKENIZER.model

The argument is a SentencePiece file of 32,000 pieces; the figures in lengths.json are counted with
the one of Mistral 7B, ``tokenizer.model.v1`` of the package mistral-common 1.5.1 (it and
sentencepiece are no dependencies). Needs the external data (TRATREE_DATA). ScienceWorld and
WebShop: published trajectories. ALFWorld: the expert's episodes in official games of split
valid_seen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tratree.composition import compose_config
from tratree.envs.base import play_expert
from tratree.envs.registry import make_env, prepare_data
from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.stages.environment import env_settings
from tratree.trajectory.reading.read import read_any
from tratree.trajectory.types import Trajectory

OUTPUT = Path(__file__).with_name("lengths.json")
GAMES = 60
PUBLISHED = {
    "scienceworld": "trajectories/sciworld_agentgym_10.json",
    "webshop": "trajectories/webshop_agentgym_200.json",
}

Count = Callable[[str], int]


def data(name: str) -> Path:
    """Return a path of the external data.

    Raises:
        UserError: If it is not there.
    """
    found = external_data(name)
    if found is None:
        raise UserError(f"{name} is not in the external data: set TRATREE_DATA to its folder")
    return found


def alfworld_episodes() -> list[Trajectory]:
    """Let the expert play official games and return what it solved."""
    with TemporaryDirectory() as folder:
        config = compose_config(
            ["setting=paper", "env.prompt.required=false", f"env.data={data('alfworld')}"]
        )
        settings = env_settings(config)
        prepare_data(settings, Path(folder), lambda done, total: None)
        env = make_env(settings, Path(folder), Path(folder))
        try:
            tasks = env.tasks("valid_seen")
            step = len(tasks) / GAMES
            played = [play_expert(env, tasks[int(n * step)]) for n in range(GAMES)]
        finally:
            env.close()
    return [trajectory for trajectory in played if trajectory.success]


def lengths(trajectories: Sequence[Trajectory], count: Count) -> dict[str, Any]:
    """Return means over episodes, in the Llama-2 format of tratree/policy/templates."""
    steps = agent = environment = 0
    for trajectory in trajectories:
        shown = [trajectory.first_observation, *(s.observation for s in trajectory.steps[:-1])]
        steps += len(trajectory.steps)
        environment += sum(1 + count(f"[INST] {text} [/INST]") for text in shown)
        agent += sum(
            1 + count(f"Thought: {s.thought}\nAction: {s.action}") for s in trajectory.steps
        )
    n = len(trajectories)
    return {
        "episodes": n,
        "steps": round(steps / n, 2),
        "agent_tokens": round(agent / n, 1),
        "environment_tokens": round(environment / n, 1),
    }


def main() -> None:
    """Measure the three environments and write lengths.json."""
    if len(sys.argv) != 2:
        raise SystemExit("give the tokenizer: a SentencePiece file")
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=sys.argv[1])

    def count(text: str) -> int:
        return len(processor.encode(text))

    found = {"alfworld": lengths(alfworld_episodes(), count)}
    for name, file in PUBLISHED.items():
        found[name] = lengths(read_any(data(file)), count)
    OUTPUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
