"""WebShop as a plug-in."""

from __future__ import annotations

from tratree.envs.plugin import EnvironmentPlugin
from tratree.envs.webshop.published import gist, moved_names, own_task_id, task_finder
from tratree.envs.webshop.settings import WebShopSettings
from tratree.plugins import imported_when_called

PLUGIN = EnvironmentPlugin(
    name="webshop",
    settings=WebShopSettings,
    prepare=imported_when_called("tratree.envs.webshop.setup:prepare_data"),
    make=imported_when_called("tratree.envs.webshop.setup:make_env"),
    action_key=imported_when_called("tratree.envs.webshop.actions:action_key"),
    forgiving_key=imported_when_called("tratree.envs.webshop.actions:forgiving_key"),
    external_files=imported_when_called("tratree.envs.webshop.setup:external_files"),
    own_task_id=own_task_id,
    gist=gist,
    task_finder=task_finder,
    moved_names=moved_names,
    version=2,
    extra="webshop",
)
