"""A run that is killed in every stage ends with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.pipeline.runs import start

STAGES = {
    "mcts": ("games", "demonstrations", "sft", "evaluate", "explore", "trees", "paths", "imitate"),
    "tree_dpo": ("pairs", "reference", "prefer"),
}


def result_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("results.*"))}


def leads_its_group(pid: int | None) -> bool:
    """Return whether a process has come as far as to be killed with all that it started."""
    try:
        return pid is not None and os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def kill_in(stage: str, folder: Path, moment: float, *overrides: str) -> bool:
    """Start a run, kill it `moment` seconds after `stage` has begun; False if it had ended."""
    process = start(folder, *overrides)
    store = folder.parent / f"store-{folder.name}"
    while process.is_alive() and not (
        leads_its_group(process.pid) and list((store / stage).glob("*.partial"))
    ):
        time.sleep(0.002)
    time.sleep(moment)
    alive = process.is_alive()
    if alive and process.pid is not None:
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return alive


@pytest.mark.slow
def test_killed_in_every_stage(tmp_path: Path) -> None:
    moments = random.Random(0)
    killed = 0
    for method, stages in STAGES.items():
        for stage in stages:
            killed += kill_in(
                stage, tmp_path / "killed", moments.random(), "debug=smoke", f"method={method}"
            )
        results = {}
        for name in ("killed", "undisturbed"):
            process = start(tmp_path / name, "debug=smoke", f"method={method}")
            process.join()
            assert process.exitcode == 0, (tmp_path / f"{name}.log").read_text()
            results[name] = result_files(tmp_path / name)
        assert len(results["undisturbed"]) == 3
        assert results["killed"] == results["undisturbed"]
    assert killed >= 6
