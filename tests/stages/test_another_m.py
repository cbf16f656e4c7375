"""Explorations that differ in M share their trajectories, and nothing shows in the result."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.runs.run import open_store
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import explored
from tratree.store.progress import Progress

SMALL = ("debug=smoke", "explore.tasks=3", "model.weak.sft.epochs=1")


def explore(root: Path, trajectories: int, *overrides: str) -> tuple[bytes, str]:
    """Return the episodes of an exploration, and what was said meanwhile."""
    number = f"explore.trajectories={trajectories}"
    config = compose_config([*SMALL, f"store={root}", number, *overrides])
    said = io.StringIO()
    folder = open_store(config, Progress(Console(file=said, width=200))).ensure(explored(config))
    return (folder / EPISODES).read_bytes(), said.getvalue()


@pytest.mark.slow
def test_trajectories_of_another_m_are_taken_and_are_the_same(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    first, said = explore(shared, 3)
    assert "a task from" not in said
    alone = {}
    for trajectories in (2, 5):
        root = tmp_path / str(trajectories)
        shutil.copytree(shared, root)
        shutil.rmtree(root / "explore")
        alone[trajectories], said = explore(root, trajectories)
        assert "a task from" not in said

    episodes, said = explore(shared, 5)
    assert "  up to 3 trajectories a task from" in said
    assert episodes == alone[5]
    assert len(episodes.splitlines()) == 15
    assert set(first.splitlines()) < set(episodes.splitlines())
    episodes, said = explore(shared, 2)
    assert "  up to 2 trajectories a task from" in said
    assert episodes == alone[2]

    # A limit says how many are played, not how.
    limited, said = explore(shared, 5, "explore.tokens=600")
    assert "  up to 5 trajectories a task from" in said
    assert 0 < len(limited.splitlines()) < 15
    assert set(limited.splitlines()) < set(alone[5].splitlines())

    # Whatever else differs, nothing is shared.
    for other in ("explore=warm", "explore.tasks=2", "env.max_steps=11"):
        _, said = explore(shared, 2, other)
        assert "a task from" not in said, other
