"""Environments by name or target: how their data is made or found, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tratree.envs.base import TextEnv
from tratree.envs.checked import CheckedEnv
from tratree.envs.plugin import EnvironmentPlugin, Report
from tratree.envs.settings import EnvSettings
from tratree.envs.shown_actions import ShownActions
from tratree.external_files import ExternalFiles
from tratree.plugins import PluginGroup
from tratree.settings import read_settings

ENVIRONMENTS = PluginGroup("tratree.environments", "env", EnvironmentPlugin)
FORGIVING = " forgiving"


def reference_of(settings: Mapping[str, Any]) -> str:
    """Return what finds the environment of some settings: its target if they name one, or name."""
    return str(settings.get("target") or settings["name"])


def prepare_data(settings: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Put what the environment needs into `folder`, resuming from what is already there.

    Raises:
        UserError: If a setting is wrong, or data that the settings name cannot be found.
    """
    plugin = ENVIRONMENTS.find(reference_of(settings))
    plugin.prepare(read_settings(plugin.settings, settings, "env"), folder, report)


def make_env(settings: Mapping[str, Any], folder: Path, cache: Path) -> TextEnv:
    """Open the environment on what `prepare_data` left in `folder`."""
    plugin = ENVIRONMENTS.find(reference_of(settings))
    made = plugin.make(read_settings(plugin.settings, settings, "env"), folder, cache)
    env = CheckedEnv(made, settings["name"])
    if not settings.get("show_admissible"):
        return env
    return ShownActions(env, settings.get("show_at_most"))


def external_files(settings: EnvSettings) -> Mapping[str, ExternalFiles | None]:
    """Return the external files by the setting that names their folder.

    None if the files are not used with these settings, so that the folder does not matter.

    Raises:
        UserError: If files that the settings name cannot be found.
    """
    return ENVIRONMENTS.find(reference_of(vars(settings))).external_files(settings)


def action_rule(settings: EnvSettings) -> str:
    """Return the name of an environment's rule for `action_key`."""
    reference = reference_of(vars(settings))
    return f"{reference}{FORGIVING}" if settings.forgiving else reference


def action_key(rule: str) -> Callable[[str], str]:
    """Return a rule by its `action_rule`: actions of one key have the same effect."""
    plugin = ENVIRONMENTS.find(rule.removesuffix(FORGIVING))
    forgiving = plugin.forgiving_key if rule.endswith(FORGIVING) else None
    return forgiving or plugin.action_key
