"""A small policy trained for seconds on expert episodes, so that rollouts have real turns.

Its functions can be pickled, as worker processes need.
"""

from functools import cache
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tests.policy.small_tokenizers import word_level
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import TextEnv, play_expert
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory
from tratree.policy.rollout_settings import RolloutLimits
from tratree.trajectory.types import Task

LIMITS = RolloutLimits(max_steps=12, max_new_tokens=24, max_context=512)


def make_env(folder: Path, kind: type[AlfworldEnv] = AlfworldEnv) -> TextEnv:
    settings = AlfworldSettings(name="alfworld", max_steps=30)
    return kind(GameFolder(folder / "games"), settings, folder / "translated")


@cache
def tasks_of(folder: Path) -> list[Task]:
    return GameFolder(folder / "games").tasks("train")


def load_policy(folder: Path) -> tuple[PreTrainedModel, ChatFormat]:
    model = LlamaForCausalLM.from_pretrained(folder / "model", dtype=torch.float64)
    return model.eval(), ChatFormat(AutoTokenizer.from_pretrained(folder / "model"), "tiny")


def train_policy(folder: Path) -> None:
    """Generate games and clone the expert's episodes into a model below `folder`."""
    generate_games(folder / "games", "train", 6, difficulty="small", seed=0)
    env = make_env(folder)
    demonstrations = [play_expert(env, task) for task in tasks_of(folder)]
    lines = ["Thought: Action:"]
    for episode in demonstrations:
        env.reset(episode.task)
        for step in episode.steps:
            lines += env.admissible()
            env.step(step.action)
        lines.append(episode.first_observation)
        lines += [f"{s.thought} {s.action} {s.observation}" for s in episode.steps]
    env.close()
    tokenizer = word_level(lines)
    chat = ChatFormat(tokenizer, "tiny")
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(30):
        for episode in demonstrations:
            encoded = encode_trajectory(chat, episode)
            token_ids = torch.tensor([encoded.token_ids])
            labels = token_ids.masked_fill(~torch.tensor([encoded.agent_mask]), -100)
            model(input_ids=token_ids, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
