"""The scripts of the paper's authors, as the settings and experiments here compose them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from tratree.composition import compose_config
from tratree.config import Config
from tratree.stages.methods import evaluations
from tratree.store.stage import with_inputs

TINY = (
    *("model.weak.name=package:models/tiny/weak", "model.strong.name=package:models/tiny/strong"),
    *("model.chat_template=tiny", "tree.similarity=exact", "env.prompt.required=false"),
)
TREE_DPO_PY = {
    "method.name": "tree_dpo",
    "method.pairs": "divergence",
    "method.continuation": "one_step",
    "method.start": "sft",
    "method.reference": "weak",
    "method.beta": 0.1,
    "method.example_in_pairs": False,
    "model.preference.learning_rate": 5e-6,
    "model.preference.schedule": "constant_with_warmup",
    "model.preference.warmup_share": 0.03,
    "model.preference.clip": 0.5,
    "model.preference.weight_decay": 0.01,
    "model.preference.batch_size": 2,
    "model.preference.accumulate": 16,
    "model.preference.epochs": 3,
    "model.lora.rank": 128,
    "model.lora.alpha": 256,
    "model.lora.dropout": 0.0,
    "model.lora.target_modules": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "model.context": 4096,
    "model.max_new_tokens": 512,
}
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "own_reference": {
        "method.name": "unstructured_dpo",
        "method.reference": "start",
        "model.preference.learning_rate": 1e-6,
        "model.preference.weight_decay": 0.0,
        "model.preference.warmup_share": 0.05,
        "model.preference.batch_size": 1,
        "model.lora.dropout": 0.1,
    },
    "best_and_worst": {
        "method.pairs": "best_and_worst",
        "model.preference.learning_rate": 2e-5,
    },
    "observation_and_thought": {"tree.compares": "observation_and_thought"},
    "untouched_explorer": {"explore.trajectories": 6},
    "mcts": {"method.name": "mcts", "method.start": "base", "method.minimum_score": -1.0},
}


def composed(*overrides: str) -> Config:
    return compose_config([*overrides, *TINY])


def check(config: Config, expected: dict[str, Any]) -> None:
    assert {key: reduce(getattr, key.split("."), config) for key in expected} == expected


def test_paper_code_does_what_tree_dpo_py_does() -> None:
    config = composed("setting=paper_code", "method=tree_dpo")
    check(config, TREE_DPO_PY)
    stages = {s.title: s for s in with_inputs(evaluations(config).values())}
    assert stages["prefer"].inputs["start"] is not stages["sft weak"]
    assert stages["prefer"].inputs["start"].key == stages["sft strong"].key
    assert stages["reference"].inputs["model"].key == stages["sft weak"].key
    assert stages["pairs"].settings["continuation"] == "one_step"


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("env", ["alfworld", "scienceworld", "webshop"])
def test_the_variants_of_the_scripts(name: str, env: str) -> None:
    config = composed(f"experiment=authors_{name}", f"env={env}")
    check(config, {**TREE_DPO_PY, **EXPERIMENTS[name]})
    assert config.env.max_steps == {"alfworld": 40, "scienceworld": 120, "webshop": 10}[env]
    if env == "alfworld":
        assert evaluations(config)


def test_one_of_six_explorers_is_untouched() -> None:
    config = composed("experiment=authors_untouched_explorer")
    stages = {s.title: s for s in with_inputs(evaluations(config).values())}
    settings = stages["explore"].settings
    assert len(settings["sampling"]) == 5
    assert [s["temperature"] for s in settings["untouched"]] == [0.7]


def test_new_settings_enter_keys_only_where_they_differ() -> None:
    def settings(*overrides: str) -> dict[str, dict[str, Any]]:
        every = with_inputs(evaluations(compose_config(["method=tree_dpo", *overrides])).values())
        return {stage.title: dict(stage.settings) for stage in every}

    plain = settings()
    for override, stage, key in (
        ("method.pairs=best_and_worst", "pairs", "pairs"),
        ("tree.compares=observation_and_thought", "trees", "compares"),
        ("explore.untouched=[{temperature: 0.7}]", "explore", "untouched"),
    ):
        assert key not in plain[stage]
        changed = settings(override)
        assert key in changed[stage]
        assert {name for name in plain if plain[name] != changed[name]} == {stage}
