"""The stages ``trees`` and ``paths`` on one exploration: widths, rules, and what they write."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.tree.small_encoder import save_encoder
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.runs.run import open_store
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import weak_trees
from tratree.stages.paths import COMPARISON, paths_stage
from tratree.stages.trees import STATISTICS, draw_trajectories, read_trees, trees_stage
from tratree.store.finished import read_description
from tratree.store.progress import Progress
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory
from tratree.tree.forest_file import TREES
from tratree.tree.sentence_embeddings import SentenceEmbeddings

M = 8


def _attempt(task: str, sample: int) -> Trajectory:
    doors = [f"open door {sample % 3}", f"open  Door {sample % 4}"]
    steps = tuple(Step("", door, f"Behind it is room {door[-1]}.") for door in doors)
    solved = sample % 3 == 0
    played = Task(task, "train", "find", "find it")
    return Trajectory(played, "A hall.", steps, float(solved), solved, solved, sample)


def _explore(job: Job) -> None:
    attempts = [_attempt(f"task {t}", sample) for t in range(30) for sample in range(M)]
    write_trajectories(job.folder / EPISODES, attempts)
    with (job.resources.cache.parent / "explorations.txt").open("a") as file:
        file.write("one\n")


EXPLORED = Stage("explore", {}, _explore)


def _look_around(job: Job) -> None:
    rooms = ["you see a mug", "you see a cup", "you see a mug a mug", "door a cup door"]
    looks = [tuple(Step("", "look", rooms[(m * n) % 4]) for n in range(1, 4)) for m in range(M)]
    attempts = [
        replace(_attempt(f"task {t}", sample), steps=steps)
        for t in range(3)
        for sample, steps in enumerate(looks)
    ]
    write_trajectories(job.folder / EPISODES, attempts)


def _build(tmp_path: Path, *overrides: str, explored: Stage = EXPLORED) -> tuple[Path, Path]:
    """Return the folders of the stages trees and paths."""
    overrides = (f"store={tmp_path}", f"explore.trajectories={M}", "method=mcts", *overrides)
    config = compose_config(overrides)
    with open(os.devnull, "w") as nowhere:
        store = open_store(config, Progress(Console(file=nowhere)))
        trees = trees_stage(config, explored)
        return store.ensure(trees), store.ensure(paths_stage(config, trees))


def test_widths_share_one_exploration(tmp_path: Path) -> None:
    before: set[Trajectory] = set()
    for width in (3, 5, 8):
        folder, _ = _build(tmp_path, f"tree.width={width}")
        trees = read_trees(folder)
        assert [len(tree.trajectories) for tree in trees] == [width] * 30
        now = {trajectory for tree in trees for trajectory in tree.trajectories}
        assert before < now
        before = now
    assert (tmp_path / "explorations.txt").read_text() == "one\n"


def test_real_explorations_are_shared_by_all_widths() -> None:
    configs = [
        compose_config([f"explore.trajectories={M}", f"tree.width={width}"])
        for width in ("null", *range(3, 9))
    ]
    assert len({weak_trees(config).inputs["explored"].key for config in configs}) == 1
    assert len({weak_trees(config).key for config in configs}) == len(configs)


def test_every_sample_has_the_same_chance() -> None:
    counted: Counter[int] = Counter()
    for number in range(2000):
        attempts = [_attempt(f"task {number}", sample) for sample in range(M)]
        counted.update(t.sample for t in draw_trajectories(attempts, 3, seed=0))
    assert sum(counted.values()) == 3 * 2000
    for sample in range(M):  # 750 expected, standard deviation 22
        assert 640 < counted[sample] < 860


def test_the_draw_follows_the_seed() -> None:
    attempts = [[_attempt(f"task {t}", sample) for sample in range(M)] for t in range(10)]

    def drawn(seed: int) -> list:
        return [draw_trajectories(of_task, 4, seed) for of_task in attempts]

    assert drawn(0) == drawn(0) != drawn(1)


def test_a_width_above_the_exploration_is_refused() -> None:
    with pytest.raises(UserError, match=r"tree\.width=9 .* set explore\.trajectories=9"):
        compose_config([f"explore.trajectories={M}", "tree.width=9"])


@pytest.mark.parametrize(("width", "trajectories"), [("null", 6), (3, 6), (6, 6), (7, 7)])
def test_as_many_trajectories_as_the_width_are_explored(width: object, trajectories: int) -> None:
    config = compose_config([f"tree.width={width}"])
    assert config.explore.trajectories == trajectories


def test_the_environment_names_the_rule_of_equal_actions(tmp_path: Path) -> None:
    exact, _ = _build(tmp_path, "tree.action_match=exact")
    normalised, _ = _build(tmp_path, "tree.action_match=normalised")
    assert "open  Door 3" in read_trees(exact)[0].actions
    assert read_trees(normalised)[0].actions == tuple(f"open door {n}" for n in range(4))


def test_equal_trees_of_another_xi_are_searched_once(tmp_path: Path) -> None:
    for xi, searched in ((0.9, True), (0.7, False)):
        config = compose_config([f"store={tmp_path}", "method=mcts", f"tree.xi_sim={xi}"])
        paths = paths_stage(config, trees_stage(config, EXPLORED))
        with open(os.devnull, "w") as nowhere:
            store = open_store(config, Progress(Console(file=nowhere)))
            folder = store.ensure(paths)
        assert read_description(folder) == paths.description()
        assert paths.inputs["trees"].key in store.computed
        assert (paths.key in store.computed) == searched


@pytest.mark.slow
def test_devices_share_the_embeddings_of_the_same_trees(tmp_path: Path, monkeypatch) -> None:
    encoder = save_encoder(tmp_path / "encoder")
    minilm = ("tree.similarity=minilm", f"tree.encoder={encoder}", "tree.xi_sim=0.999")
    explored = Stage("explore", {"rooms": 4}, _look_around)
    alone, _ = _build(tmp_path / "one", *minilm, explored=explored)
    assert len(read_trees(alone)[0].parent) > 4

    def refuse(*_: object) -> None:
        raise AssertionError("a text was left to this process")

    monkeypatch.setattr(SentenceEmbeddings, "_compute", refuse)
    monkeypatch.setattr("tratree.stages.trees._TEXTS", 2)
    two_devices = ("trainer=ddp_sim", "rollout.workers=auto")
    shared, _ = _build(tmp_path / "two", *minilm, *two_devices, explored=explored)
    assert (shared / TREES).read_bytes() == (alone / TREES).read_bytes()
    assert len(list((tmp_path / "two" / "cache" / "vectors").rglob("*.npz"))) == 2


def test_figures_are_written(tmp_path: Path) -> None:
    trees, paths = _build(tmp_path)
    statistics = json.loads((trees / STATISTICS).read_text())
    assert statistics["trees"] == 30
    assert {"diversity", "representativeness", "informativeness", "width"} < statistics.keys()
    compared = json.loads((paths / COMPARISON).read_text())
    assert compared["trees"] == 30
    assert compared["best_score"] == 1.0
    assert compared["mean_score"] == pytest.approx(3 / 8)


def test_only_what_is_used_is_in_the_key() -> None:
    def key(*overrides: str) -> str:
        return trees_stage(compose_config(list(overrides)), EXPLORED).key

    assert key() == key("tree.encoder=another/encoder") == key("seed=5")
    assert key("tree.width=3") != key("tree.width=3", "seed=5")
    minilm = "tree.similarity=minilm"
    assert key(minilm) != key(minilm, "tree.encoder=another/encoder")
