"""The keys of the stages of chosen configurations, as they always were.

Another key means that what users have in their stores is computed again. Where a change is meant to
change keys, write the file again: `python -m tests.stages.test_golden_keys`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.own_methods import OWN_METHODS
from tratree.composition import compose_config
from tratree.stages.methods import evaluations
from tratree.store.stage import with_inputs

GOLDEN = Path(__file__).with_name("golden_keys.json")
POINTS = (
    *(f"method={name}" for name in OWN_METHODS),
    *("env=scienceworld method=mcts", "env=webshop method=tree_dpo", "debug=smoke method=eto"),
    *("explore=kl method=mcts", "explore=cool method=tree_dpo", "explore.score=self method=mcts"),
    "trainer=ddp model=llama3 method=mcts",
    "trainer=gpu model=qwen2_5 method=rejection",
    "tree.xi_sim=1 tree.width=3 method=mcts",
    "method.beta=1 method.packing=pairwise method.minimum_gap=0 method=tree_dpo",
    "model.lora.target_modules=[q_proj,v_proj] model.imitation.learning_rate=1 method=mcts",
    "evaluation.samples=2 evaluation.sampling.temperature=1 rollout.constraint=admissible",
)


def stage_keys(point: str) -> dict[str, str]:
    stages = evaluations(compose_config(point.split())).values()
    return {stage.title: stage.key for stage in with_inputs(stages)}


@pytest.mark.parametrize("point", POINTS)
def test_keys_are_what_they_were(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    monkeypatch.setattr("tratree.models.names._asked_commit", lambda name, revision: None)
    assert stage_keys(point) == json.loads(GOLDEN.read_text("utf-8"))[point]


if __name__ == "__main__":
    found = {point: stage_keys(point) for point in POINTS}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
