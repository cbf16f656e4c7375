"""Reading what Hydra composed: its names for the defaults, and a checked configuration of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.composition_checks import check_compositions
from tratree.config import Config
from tratree.envs.registry import ENVIRONMENTS
from tratree.errors import UserError
from tratree.method_plugins import METHODS
from tratree.plugins import PluginGroup
from tratree.settings import Setting, declared_settings, defaults, read_settings
from tratree.words import nearest

RENAMED: Mapping[str, str] = MappingProxyType({"method.exploration": "method.ucb_constant"})
"""Old names of settings, which are refused with the new one."""


def at_least(low: int, value: int | None) -> int:
    """Return the larger one: ``${at_least:…}`` in a configuration file; null counts as none."""
    return low if value is None else max(low, value)


def equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal: ``${equal:…}`` in a configuration file."""
    return bool(value == other)


# At import, because a job on a cluster gets its configuration composed.
OmegaConf.register_new_resolver("at_least", at_least, replace=True)
OmegaConf.register_new_resolver("process_id", os.getpid, replace=True, use_cache=True)
OmegaConf.register_new_resolver("equal", equal, replace=True)


def register_defaults() -> None:
    """Make the defaults of all settings known to Hydra; ``conf/`` starts from them.

    What is composed of them is checked from now on.
    """
    check_compositions()
    store = ConfigStore.instance()
    # An environment has its own defaults; all that is known before one is chosen:
    shared = {**defaults(Config), "env": {"target": None}}
    store.store(name="defaults_of_settings", node=shared)
    for group in (ENVIRONMENTS, METHODS):
        for plugin in group.installed():
            store.store(group=group.key, name=f"_{plugin.name}", node=defaults(plugin.settings))


def read_config(composed: DictConfig, choices: Mapping[str, Any] | None = None) -> Config:
    """Turn what Hydra composed into checked settings.

    `choices` are the options that were chosen of each group, as Hydra knows them.

    Raises:
        UserError: If a key is unknown or missing, or a value is not possible.
    """
    try:
        own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        values: Any = OmegaConf.to_container(own, resolve=True)
    except OmegaConfBaseException as error:
        said = " ".join(str(error).partition("full_key:")[0].split())
        raise UserError(
            f"{error.full_key} has no value ({said}): correct what its ${{…}} names, or set it"
        ) from error
    values = _without_missing(values)
    for group in (ENVIRONMENTS, METHODS):
        values[group.key] = _plugin_settings(group, values.get(group.key), choices or {})
    return read_settings(Config, values, "")


def _plugin_settings(group: PluginGroup[Any], values: Any, choices: Mapping[str, Any]) -> Any:
    """Return the settings of the plug-in that they name, with its own name among them."""
    key = group.key
    if not isinstance(values, dict):
        raise UserError(f"{key}={values} is no group of keys: set {key}.KEY=VALUE")
    target, name, chosen = values.get("target"), values.get("name"), choices.get(key)
    told, reference = ("name", name) if target is None else ("target", target)
    if not isinstance(reference, str):
        raise UserError(f"{key}.{told}={reference} is not possible: it must be text")
    plugin = group.find(reference)
    if group is ENVIRONMENTS:
        group.check_extra(reference, plugin.extra)
    if target is not None:
        values["name"] = plugin.name
        if group is ENVIRONMENTS and chosen != plugin.name and chosen in group.names():
            raise UserError(
                f"{key}.target={target} does not go with {key}={chosen}, whose values were read: "
                f"say {key}=outside, too"
            )
    elif chosen != name and chosen in group.names():
        raise UserError(
            f"{key}.name={name} does not go with {key}={chosen}, whose values were read: say "
            f"{key}={name}"
        )
    known = [setting.name for setting in fields(plugin.settings)]
    unknown = [name for name in values if name not in known]
    if unknown and target is not None:
        raise UserError(
            f"{key}.{unknown[0]} is no setting of {target}: set {key}=outside, which has no values "
            f"of its own, or correct the key; it has {', '.join(sorted(known))}"
        )
    return read_settings(plugin.settings, values, key)


def known_settings() -> dict[str, Setting]:
    """Return every setting that there is, by its dotted key."""
    found = {setting.key: setting for setting in declared_settings(Config)}
    for group in (ENVIRONMENTS, METHODS):
        for plugin in group.installed():
            settings_of_it = declared_settings(plugin.settings, f"{group.key}.")
            found |= {setting.key: setting for setting in settings_of_it}
    return found


def possible_values(key: str) -> str | None:
    """Say which values a setting, or a group of settings, may have; None if there is none."""
    known = known_settings()
    if key in known:
        return known[key].values
    names = (name.removeprefix(f"{key}.") for name in known if name.startswith(f"{key}."))
    below = dict.fromkeys(name.partition(".")[0] for name in names)
    return f"a group of keys ({', '.join(below)})" if below else None


def unknown_key(key: str) -> str:
    """Say that there is no such setting, and which one may be meant."""
    if key in RENAMED:
        return f"{key} is called {RENAMED[key]} now"
    known = list(known_settings())
    if key in known:
        group = key.partition(".")[0]
        return (
            f"{key} is a setting of another {group}: choose that one, or say +{key} for what "
            f"{group}.target names"
        )
    names = known if "." in key else {name.split(".")[0] for name in known}
    return f"there is no setting {key}{nearest(key, names) or '; `tratree settings` lists them'}"


def _without_missing(values: Any) -> Any:
    """Leave out what has no value, which Hydra marks with ``???``."""
    if not isinstance(values, dict):
        return values
    return {key: _without_missing(v) for key, v in values.items() if v != "???"}
