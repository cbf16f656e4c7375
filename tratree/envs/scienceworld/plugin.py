"""ScienceWorld as a plug-in."""

from __future__ import annotations

from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.scienceworld.published import (
    gist,
    harmless,
    moved_names,
    names_another,
    own_task_id,
    task_finder,
)
from tratree.envs.scienceworld.settings import ScienceWorldSettings
from tratree.plugins import imported_when_called

PLUGIN = EnvironmentPlugin(
    name="scienceworld",
    settings=ScienceWorldSettings,
    prepare=imported_when_called("tratree.envs.scienceworld.setup:prepare_data"),
    make=imported_when_called("tratree.envs.scienceworld.setup:make_env"),
    action_key=imported_when_called("tratree.envs.scienceworld.actions:action_key"),
    forgiving_key=imported_when_called("tratree.envs.scienceworld.actions:forgiving_key"),
    external_files=imported_when_called("tratree.envs.scienceworld.setup:external_files"),
    own_task_id=own_task_id,
    gist=gist,
    task_finder=task_finder,
    names_another=names_another,
    moved_names=moved_names,
    harmless=harmless,
    resumes=("tasks/[!.]*.json",),
    waits=True,
    extra="scienceworld",
)
