"""What a result is known by: the part of a configuration that determines it, however written.

The order and wording of overrides, resources, and the commit are no part of it: the same
configuration and seed measured again is a replication.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.cli.compose import CONFIG_FOLDER
from tratree.config import Config, read_config, register_schema
from tratree.errors import UserError
from tratree.models.names import PACKAGE_PREFIX, local_folder

BASELINES = ("sft_weak", "sft_strong")
NOT_OF_BASELINES = ("method", "explore", "tree")
GONE = "gone"
NO_RESOURCES: Mapping[str, Sequence[str]] = {
    "logger": (),
    "rollout": ("constraint", "engine"),
    "trainer": ("precision",),
}
"""Groups that are resources, with the keys in them that may determine a result."""
MODELS = ("model.weak.name", "model.strong.name")


def point_identity(settings: Mapping[str, Any]) -> str:
    """Return a digest of all settings that may determine a result, and the seed.

    Args:
        settings: A whole configuration, as Hydra wrote it or as ``asdict(config)``. Keys that came
            later have the value that they have by default.
    """
    text = _seedless(settings)
    whole, _ = _whole(text)
    return _digest([whole, settings.get("seed")])


def configurations(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Return a digest of what determines the evaluation of each system, but for the seed.

    It is the key of the system's evaluation stage, for one seed and one set of resources, so a
    setting that does not concern a method is no part of it.

    Args:
        settings: As of `point_identity`.
    """
    return _configurations(_seedless(settings))


def concerns(settings: Mapping[str, Any], system: str, key: str, value: Any) -> bool:
    """Whether another `value` of a key changes what determines the evaluation of `system`."""
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
    return _text({**settings, **kept, "seed": 0, "store": ""})


@cache
def _configurations(text: str) -> Mapping[str, str]:
    whole, config = _whole(text)
    return _digests(whole, config)


@cache
def _concerns(text: str, system: str, key: str, value: str) -> bool:
    whole, config = _whole(text)
    changed, new = copy.deepcopy(config), json.loads(value)
    *path, last = key.split(".")
    owner: Any = changed
    for part in path:
        owner = getattr(owner, part, None)
    if not hasattr(owner, last) or isinstance(new, list | dict) or "${" in str(new):
        return True  # as far as can be told
    setattr(owner, last, _model_name(new) if key in MODELS else new)
    return _digests(whole, changed)[system] != _configurations(text)[system]


def _digests(whole: Mapping[str, Any], config: Config | None) -> Mapping[str, str]:
    # Imported here, because it needs torch, and the identity of a point does not.
    from tratree.stages.methods import evaluations

    if config is not None:
        gone = whole.get(GONE)
        try:
            keys = {n: stage.key for n, stage in evaluations(config, check=False).items()}
        except UserError:  # a file that it was measured with is not here
            whole = asdict(config) | {GONE: gone}
        else:
            return {n: _digest([key, gone]) if gone else key for n, key in keys.items()}
    shared = {key: value for key, value in whole.items() if key not in NOT_OF_BASELINES}
    digests = dict.fromkeys(BASELINES, _digest(shared))
    return {**digests, whole["method"]["name"]: _digest(whole)}


@cache
def _whole(text: str) -> tuple[Mapping[str, Any], Config | None]:
    """Return all settings but seed and resources, and the same as a configuration.

    Settings that are no key any more stand under `GONE`. What is no configuration any more, or
    never was one, is returned as it was written, and None.
    """
    plain = json.loads(text)
    try:
        defaults = _defaults(*(plain.get(group, {}).get("name") for group in ("env", "method")))
        known, gone = _split(plain, OmegaConf.to_container(defaults))  # type: ignore[arg-type]
        config = read_config(OmegaConf.merge(defaults, known))  # type: ignore[arg-type]
    except (UserError, HydraException, OmegaConfBaseException):
        return plain, None
    for base in (config.model.weak, config.model.strong):
        base.name = _model_name(base.name)
    return asdict(config) | ({GONE: gone} if gone else {}), config


def _model_name(name: str) -> str:
    """Return the name so that the weights, which may be elsewhere or large, are not looked at."""
    is_path = local_folder(name) is not None and not name.startswith(PACKAGE_PREFIX)
    return f"named {os.path.normpath(name) if is_path else name}"


@cache
def _defaults(env: str | None, method: str | None) -> Any:
    """Return what the settings of a method are by default.

    Keys that came after a point was measured have their default: the one of the default
    environment, because a key that is new does nothing there.
    """
    register_schema()
    chosen = [f"method={method}"] if method else []
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        default = compose("config", overrides=chosen)
        if env:
            own = compose("config", overrides=[*chosen, f"env={env}"])
    OmegaConf.set_struct(default, False)
    if env:
        default.env = own.env
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
