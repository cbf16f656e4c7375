"""The composed settings, and what results record of them."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_type_hints

import pytest

from tratree.composition import compose_config
from tratree.config import Config, result_settings
from tratree.envs.alfworld.difficulty import DIFFICULTIES
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.webshop.pages import PAGE_STYLES
from tratree.envs.webshop.settings import WebShopSettings
from tratree.models.settings import ChatSettings
from tratree.settings import plain
from tratree.stages.settings import MethodSettings, TreeSettings
from tratree.trajectory.turns import TURN_FORMS
from tratree.tree import build_trees, find_pairs
from tratree.tree.path_search import find_paths
from tratree.tree.sentence_embeddings import MINILM


def test_settings_can_be_sent_to_another_process() -> None:
    config = compose_config(["model.lora.target_modules=[q_proj]"])
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(config.explore) == hash(copy.copy(config.explore))


def test_results_record_what_they_depend_on_and_not_how_the_machine_was_used() -> None:
    def recorded(*overrides: str) -> dict[str, Any]:
        return result_settings(compose_config(overrides))

    one = recorded()
    assert json.loads(json.dumps(one)) == one
    assert one["method"]["ucb_constant"] == 1.41
    machine = ["rollout.workers=1", "rollout.batch_size=3", "store=x", "logger=csv"]
    machine += ["trainer.checkpoint_every_steps=3", "trainer.profiler=simple"]
    assert recorded(*machine) == one
    for override in ("seed=1", "trainer.threads=1", "rollout.constraint=admissible"):
        assert recorded(override) != one
    assert one["env"]["games"] == "generated"
    assert set(one) | {"store", "changed_code", "logger"} == set(plain(compose_config([])))
    assert isinstance(compose_config([]), Config)


@pytest.mark.parametrize(
    ("known", "cls", "key"),
    [
        (TURN_FORMS, ChatSettings, "turn_form"),
        (PAGE_STYLES, WebShopSettings, "pages"),
        (DIFFICULTIES, AlfworldSettings, "difficulty"),
    ],
)
def test_there_is_something_behind_each_choice(
    known: Mapping[str, object], cls: type, key: str
) -> None:
    assert set(known) == set(get_args(get_type_hints(cls)[key]))


@pytest.mark.parametrize(
    ("function", "cls", "names"),
    [
        (build_trees, TreeSettings, {"xi_sim": "xi_sim"}),
        (find_paths, MethodSettings, {"search": "search", "iterations": "iterations"}),
        (find_paths, MethodSettings, {"exploration": "ucb_constant", "discount": "discount"}),
        (find_pairs, MethodSettings, {"aggregate": "aggregate", "min_gap": "minimum_gap"}),
        (find_pairs, MethodSettings, {"continuation": "continuation"}),
        (find_pairs, MethodSettings, {"max_pairs_per_divergence": "pairs_per_divergence"}),
        (find_pairs, MethodSettings, {"max_pairs_per_task": "pairs_per_task"}),
    ],
)
def test_the_tree_library_has_the_defaults_of_a_run(
    function: Callable[..., object], cls: type, names: Mapping[str, str]
) -> None:
    """The library needs no settings, so it says them again."""
    parameters = inspect.signature(function).parameters
    for parameter, key in names.items():
        assert parameters[parameter].default == getattr(cls, key)
    assert TreeSettings.encoder == MINILM
