"""An evaluation by servers in vLLM's place: adapters are loaded, the episodes are the same."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import tratree
from tests.policy.driver_stand_in import four_gpus, vllm_behind
from tests.policy.vllm_stand_in import LocalVllm, SeveralVllm, serving
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy import server_pool
from tratree.policy.machine_settings import EngineSettings, ServerSettings, WorkerSettings
from tratree.stages.evaluate import evaluate_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.serving import check_servers
from tratree.stages.sft import sft_stage
from tratree.stages.training import load_policy
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store

SMALL = ["debug=smoke", "evaluation.episodes=2", "env.max_steps=4"]
QUANTIZED = ["model.quantization=4bit", "model.rollout_dtype=bfloat16"]
WEAK = "package:models/tiny/weak"


def load(folder: Path) -> Any:
    return load_policy(folder.parent, "float64")[0]


@pytest.mark.slow
def test_served_adapters_play_the_episodes_of_the_model(tmp_path: Path, monkeypatch) -> None:
    said = io.StringIO()
    progress = Progress(Console(file=said, width=1000))
    resources = Resources(WorkerSettings(), EngineSettings(8), tmp_path / "cache")
    store = Store(tmp_path / "store", resources, progress)
    config = compose_config(SMALL)
    weak = sft_stage(config, "weak")
    here = store.ensure(evaluate_stage(config, "sft_weak", weak))

    def play(servers: Any, *changes: str) -> bytes:
        vllm = compose_config([*SMALL, "rollout.engine=vllm", "rollout.servers=auto", *changes])
        logs = tmp_path / f"logs{len(changes)}"
        reached = replace(resources, servers=ServerSettings(servers), logs=logs)
        stage = evaluate_stage(vllm, "sft_weak", weak)
        there = replace(store, resources=reached).ensure(stage)
        assert there != here
        return (there / EPISODES).read_bytes()

    expected = (here / EPISODES).read_bytes()
    stand_in, other = LocalVllm(WEAK, 1024, {}, load), LocalVllm("other/base", 1024, {}, load)
    with serving(stand_in) as url, serving(other) as elsewhere:
        with pytest.raises(UserError, match="none of the vLLM servers"):
            play([elsewhere])
        assert play([elsewhere, url]) == expected
    assert set(stand_in.adapted) == {f"sft-{weak.key}"}
    assert stand_in.seeds

    # Started on the free GPUs; one is killed.
    four_gpus(tmp_path, monkeypatch)
    monkeypatch.setattr(server_pool, "FIRST_REST", 0.01)
    behind = SeveralVllm(load)
    with serving(behind) as url:
        vllm_behind(url, monkeypatch, fault="1:2")  # with the first request after the probe
        assert play("auto", "rollout.batch_invariant=true") == expected
    assert sorted(behind.started) == ["0", "1", "3"]
    assert sorted(behind.completed) == ["0", "3"]
    assert sum(behind.completed.values()) == len(stand_in.seeds)
    assert "3 vLLM servers of package:models/tiny/weak started" in said.getvalue()
    assert "fails: its requests are sent again" in said.getvalue()
    assert "VLLM_BATCH_INVARIANT=1" in (tmp_path / "logs1" / "gpu-0.log").read_text("utf-8")
    assert str(Path(tratree.__file__).parent / "models/tiny/weak") in behind.started["0"]
    assert "--max-lora-rank" in behind.started["0"]


def test_servers_cannot_be_started_without_a_gpu_and_that_is_said_first(
    tmp_path: Path, monkeypatch
) -> None:
    four_gpus(tmp_path, monkeypatch, (70000,) * 4)
    vllm_behind("http://unused", monkeypatch)
    config = compose_config([*SMALL, "rollout.engine=vllm", "rollout.servers=auto"])
    stage = evaluate_stage(config, "sft_weak", sft_stage(config, "weak"))
    check_servers(config, [])
    with pytest.raises(UserError, match="finds no free GPU"):
        check_servers(config, [stage])
    four_gpus(tmp_path, monkeypatch)
    assert check_servers(config, [stage]) is None
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "2")
    assert "on this node alone, and the job has 2" in str(check_servers(config, [stage]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["rollout.engine=vllm"], "needs servers: set rollout.servers=auto"),
        (["rollout.servers=auto"], "set rollout.engine=vllm, too"),
        (["rollout.servers=automatic"], r"rollout\.servers"),
        (
            ["rollout.engine=vllm", "rollout.servers=auto", *QUANTIZED],
            "serves base models as they are stored",
        ),
    ],
)
def test_what_does_not_go_with_servers_is_one_line(changes: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        compose_config([*SMALL, *changes])
    assert "\n" not in str(caught.value)


def test_batch_invariance_is_part_of_what_is_measured_with_vllm() -> None:
    def key(*changes: str) -> str:
        config = compose_config([*SMALL, *changes])
        return evaluate_stage(config, "sft_weak", sft_stage(config, "weak")).key

    vllm = key("rollout.engine=vllm", "rollout.servers=[http://a]")
    started = ["rollout.engine=vllm", "rollout.servers=auto", "rollout.concurrency=3"]
    assert key(*started, "rollout.probe_adapters=false") == vllm
    assert key(*started, "rollout.batch_invariant=true") != vllm
