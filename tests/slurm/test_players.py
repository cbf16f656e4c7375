"""Workers on all devices of both nodes of a job: equal results, errors, no process left behind."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from transformers import PreTrainedModel

from tests.slurm.cluster import Cluster, wait_until
from tests.slurm.test_nodes import in_a_job
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import TextEnv
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.policy.places import Places, find_places
from tratree.policy.rollout_settings import (
    Episode,
    RolloutLimits,
    RolloutPlan,
    SamplingSettings,
)
from tratree.policy.workers import compute, roll_out
from tratree.trajectory.types import Trajectory

pytestmark = [pytest.mark.slurm]

WEAK = "package:models/tiny/weak"
LIMITS = RolloutLimits(max_steps=3, max_new_tokens=24, max_context=512)


def load_policy() -> tuple[PreTrainedModel, ChatFormat]:
    return load_base(ModelSettings(WEAK, "float64")), ChatFormat(load_tokenizer(WEAK), "tiny")


def make_env(folder: Path) -> TextEnv:
    """Note who asks, wait for all five, and kill the first one of the second node."""
    node, process = os.environ.get("SLURMD_NODENAME", "here"), os.getpid()
    (folder / f"{node}-{process}").touch()
    with suppress(FileNotFoundError):
        if node == "n2":
            (folder / "victim").unlink()
            os.kill(process, signal.SIGKILL)
    patience = time.monotonic() + 300
    while len(list(folder.glob("n*-*"))) < 5 and time.monotonic() < patience:
        time.sleep(0.1)
    return AlfworldEnv(
        GameFolder(folder / "games"), AlfworldSettings(name="alfworld"), folder / "translated"
    )


def play(folder: Path, places: Places) -> tuple[dict[int, Trajectory], list[str]]:
    tasks = GameFolder(folder / "games").tasks("train")
    episodes = [Episode(t, n, SamplingSettings(1.0)) for t in tasks for n in range(8)]
    engine, said = EngineSettings(2), []
    plan = RolloutPlan(0, "test", "", LIMITS, engine, WorkerSettings(), places)
    played = roll_out(load_policy, partial(make_env, folder), episodes, plan, report=said.append)
    return dict(played), said


def refuse(part: int) -> int:
    if os.environ["SLURMD_NODENAME"] == "n2":
        raise UserError(f"part {part} is bad input")
    return part


def load_refusing() -> object:
    return refuse


def play_on_both_nodes(folder: str) -> None:
    """Play on four devices and on one, and compare; then fail on the other node."""
    path = Path(folder)
    places = find_places("auto", "cpu", 2)
    assert places == Places(workers=2, gpus=0, nodes=2)
    (path / "victim").touch()
    spread, said = play(path, places)
    seen = sorted(p.name.split("-")[0] for p in path.glob("n*-*"))
    assert spread == play(path, Places())[0]
    with pytest.raises(UserError, match=r"^part \d+ is bad input$"):
        list(compute(load_refusing, range(10**6), Places(1, 0, 2)))
    print(len(spread), seen, said)


def test_four_devices_of_two_nodes_play_what_one_does(cluster: Cluster, tmp_path: Path) -> None:
    generate_games(tmp_path / "games", "train", 3, difficulty="small", seed=0)
    before = of_other_nodes()
    said = in_a_job(cluster, f"play_on_both_nodes({str(tmp_path)!r})", __name__)
    # Two workers of each node played, and a third one in the place of the killed one.
    nodes = ["n1", "n1", "n2", "n2", "n2"]
    killed = "a rollout worker died with exit code -9 on n2: playing its episodes again"
    assert said.splitlines()[-1] == f"24 {nodes} {[killed]}"
    wait_until(lambda: of_other_nodes() <= before)


def of_other_nodes() -> set[int]:
    """Return the processes of steps on other nodes that are alive."""
    listed = psutil.process_iter(["pid", "cmdline"])
    return {p.pid for p in listed if "tratree.policy.other_nodes" in (p.info["cmdline"] or [])}
