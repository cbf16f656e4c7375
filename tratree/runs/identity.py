"""Identity of a result: the part of a configuration that determines it, however written.

The order and wording of overrides, resources, and the commit are not part of it: the same
configuration and seed measured again is a replication.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.composition import check_choices, composing
from tratree.config import Config
from tratree.config_reading import RENAMED, read_config, register_defaults
from tratree.errors import UserError
from tratree.evaluation.metrics import STRONG, WEAK
from tratree.models.names import PACKAGE_PREFIX, local_folder
from tratree.settings import defaults, plain
from tratree.stages.environment import LATER
from tratree.stages.methods import evaluations

BASELINES = (WEAK, STRONG)
NOT_OF_BASELINES = ("method", "explore", "tree")
GONE = "gone"
NO_RESOURCES: Mapping[str, Sequence[str]] = {
    "logger": (),
    "rollout": ("constraint", "engine", "batch_invariant"),
    "trainer": ("precision",),
}
"""Groups that are resources, with the keys in them that may determine a result."""
NO_SETTINGS = ("changed_code",)
MODELS = ("model.weak.name", "model.strong.name")
NO_COMMIT = "0" * 40
"""Placeholder for the commit of a base model, which is not asked for."""


def point_identity(settings: Mapping[str, Any]) -> str:
    """Return a digest of all settings that may determine a result, and the seed.

    Args:
        settings: A whole configuration, as Hydra wrote it or as plain data of a `Config`. Keys that
            came later have the value that they have by default.
    """
    text = _seedless(settings)
    whole, _ = _whole(text)
    return _digest([whole, settings.get("seed")])


def configurations(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Return a digest of what determines the evaluation of each system, except for the seed.

    It is the key of the system's evaluation stage, for one seed and one set of resources, so a
    setting that does not concern a method is not part of it. `settings` are as of `point_identity`.
    """
    return _configurations(_seedless(settings))


def concerns(settings: Mapping[str, Any], system: str, key: str, value: Any) -> bool:
    """Return whether another `value` of a key changes what determines a system's evaluation."""
    return _concerns(_seedless(settings), system, key, _text(value))


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that may determine a result, but the seed, by their dotted keys."""
    return dict(_leaves(_whole(_seedless(settings))[0]))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _digest(value: Any) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()[:16]


def _seedless(settings: Mapping[str, Any]) -> str:
    """Return the settings that may determine a result, but the seed, as text."""
    kept = {
        group: {key: value for key, value in settings[group].items() if key in keys}
        for group, keys in NO_RESOURCES.items()
        if group in settings
    }
    if kept.get("rollout", {}).get("engine") == "vllm":
        kept["rollout"]["servers"] = ["http://any"]  # it needs some
    other = {key: value for key, value in settings.items() if key not in NO_SETTINGS}
    return _text({**other, **kept, "seed": 0, "store": "any"})


@cache
def _configurations(text: str) -> Mapping[str, str]:
    whole, config = _whole(text)
    return _digests(whole, config)


@cache
def _concerns(text: str, system: str, key: str, value: str) -> bool:
    whole, config = _whole(text)
    if config is None:
        return True  # as far as is known
    values, new = plain(config), json.loads(value)
    *path, last = key.split(".")
    owner: Any = values
    for part in path:
        owner = owner.get(part) if isinstance(owner, dict) else None
    if not isinstance(owner, dict) or last not in owner or "${" in str(new):
        return True
    owner[last] = _model_name(new) if key in MODELS else new
    try:
        changed = read_config(OmegaConf.create(values))
    except UserError:  # alone it does not go with the others
        return True
    return _digests(whole, changed).get(system) != _configurations(text)[system]


def _digests(whole: Mapping[str, Any], config: Config | None) -> Mapping[str, str]:
    if config is not None:
        gone = whole.get(GONE)
        try:
            keys = {n: stage.key for n, stage in evaluations(config).items()}
        except UserError:  # a file that it was measured with is not here
            whole = plain(config) | {GONE: gone}
        else:
            return {n: _digest([key, gone]) if gone else key for n, key in keys.items()}
    shared = {key: value for key, value in whole.items() if key not in NOT_OF_BASELINES}
    digests = dict.fromkeys(BASELINES, _digest(shared))
    return {**digests, whole["method"]["name"]: _digest(whole)}


@cache
def _whole(text: str) -> tuple[Mapping[str, Any], Config | None]:
    """Return all settings but seed and resources, and the same as a configuration.

    Settings that are not a key any more are under `GONE`. What is no configuration any more, or
    never was one, is returned as it was written, and None.
    """
    written = json.loads(text)
    for old, new in RENAMED.items():
        _rename(written, old, new)
    try:
        default = _defaults(*(written.get(group, {}).get("name") for group in ("env", "method")))
        known, gone = _split(written, OmegaConf.to_container(default))  # type: ignore[arg-type]
        config = read_config(OmegaConf.merge(default, known))  # type: ignore[arg-type]
    except (UserError, HydraException, OmegaConfBaseException):
        return written, None
    weak, strong = (
        replace(base, name=_model_name(base.name, base.revision), revision=NO_COMMIT)
        for base in (config.model.weak, config.model.strong)
    )
    config = replace(config, model=replace(config.model, weak=weak, strong=strong))
    return plain(config) | ({GONE: gone} if gone else {}), config


def _rename(settings: Any, old: str, new: str) -> None:
    """Give a setting that was measured under an old name its new one."""
    (*path, before), after = old.split("."), new.rpartition(".")[2]
    for part in path:
        settings = settings.get(part) if isinstance(settings, dict) else None
    if isinstance(settings, dict) and before in settings:
        settings[after] = settings.pop(before)


def _model_name(name: str, revision: str | None = None) -> str:
    """Return the name so that the weights, which may be elsewhere or large, are not looked at."""
    is_path = local_folder(name) is not None and not name.startswith(PACKAGE_PREFIX)
    shown = os.path.normpath(name) if is_path else name
    return f"named {shown}@{revision}" if revision else f"named {shown}"


@cache
def _defaults(env: str | None, method: str | None) -> Any:
    """Return what the settings of a method are by default.

    Keys that came after a point was measured have the default at which they do nothing: the one of
    the default environment, and in an environment the one of its class.
    """
    register_defaults()
    chosen = [f"method={method}"] if method else []
    check_choices([*chosen, f"env={env}"] if env else chosen)
    with composing():
        default = compose("config", overrides=chosen)
        if env:
            own = compose("config", overrides=[*chosen, f"env={env}"])
    OmegaConf.set_struct(default, False)
    if env:
        neutral = defaults(type(read_config(own).env))
        default.env = OmegaConf.merge(
            own.env, {key: neutral[key] for key in LATER if key in neutral}
        )
    return default


def _split(
    found: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings with a key in `known`, and the others."""
    kept, other = {}, {}
    for key, value in found.items():
        if key not in known:
            other[key] = value
        elif isinstance(value, Mapping) and isinstance(known[key], Mapping) and key != "splits":
            kept[key], rest = _split(value, known[key])
            other |= {f"{key}.{name}": removed for name, removed in rest.items()}
        else:
            kept[key] = value
    return kept, other


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
