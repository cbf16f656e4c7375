"""Settings that are possible alone, but not together."""

from __future__ import annotations

import pytest

from tratree.composition import compose_config
from tratree.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ("tree.width=9 explore.trajectories=8", "tree.width=9 is more than the 8 trajectories"),
        ("model.quantization=4bit", "a quantised model cannot compute in float64"),
        ("explore.rounds=1 explore.kl_weight=0.5", "explore.kl_weight=0.5 needs explorers to"),
        ("explore.branching=0.01", "leaves none that begin with a failure's steps"),
        ("explore.branching=0.5 explore.rounds=2", "set explore.rounds=1 and explore.untouched"),
        ("method=mcts method.start=mcts", "method.start=mcts is where preferences start"),
        ("method.start=base method.reference=start", "method.start=base starts from the base"),
        ("explore.score=self explore.stop_when_decided=2", "explore.score=self hides"),
        ("rollout.servers=auto", "rollout.servers=auto starts servers of vLLM"),
        ("rollout.env_threads=2", "alfworld does not, set it to 0"),
        ("evaluation.samples=2 evaluation.sampling.temperature=0", "2 greedy trajectories of a"),
        ("env.prompt.required=true", "needs env.prompt.rules and env.prompt.examples"),
        ("trainer.devices=2", "model.weak.sft: training on 2 devices: set strategy to ddp or fsdp"),
    ],
)
def test_what_does_not_go_together_is_one_line(overrides: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        compose_config(overrides.split())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
