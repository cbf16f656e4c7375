"""Rollouts: `RolloutEngine` against `generate` from the whole history at each turn.

Both play the same ALFWorld games greedily with the same model. The other way is the usual one: all
live episodes take a turn together, each turn's prompts are the whole histories, padded on the left,
and the keys and values are forgotten after it. The actions must be equal, to the token.

    python benchmarks/rollout.py --model tiny --episodes 32
    python benchmarks/rollout.py --model smollm2 --episodes 4 --batch-size 4
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder, GameSource
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import StepResult
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.trajectory.types import Task

TINY = "package:models/tiny/strong"
CONTEXTS = {"tiny": 1024, "smollm2": 2048}

Turns = list[tuple[int, ...]]
"""The token ids of an episode's turns."""


@dataclass
class Clock:
    """Seconds by what they were spent on."""

    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("model", "env"), 0.0))

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the time of the block."""
        start = time.perf_counter()
        yield
        self.spent[what] += time.perf_counter() - start


class TimedEnv(AlfworldEnv):
    """ALFWorld that puts the time of its resets and steps on a clock."""

    def __init__(self, source: GameSource, turns: int, cache: Path, clock: Clock) -> None:
        super().__init__(source, AlfworldSettings(name="alfworld", max_steps=turns), cache)
        self._clock = clock

    def reset(self, task: Task) -> StepResult:
        """Start an episode."""
        with self._clock.on("env"):
            return super().reset(task)

    def step(self, action: str) -> StepResult:
        """Send one action."""
        with self._clock.on("env"):
            return super().step(action)


@dataclass
class History:
    """An episode of the usual way: its conversation so far, from the first token on."""

    index: int
    env: TimedEnv
    token_ids: list[int]
    turns: Turns = field(default_factory=list)


def play_from_histories(
    model: PreTrainedModel,
    chat: ChatFormat,
    make_env: Callable[[], TimedEnv],
    tasks: Sequence[Task],
    batch_size: int,
    limits: RolloutLimits,
) -> dict[int, Turns]:
    """Play the tasks, batch after batch; return the turns of each."""
    envs = [make_env() for _ in range(batch_size)]
    played = {}
    for first in range(0, len(tasks), batch_size):
        live = [
            History(first + row, env, chat.first_turn(env.reset(task).observation))
            for row, (env, task) in enumerate(
                zip(envs, tasks[first : first + batch_size], strict=False)
            )
        ]
        while live:
            going_on = []
            for episode, turn in zip(live, generate_turns(model, chat, live, limits), strict=True):
                episode.turns.append(tuple(turn))
                result = episode.env.step(chat.parse(turn)[1])
                episode.token_ids += turn + chat.next_turn(result.observation)
                if (
                    result.finished
                    or len(episode.turns) == limits.max_steps
                    or len(episode.token_ids) + limits.max_new_tokens > limits.max_context
                ):
                    played[episode.index] = episode.turns
                else:
                    going_on.append(episode)
            live = going_on
    for env in envs:
        env.close()
    return played


def generate_turns(
    model: PreTrainedModel, chat: ChatFormat, live: Sequence[History], limits: RolloutLimits
) -> Iterator[list[int]]:
    """Yield the next turn of each episode, cut like the engine cuts it."""
    width = max(len(episode.token_ids) for episode in live)
    padded = [[0] * (width - len(e.token_ids)) + e.token_ids for e in live]
    mask = [[0] * (width - len(e.token_ids)) + [1] * len(e.token_ids) for e in live]
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=limits.max_new_tokens - 1,
        eos_token_id=sorted(chat.stop_ids),
        pad_token_id=0,
    )
    with torch.inference_mode():
        whole = model.generate(  # type: ignore[operator]
            torch.tensor(padded), attention_mask=torch.tensor(mask), generation_config=config
        )
    for row in whole[:, width:].tolist():
        stop = next((place for place, token in enumerate(row) if token in chat.stop_ids), None)
        yield [*row, chat.stop_id] if stop is None else row[: stop + 1]


def play_with_engine(
    model: PreTrainedModel,
    chat: ChatFormat,
    make_env: Callable[[], TimedEnv],
    tasks: Sequence[Task],
    batch_size: int,
    limits: RolloutLimits,
) -> dict[int, Turns]:
    """Play the tasks with the rollout engine; return the turns of each."""
    episodes = [Episode(task, 0, SamplingSettings(0.0)) for task in tasks]
    played = run_episodes(
        model,
        chat,
        make_env,
        episodes,
        RolloutPlan(0, "benchmark", "benchmark", limits, EngineSettings(batch_size)),
    )
    return {index: [step.token_ids for step in t.steps] for index, t in played}


def load_model(name: str) -> PreTrainedModel:
    """Return the tiny strong base model, or a random model of SmolLM2-135M's shape.

    The tiny one is in float64, as episodes are played by default. The random one never solves a
    game, so all of its episodes have every turn.
    """
    if name == "tiny":
        return load_base(ModelSettings(TINY, dtype="float32")).double().eval()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def compare(
    model: PreTrainedModel, root: Path, games: int, batch_size: int, limits: RolloutLimits
) -> dict[str, Any]:
    """Play `games` games in both ways and return counts, rates and shares of time.

    Raises:
        AssertionError: If the two differ in a token.
    """
    chat = ChatFormat(load_tokenizer(TINY), "tiny")
    generate_games(root, "train", games, difficulty="small", seed=0)
    source = GameFolder(root)
    tasks = source.tasks("train")
    ways = {"history": play_from_histories, "engine": play_with_engine}
    clock = Clock()
    forward = model.forward

    def timed_forward(*arguments: Any, **named: Any) -> Any:
        with clock.on("model"):
            return forward(*arguments, **named)

    model.forward = timed_forward
    found, measured = {}, {}
    make_env = partial(TimedEnv, source, limits.max_steps, root / "cache", clock)
    one_turn = replace(limits, max_steps=1, max_new_tokens=2)
    for way, play in ways.items():
        play(model, chat, make_env, tasks, batch_size, one_turn)  # translates games, warms up
        clock.spent.update(model=0.0, env=0.0)
        wall, cpu = time.perf_counter(), time.process_time()
        found[way] = play(model, chat, make_env, tasks, batch_size, limits)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        tokens = sum(len(turn) for turns in found[way].values() for turn in turns)
        measured[way] = {
            "seconds": round(wall, 2),
            "cpu_seconds": round(cpu, 2),
            "tokens_per_second": round(tokens / wall, 1),
            "model_share": round(clock.spent["model"] / wall, 3),
            "env_share": round(clock.spent["env"] / wall, 3),
        }
    assert found["engine"] == found["history"]
    turns = [len(found["engine"][index]) for index in range(games)]
    return {
        "episodes": games,
        "turns": sum(turns),
        "episodes_with_all_turns": sum(count == limits.max_steps for count in turns),
        "sampled_tokens": sum(len(turn) for turns in found["engine"].values() for turn in turns),
        "ratio": round(measured["history"]["seconds"] / measured["engine"]["seconds"], 2),
        "cpu_ratio": round(
            measured["history"]["cpu_seconds"] / measured["engine"]["cpu_seconds"], 2
        ),
        **measured,
    }


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=sorted(CONTEXTS), default="tiny")
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--max-new-tokens", type=int, default=24)
    arguments = parser.parse_args()
    limits = RolloutLimits(
        max_steps=arguments.turns,
        max_new_tokens=arguments.max_new_tokens,
        max_context=CONTEXTS[arguments.model],
    )
    with tempfile.TemporaryDirectory() as folder:
        measured = compare(
            load_model(arguments.model),
            Path(folder),
            arguments.episodes,
            arguments.batch_size,
            limits,
        )
    print(json.dumps({"benchmark": "rollout", "model": arguments.model, **measured}))


if __name__ == "__main__":
    main()
