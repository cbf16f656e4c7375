"""Let the untouched base model play the evaluation's episodes: the row "before" of the table.

python experiments/smollm2_cpu/before.py MODEL_FOLDER GAMES_FOLDER
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

from tratree.composition import compose_config
from tratree.envs.registry import make_env, prepare_data
from tratree.evaluation.metrics import summarize
from tratree.models.loading import load_tokenizer
from tratree.models.lora import load_policy_model
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import EngineSettings
from tratree.policy.rollout import run_episodes
from tratree.policy.rollout_settings import Episode, RolloutLimits, RolloutPlan, SamplingSettings
from tratree.stages.environment import env_settings
from tratree.stages.playing import rollout_settings


def main(model_folder: str, games: str) -> None:
    """Play each held-out game once, greedily, and print what came of it."""
    config = compose_config(["experiment=smollm2_cpu", f"env.data={games}"])
    environment = env_settings(config)
    model = load_policy_model(ModelSettings(model_folder), None, torch.float32)
    strong = config.model.strong
    chat = ChatFormat(load_tokenizer(model_folder), strong.chat_template, strong.system_prompt)
    with tempfile.TemporaryDirectory() as scratch:
        prepared, cache = Path(scratch, "games"), Path(scratch, "cache")
        prepared.mkdir()
        prepare_data(environment, prepared, lambda done, total: None)
        open_env = partial(make_env, environment, prepared, cache)
        tasks = open_env().tasks(config.env.splits["seen"])
        played = run_episodes(
            model,
            chat,
            open_env,
            [Episode(task, 0, SamplingSettings(temperature=0.0)) for task in tasks],
            RolloutPlan(
                0,
                "before",
                "base",
                RolloutLimits(**rollout_settings(config)),
                EngineSettings(len(tasks)),
            ),
        )
        trajectories = [trajectory for _, trajectory in played]
    for trajectory in trajectories:
        print(trajectory.task.task_id, [step.action for step in trajectory.steps])
    print(json.dumps(summarize(trajectories)))


if __name__ == "__main__":
    main(*sys.argv[1:])
