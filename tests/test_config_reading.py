"""Reading a composed configuration: what is refused, and the defaults that it starts from."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tests.own_methods import OWN_METHODS
from tratree.composition import CONFIG_FOLDER, compose_config
from tratree.config import Config
from tratree.config_reading import known_settings, read_config, register_defaults, unknown_key
from tratree.errors import UserError
from tratree.method_plugins import METHODS
from tratree.settings import declared_settings, plain

ENVIRONMENTS = ("alfworld", "scienceworld", "webshop")


def composed(*overrides: str) -> DictConfig:
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("config", overrides=list(overrides))


COMPOSED = {env: composed(f"env={env}") for env in ENVIRONMENTS}


def places(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value and group in nested dictionaries and lists."""
    inside = values.items() if isinstance(values, dict) else enumerate(values)
    found = []
    for key, value in inside:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


def changed(values: Any, path: tuple[Any, ...], value: Any) -> Any:
    values = copy.deepcopy(values)
    inside = values
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return values


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 2**63, 10**30, float("inf"), float("nan"), -0.5, 1e-320, 1e38]),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from(["", "???", "sft", "${nowhere}", "${", "a\nb", "\x00", "package:", "x:y"]),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@settings(max_examples=60)
@given(data=st.data(), env=st.sampled_from(ENVIRONMENTS))
def test_any_value_anywhere_is_taken_or_refused_in_one_line(data: st.DataObject, env: str) -> None:
    values = OmegaConf.to_container(COMPOSED[env])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(values)))
        values = changed(values, path, data.draw(VALUES))
    try:
        composed = OmegaConf.create(values)
    except OmegaConfBaseException:  # a text that OmegaConf itself can't read
        reject()
    config, said = taken_or_refused(composed)
    if config is None:
        assert len(said.splitlines()) == 1
        assert len(said) < 2000
    else:
        assert read_config(OmegaConf.create(plain(config))) == config


def taken_or_refused(composed: DictConfig) -> tuple[Config | None, str]:
    try:
        return read_config(composed), ""
    except UserError as error:
        return None, str(error)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.lora.target_modules=5", "text of at least one letter or a list of at least one"),
        ("seed=1000000000000000000000000000000", "a whole number from 0 to below"),
        ("seed=3.0", "seed=3.0 is not possible"),
        ("seed=true", "seed=True is not possible"),
        ("seed=null", "seed=null is not possible"),
        ("trainer.accelerator=tpu", "one of cpu, gpu"),
        ("trainer.threads=100000", "from 1 to 1,024"),
        ("explore.trajectories=1000000000", "from 1 to 10,000"),
        ("evaluation.splits=[]", "a list of at least one"),
        ("explore.sampling=[]", "a list of at least one"),
        ("explore.sampling=[{temperature:-1}]", "explore.sampling.0.temperature=-1 is"),
        ("explore.sampling=[{temprature:1}]", "did you mean explore.sampling.0.temperature?"),
        ("explore.sampling=[{}]", "explore.sampling.0.temperature is not set"),
        ("evaluation.splits=[unsen]", "did you mean unseen?"),
        ("model.imitation.learning_rate=inf", "a finite number above 0"),
        ("model.imitation.weight_decay=inf", "a finite number from 0"),
        ("explore.kl_weight=nan", "a finite number from 0"),
        ("model.context=-5", "a whole number from 1"),
        ("model.context=24", "has no room for one turn"),
        ("evaluation.sampling.temperature=-1", "a finite number from 0"),
        ("rollout.cache_gib=-1", "a finite number above 0 or null"),
        (f"logger.tags=[{'x' * 65}]", "text of at most 64 letters"),
        ("env.name=[alfworld]", "env.name=['alfworld'] is not possible: it must be text"),
        ("method.target=0", "method.target=0 is not possible: it must be text"),
        ('method.name="a\x1eb"', "method=a b is not known"),
        ("method.start=sf", "one of sft, base, mcts, advantage; did you mean sft?"),
        ("model.weak=null", "model.weak=null is not possible: it must be a group of keys"),
        ("store=''", "text of at least one letter"),
        ("model.context=???", "model.context is not set: give it a whole number"),
    ],
)
def test_what_is_not_possible_is_refused_with_what_is(override: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        compose_config([override])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_every_setting_can_be_set_without_a_plus() -> None:
    of_methods = [declared_settings(METHODS.find(m).settings, "method.") for m in OWN_METHODS]
    declared = itertools.chain(declared_settings(Config), *of_methods)
    of_every_run = {s.key for s in declared if not s.key.startswith("env.")}
    for env in ENVIRONMENTS:
        values = OmegaConf.to_container(COMPOSED[env])
        there = {".".join(map(str, path)) for path in places(values)}
        assert of_every_run <= there


@pytest.mark.parametrize(
    "group", ["env", "method", "explore", "tree", "trainer", "evaluation", "logger", "model"]
)
def test_no_file_repeats_a_default(group: str) -> None:
    """Files that others build on, and the paper's, are read as they are."""
    known = known_settings()
    for path in (CONFIG_FOLDER / group).glob("[!_]*.yaml"):
        text = path.read_text("utf-8")
        values = yaml.safe_load(text) or {}
        based = values.pop("defaults", [])
        if any(not name.startswith(("_", "/env/_")) for name in based if isinstance(name, str)):
            continue
        values = values if "@package _global_" in text else {group: values}
        for place in places(values):
            key = ".".join(map(str, place))
            value: Any = values
            for part in place:
                value = value[part]
            if key in known and not isinstance(value, dict):
                assert value != known[key].default, f"{path}: {key}"


def test_old_names_are_refused_with_the_new_one() -> None:
    assert (
        unknown_key("method.exploration") == "method.exploration is called method.ucb_constant now"
    )
    assert unknown_key("tree.widht") == "there is no setting tree.widht: did you mean tree.width?"
    assert unknown_key("zzzz.zzzz").endswith("`tratree settings` lists them")


def test_every_setting_has_a_meaning_and_says_what_it_may_be() -> None:
    found = known_settings()
    assert len(found) > 120
    for key, setting in found.items():
        assert setting.meaning.strip().endswith("."), key
        assert setting.values, key
