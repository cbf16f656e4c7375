"""A point is known by what determines its result, in whatever words it was asked for."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tratree.composition import CONFIG_FOLDER, compose_config
from tratree.config_reading import register_defaults
from tratree.runs.identity import concerns, configurations, flat, point_identity
from tratree.settings import plain as settings_of

WORDINGS = {
    "method.beta=0.3": ("method.beta=3e-1", "method.beta=.3", "++method.beta=0.30"),
    "tree.width=4": ("tree.width=4", "++tree.width=4"),
    "seed=3": ("seed=3", "++seed=3"),
}
"""The settings that make the point, and the same in other words."""
WITHOUT_EFFECT = (
    *("rollout.workers=1", "rollout.batch_size=64", "rollout.cache_gib=1", "trainer.threads=1"),
    *("store=elsewhere", "logger=csv", "logger.tags=[a]", "trainer.checkpoint_every_steps=7"),
    *("trainer.profiler=simple", "env=alfworld", "tree.xi_sim=0.9", "explore=grid", "model=tiny"),
)
"""Resources, and defaults that are spelt out."""


@cache
def written(overrides: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings as Hydra writes them to the run folder, with their interpolations."""
    register_defaults()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        found: Any = OmegaConf.to_container(compose("config", overrides=list(overrides)))
    return found


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(
    words=st.tuples(*(st.sampled_from(words) for words in WORDINGS.values())),
    without_effect=st.sets(st.sampled_from(WITHOUT_EFFECT), max_size=4),
    data=st.data(),
)
def test_order_wording_and_resources_do_not_make_another_point(
    words: tuple[str, ...], without_effect: set[str], data: st.DataObject
) -> None:
    plain = written(("method=tree_dpo", *WORDINGS))
    every = ["method=tree_dpo", *words, *sorted(without_effect)]
    overrides = data.draw(st.permutations(every))
    again = written(tuple(overrides))
    assert point_identity(again) == point_identity(plain)
    assert configurations(again) == configurations(plain)
    assert point_identity(settings_of(compose_config(overrides))) == point_identity(plain)


def test_what_changes_a_result_makes_another_point() -> None:
    overrides = (
        *("", "method.beta=0.2", "tree.xi_sim=0.8", "trainer.precision=bf16-mixed"),
        *("model.lora.rank=8", "rollout.constraint=admissible", "evaluation.episodes=20"),
        *("env.max_steps=9", "expert.tasks=7", "method=step_dpo", "explore=kl"),
    )
    found = [written(("method=tree_dpo", *filter(None, [one]))) for one in overrides]
    assert len({point_identity(one) for one in found}) == len(overrides)
    keys = {configurations(one)[one["method"]["name"]] for one in found}
    assert len(keys) == len(overrides)


def test_the_seed_makes_another_point_of_the_same_configuration() -> None:
    first, second = (written(("method=mcts", f"seed={seed}")) for seed in (0, 1))
    assert point_identity(first) != point_identity(second)
    assert configurations(first) == configurations(second)


def test_a_setting_that_does_not_concern_a_method_is_no_part_of_its_configuration() -> None:
    mcts, other = (written(("method=mcts", f"method.beta={beta}")) for beta in (0.1, 0.5))
    assert configurations(mcts) == configurations(other)
    assert point_identity(mcts) != point_identity(other)
    tree_dpo = written(("method=tree_dpo",))
    assert configurations(tree_dpo)["sft_strong"] == configurations(mcts)["sft_strong"]
    assert concerns(tree_dpo, "tree_dpo", "method.beta", 0.5)
    assert concerns(tree_dpo, "tree_dpo", "method.name", "mcts")
    assert not concerns(tree_dpo, "sft_strong", "method.beta", 0.5)
    assert not concerns(mcts, "mcts", "method.beta", 0.5)
    assert concerns(mcts, "sft_strong", "model.strong.name", "a/model")
    assert not concerns(mcts, "sft_weak", "model.strong.name", "a/model")


def test_a_key_that_came_later_has_its_default() -> None:
    now = written(("method=mcts",))
    before = {**now, "method": dict(now["method"])}
    del before["method"]["whole_trees"]
    assert point_identity(before) == point_identity(now)
    changed = {**now, "method": {**now["method"], "whole_trees": True}}
    assert point_identity(changed) != point_identity(now)


def test_a_shop_measured_before_goals_were_kept_apart_is_another_than_todays() -> None:
    now = written(("env=webshop", "method=mcts"))
    before = {**now, "env": {k: v for k, v in now["env"].items() if k != "distinct_goals"}}
    as_before = written(("env=webshop", "method=mcts", "env.distinct_goals=false"))
    assert point_identity(before) == point_identity(as_before) != point_identity(now)


def test_a_key_that_is_no_more_still_tells_points_apart() -> None:
    now = written(("method=mcts",))
    points = [{**now, "tree": {**now["tree"], "depth": depth}} for depth in (1, 2)]
    assert len({point_identity(one) for one in (now, *points)}) == 3
    assert len({configurations(one)["mcts"] for one in (now, *points)}) == 3
    assert flat(points[0])["gone.tree.depth"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"strong": {"name": "/nowhere/a-model"}}},
        {"expert": {"demonstrations": "/nowhere/demonstrations.jsonl"}},
        {"method": {"name": "magic", "beta": 0.5}},
        {"tree": {"width": "wide"}},
        {"rollout": {"engine": "vllm"}},
    ],
)
def test_what_it_was_measured_with_need_not_be_here(change: dict[str, Any]) -> None:
    now = written(("method=mcts",))
    gone = {**now, **{key: {**now[key], **values} for key, values in change.items()}}
    assert point_identity(gone) != point_identity(now)
    assert point_identity(gone) == point_identity({**gone, "store": "elsewhere"})
    assert {"sft_weak", "sft_strong", gone["method"]["name"]} == configurations(gone).keys()
    assert configurations({**gone, "seed": 5}) == configurations(gone)
