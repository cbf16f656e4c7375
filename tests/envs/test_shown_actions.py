"""Observations that end with the admissible actions; experts read them without."""

from __future__ import annotations

from pathlib import Path

from tratree.composition import compose_config
from tratree.envs.base import TextEnv, play_expert
from tratree.envs.registry import make_env, prepare_data
from tratree.envs.shown_actions import LABEL, ShownActions
from tratree.stages.environment import env_settings


def open_env(folder: Path, *overrides: str) -> TextEnv:
    settings = env_settings(
        compose_config(["env.train_games=2", "env.held_out_games=1", *overrides])
    )
    prepare_data(settings, folder, lambda done, total: None)
    return make_env(settings, folder, folder / "cache")


def test_every_observation_but_the_last_ends_with_them(tmp_path: Path) -> None:
    plain, shown = open_env(tmp_path), open_env(tmp_path, "env.show_admissible=true")
    task = shown.tasks("train")[0]
    assert shown.reset(task).observation == (
        f"{plain.reset(task).observation}\n{LABEL}{', '.join(plain.admissible())}"
    )
    without, played = play_expert(plain, task), play_expert(shown, task)
    assert played.success
    assert [s.action for s in played.steps] == [s.action for s in without.steps]
    assert all(LABEL in step.observation for step in played.steps[:-1])
    assert played.steps[-1].observation == without.steps[-1].observation
    few = ShownActions(plain, 3)
    listed = few.reset(task).observation.rpartition(LABEL)[2]
    count = len(plain.admissible())
    assert count > 3
    assert listed.endswith(f", and {count - 3} more")
    assert set(listed.split(", ")[:3]) < set(plain.admissible())
    shown.close()
    plain.close()
