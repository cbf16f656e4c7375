"""The composed settings, and what results record of them."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

from tratree.composition import compose_config
from tratree.config import Config, result_settings
from tratree.settings import plain


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
