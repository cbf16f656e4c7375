"""An evaluation by a server in vLLM's place: its adapter is loaded, its episodes are the same."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.policy.vllm_stand_in import GreedyVllm, serving
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.sft import sft_stage
from tratree.stages.training import load_policy
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store

SMALL = ["debug=smoke", "evaluation.episodes=2", "env.max_steps=4"]
WEAK = "package:models/tiny/weak"


@pytest.mark.slow
def test_a_served_adapter_plays_the_episodes_of_the_model(tmp_path: Path) -> None:
    progress = Progress(Console(file=open(os.devnull, "w")))  # noqa: SIM115
    resources = Resources(WorkerSettings(), EngineSettings(8), tmp_path / "cache")
    store = Store(tmp_path / "store", resources, progress)
    config = compose_config(SMALL)
    weak = sft_stage(config, "weak")
    here = store.ensure(evaluate_stage(config, "sft_weak", weak))

    vllm = compose_config([*SMALL, "rollout.engine=vllm", "rollout.servers=[http://unused]"])
    served = evaluate_stage(vllm, "sft_weak", weak)
    for base, error in (("other/base", "none of the vLLM servers"), (WEAK, None)):
        stand_in = GreedyVllm(base, 1024, {}, lambda f: load_policy(f.parent, "float64")[0])
        with serving(stand_in) as url:
            reached = replace(store, resources=replace(resources, servers=(url,)))
            if error:
                with pytest.raises(UserError, match=error):
                    reached.ensure(served)
            else:
                there = reached.ensure(served)
    assert set(stand_in.adapted) == {f"sft-{weak.key}"}
    assert there != here
    assert (there / EPISODES).read_bytes() == (here / EPISODES).read_bytes()
