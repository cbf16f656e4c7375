"""ALFWorld as a plug-in."""

from __future__ import annotations

from tratree.envs.alfworld.published import (
    gist,
    harmless,
    moved_names,
    names_another,
    names_held_out,
    own_task_id,
    own_words,
    task_finder,
)
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.plugin import EnvironmentPlugin
from tratree.plugins import imported_when_called

PLUGIN = EnvironmentPlugin(
    name="alfworld",
    settings=AlfworldSettings,
    prepare=imported_when_called("tratree.envs.alfworld.setup:prepare_data"),
    make=imported_when_called("tratree.envs.alfworld.setup:make_env"),
    action_key=imported_when_called("tratree.envs.alfworld.actions:action_key"),
    forgiving_key=imported_when_called("tratree.envs.alfworld.actions:forgiving_key"),
    external_files=imported_when_called("tratree.envs.alfworld.setup:external_files"),
    own_task_id=own_task_id,
    gist=gist,
    task_finder=task_finder,
    names_held_out=names_held_out,
    names_another=names_another,
    own_words=own_words,
    moved_names=moved_names,
    harmless=harmless,
    resumes=tuple(
        f"json_2.1.1/*/*/trial_*/{name}"
        for name in ("traj_data.json", "initial_state.pddl", "game.tw-pddl")
    ),
    extra="alfworld",
)
