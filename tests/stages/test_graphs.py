"""``tree.merge=state`` in a real ALFWorld game: stitched paths, ways back and pairs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from tratree.composition import compose_config
from tratree.envs.base import TextEnv, play_expert
from tratree.errors import UserError
from tratree.runs.run import open_store
from tratree.stages.environment import env_maker, games_stage, open_env
from tratree.stages.file_names import EPISODES
from tratree.stages.pairs import iterate_pairs, pairs_stage
from tratree.stages.paths import PATHS, paths_stage
from tratree.stages.states import as_promised, node_states
from tratree.stages.trees import read_trees, trees_stage
from tratree.store.progress import Progress
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory

SMALL = ("env.train_games=6", "env.held_out_games=2", "method=mcts")
STATE = ("tree.merge=state",)


def play(env: TextEnv, task: Task, actions: list[str], sample: int) -> Trajectory:
    result = first = env.reset(task)
    steps = []
    for action in actions:
        result = env.step(action)
        steps.append(Step(f"I try {action}.", action, result.observation, valid=result.valid))
    end = result.score, result.success, result.finished
    return Trajectory(task, first.observation, tuple(steps), *end, sample=sample)


def _explore(job: Job) -> None:
    """Write a success with a loop, one that looks elsewhere first, and a failure that returns."""
    with closing(env_maker(job)()) as env:
        task = next(t for t in env.tasks("train") if play_expert(env, t).success)
        first, *rest = [step.action for step in play_expert(env, task).steps]
        env.reset(task)
        other = next(a for a in env.admissible() if a.startswith("go to") and a != first)
        attempts = [
            play(env, task, actions, sample)
            for sample, actions in enumerate(
                [
                    [first, "look", "look", "examine nothing", "look", *rest],
                    [other, first, *rest],
                    [first, other, first, "inventory"],
                    [other, first, other],
                ]
            )
        ]
    assert [t.success for t in attempts] == [True, True, False, False]
    write_trajectories(job.folder / EPISODES, attempts)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return what computes one of the stages, all in one store."""
    root = tmp_path_factory.mktemp("store")

    @cache
    def compute(name: str, *overrides: str) -> Path:
        config = compose_config([f"store={root}", *SMALL, *overrides])
        explored = Stage("explore", {}, _explore, {"games": games_stage(config)})
        trees = trees_stage(config, explored)
        make = {"paths": paths_stage, "pairs": pairs_stage, "trees": lambda _, stage: stage}
        with open(os.devnull, "w") as nowhere:
            return open_store(config, Progress(Console(file=nowhere))).ensure(
                make[name](config, trees)
            )

    return compute


def test_a_loop_is_left_out_and_the_path_was_played(computed) -> None:
    (tree,) = read_trees(computed("trees", *STATE))
    assert tree.is_graph
    shortest = ("method.search=value_iteration",)
    (path,) = read_trajectories(computed("paths", *STATE, *shortest) / PATHS)
    (own,) = read_trajectories(computed("paths", *shortest) / PATHS)
    assert (path.score, path.success, path.finished) == (1.0, True, True)
    assert len(path.steps) <= len(own.steps) == min(len(t.steps) for t in tree.trajectories[:2])
    (searched,) = read_trajectories(computed("paths", *STATE) / PATHS)
    assert searched.success


def test_ways_back_begin_with_the_failure_untrained(computed) -> None:
    folder = computed("paths", *STATE, "method.recovery=true")
    _, *back = read_trajectories(folder / PATHS)
    assert back
    (tree,) = read_trees(computed("trees", *STATE))
    failures = [t for t in tree.trajectories if not t.success]
    for way in back:
        assert way.success
        shown = [step.action for step in way.steps if not step.trained]
        assert shown
        assert [step.trained for step in way.steps[: len(shown)]] == [False] * len(shown)
        assert any([s.action for s in f.steps[: len(shown)]] == shown for f in failures)


def test_pairs_of_states_contrast_more_than_those_of_histories(computed) -> None:
    found = {
        merge: [*iterate_pairs(computed("pairs", *overrides), computed("trees", *overrides))]
        for merge, overrides in (("history", ()), ("state", STATE))
    }
    assert len(found["state"]) > len(found["history"]) > 0, found
    for pair in found["state"]:
        shared = pair.shared_steps
        assert pair.chosen.steps[:shared] == pair.rejected.steps[:shared]
        assert pair.chosen.steps[shared].action != pair.rejected.steps[shared].action


def test_useless_actions_are_rejected(computed) -> None:
    overrides = (*STATE, "method.useless_pairs=true", "method.minimum_gap=1")
    pairs = [*iterate_pairs(computed("pairs", *overrides), computed("trees", *STATE))]
    assert {pair.rejected.steps[-1].action for pair in pairs} == {"look", "examine nothing"}
    assert all(len(pair.chosen.steps) == pair.shared_steps + 1 for pair in pairs)


def test_what_is_answered_otherwise_now_is_not_taken_for_a_state(computed) -> None:
    folder = computed("trees")
    (tree,) = read_trees(folder)
    (games,) = (each for each in (folder.parents[1] / "games").iterdir() if each.is_dir())
    with closing(open_env(games, folder.parents[1] / "cache")) as env:
        keys = node_states(env, tree)
        assert keys is not None
        assert [keys[0], len(keys)] == ["", len(tree.parent)]
        first, *others = tree.trajectories
        steps = (replace(first.steps[0], observation="A wall."), *first.steps[1:])
        changed = replace(first, steps=steps)
        assert node_states(env, replace(tree, trajectories=(changed, *others))) is None
        for scores in (True, False):
            assert as_promised(env, first, own_scores=scores) == first
        assert as_promised(env, changed, own_scores=True) == first
        assert as_promised(env, changed, own_scores=False) is None
        boast = replace(others[-1], score=1.0)
        assert as_promised(env, boast, own_scores=True) is None
        assert as_promised(env, boast, own_scores=False) == boast


@pytest.mark.parametrize("setting", ["recovery", "useless_pairs"])
def test_some_settings_need_states(setting: str) -> None:
    config = compose_config([*SMALL, f"method.{setting}=true"])
    trees = trees_stage(config, Stage("explore", {}, _explore))
    message = rf"\Amethod.{setting}=true needs tree.merge=state[^\n]*\Z"
    with pytest.raises(UserError, match=message):
        (paths_stage if setting == "recovery" else pairs_stage)(config, trees)
