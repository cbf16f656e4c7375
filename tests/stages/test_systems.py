"""Training data of each system: the stages that make it, and what they take of episodes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.own_methods import OWN_METHODS
from tratree.composition import compose_config
from tratree.config import Config
from tratree.runs.run import open_store, run
from tratree.stages.demonstrations import DEMONSTRATIONS
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import evaluations, systems
from tratree.stages.pairs import expert_pairs_stage, iterate_pairs, random_pairs_stage
from tratree.stages.paths import PATHS
from tratree.stages.select import select_stage
from tratree.stages.training import read_report
from tratree.store.progress import Progress
from tratree.store.stage import Job, Stage, with_inputs
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.types import Step, Task, Trajectory


def attempt(task: str, sample: int, actions: str, score: float) -> Trajectory:
    """Return a trajectory with one action a letter."""
    steps = tuple(Step("", letter, f"after {letter}", (ord(letter),)) for letter in actions)
    played = Task(task, "train", "find", "find it")
    return Trajectory(played, "A hall.", steps, score, score == 1, score == 1, sample)


ATTEMPTS = [
    attempt("a", 0, "xyz", 1.0),
    attempt("a", 1, "xy", 1.0),
    attempt("a", 2, "xyz", 1.0),
    attempt("a", 3, "q", 0.0),
    attempt("a", 4, "q", 0.0),
    attempt("b", 0, "s", 0.5),
    attempt("b", 1, "t", 0.25),
    attempt("c", 0, "u", 0.0),
]
EXPERT = [attempt("a", 0, "xy", 1.0), attempt("b", 0, "v", 1.0)]


def _explore(job: Job) -> None:
    write_trajectories(job.folder / EPISODES, ATTEMPTS)


def _demonstrate(job: Job) -> None:
    write_trajectories(job.folder / DEMONSTRATIONS, EXPERT)


EXPLORED = Stage("explore", {}, _explore)
DEMONSTRATED = Stage("demonstrations", {}, _demonstrate)


def names(trajectories: Sequence[Trajectory]) -> list[str]:
    return [f"{t.task.task_id}{t.sample}" for t in trajectories]


def ensure(config: Config, stage: Stage) -> Path:
    return open_store(config, Progress(Console(file=io.StringIO()))).ensure(stage)


@pytest.mark.parametrize(
    ("keep", "overrides", "expected"),
    [
        ("all", [], "a0 a1 a2 a3 a4 b0 b1 c0"),
        ("all", ["method.trajectories_per_task=1"], "a1 b0 c0"),
        ("solved", [], "a0 a1"),
        ("solved", ["method.trajectories_per_task=1"], "a1"),
        ("scored", [], "a0 a1 b0 b1"),
        ("scored", ["method.minimum_score=0.3"], "a0 a1 b0"),
        ("scored", ["method.trajectories_per_task=1"], "a1 b0"),
    ],
)
def test_what_is_imitated(tmp_path: Path, keep, overrides: list[str], expected: str) -> None:
    config = compose_config([f"store={tmp_path}", *overrides])
    folder = ensure(config, select_stage(config, EXPLORED, keep))
    assert names(read_trajectories(folder / PATHS)) == expected.split()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "a0>a3 a0>a4 a1>a3 a1>a4 a2>a3 a2>a4 b0>b1"),
        (["method.minimum_gap=0.25"], "a0>a3 a0>a4 a1>a3 a1>a4 a2>a3 a2>a4"),
    ],
)
def test_random_pairs(tmp_path: Path, overrides: list[str], expected: str) -> None:
    config = compose_config([f"store={tmp_path}", *overrides])
    pairs = [*iterate_pairs(ensure(config, random_pairs_stage(config, EXPLORED)))]
    sides = [names([pair.chosen, pair.rejected]) for pair in pairs]
    assert sorted(f"{chosen}>{rejected}" for chosen, rejected in sides) == expected.split()
    assert {pair.shared_steps for pair in pairs} == {0}


def test_random_pairs_are_drawn_by_the_seed(tmp_path: Path) -> None:
    drawn = []
    for seed in range(4):
        overrides = [f"store={tmp_path}", f"seed={seed}", "method.pairs_per_task=2"]
        config = compose_config(overrides)
        drawn.append([*iterate_pairs(ensure(config, random_pairs_stage(config, EXPLORED)))])
    assert [len(pairs) for pairs in drawn] == [3] * 4  # two of task a, the only one of task b
    assert drawn[0] != drawn[1] or drawn[0] != drawn[2] or drawn[0] != drawn[3]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [("xy", "q"), ("v", "t"), ("v", "s")]),
        (["method.pairs_per_task=1"], [("xy", "q"), ("v", "t")]),
        (["method.minimum_gap=0.5"], [("xy", "q"), ("v", "t")]),
    ],
)
def test_pairs_with_the_expert(tmp_path: Path, overrides: list[str], expected: object) -> None:
    """Each failure once, the lowest first; no pair where there is no demonstration."""
    config = compose_config([f"store={tmp_path}", *overrides])
    folder = ensure(config, expert_pairs_stage(config, EXPLORED, DEMONSTRATED))
    pairs = [*iterate_pairs(folder)]
    found = [["".join(s.action for s in t.steps) for t in (p.chosen, p.rejected)] for p in pairs]
    assert [tuple(sides) for sides in found] == expected


def titles(stage: Stage) -> list[str]:
    return [found.title for found in with_inputs([stage])]


def test_each_round_of_eto_goes_on_from_the_one_before() -> None:
    config = compose_config(["method=eto"])
    policy = systems(config)["eto"]
    for number in (3, 2, 1):
        assert policy.title == f"prefer round {number}"
        before = policy.inputs["start"]
        pairs, reference = policy.inputs["pairs"], policy.inputs["reference"]
        assert reference.inputs["model"] is before
        assert reference.inputs["pairs"] is pairs
        assert pairs.inputs["explored"].inputs["model"] is before
        assert "trees" not in policy.inputs
        policy = before
    assert policy.key == systems(config)["sft_strong"].key


def test_eto_knows_no_more_demonstrations_than_strong_sft() -> None:
    config = compose_config(["method=eto"])
    stages = with_inputs([systems(config)["eto"]])
    counts = [s.settings["tasks"] for s in stages if s.name == "demonstrations"]
    assert counts == [config.expert.tasks]


def test_the_ceiling_has_demonstrations_of_explored_tasks_too() -> None:
    config = compose_config(["method=ceiling", "expert.tasks=20", "explore.tasks=30"])
    stages = systems(config)
    demonstrations = [s for s in with_inputs([stages["ceiling"]]) if s.name == "demonstrations"]
    assert [(s.settings["tasks"], s.settings["explored"]) for s in demonstrations] == [(20, 30)]
    found = [s.title for s in with_inputs(stages.values())]
    assert len(found) == len(set(found)), "each stage of a run has a title of its own"
    everything = compose_config(["method=ceiling", "expert.tasks=null"])
    eto = replace(everything, method=replace(everything.method, name="eto"))
    assert systems(everything)["ceiling"].key == systems(eto)["eto"].key


def test_without_trees() -> None:
    for method in ("unstructured_dpo", "naive_w2s", "success_only", "rejection", "eto"):
        assert "trees" not in titles(systems(compose_config([f"method={method}"]))[method])


def test_who_explores() -> None:
    for method, role in (("naive_w2s", "weak"), ("success_only", "weak"), ("rejection", "strong")):
        stages = with_inputs([systems(compose_config([f"method={method}"]))[method]])
        (explored,) = (stage for stage in stages if stage.name == "explore")
        assert explored.inputs["model"].title == f"sft {role}"


def test_step_dpo_ends_after_one_step() -> None:
    keys = {
        overrides: systems(compose_config(overrides.split()))[overrides.split()[0][7:]].key
        for overrides in (
            "method=tree_dpo",
            "method=step_dpo",
            "method=tree_dpo method.continuation=one_step",
        )
    }
    assert keys["method=step_dpo"] == keys["method=tree_dpo method.continuation=one_step"]
    assert keys["method=step_dpo"] != keys["method=tree_dpo"]


def test_best_of_n_is_the_strong_model_evaluated_otherwise() -> None:
    stages = evaluations(compose_config(["method=best_of_n", "method.samples=7"]))
    assert stages["best_of_n"].inputs["model"].key == stages["sft_strong"].inputs["model"].key
    plan = stages["best_of_n"].settings["best_of"]
    assert len(plan) == 7
    assert [sampling["temperature"] for sampling in plan].count(0.0) == 1
    assert "best_of" not in stages["sft_strong"].settings


WITHOUT_EXPLORATION = {"sft_weak", "sft_strong", "best_of_n"}
BY_EXPERT = {"eto", "ceiling"}
BY_TREE = {"tree_dpo", "step_dpo"}
IMITATING_TREES = {"mcts", "advantage"}
AXES = (
    ("method", "samples", 3, {"best_of_n"}),
    ("method", "rounds", 2, BY_EXPERT),
    ("method", "trajectories_per_task", 2, {"naive_w2s", "success_only", "rejection"}),
    ("method", "iterations", 9, {"mcts"}),
    ("method", "minimum_score", 0.5, {"mcts", "rejection"}),
    ("method", "continuation", "next_divergence", {"tree_dpo"}),
    ("method", "aggregate", "max", BY_TREE),
    ("method", "beta", 0.3, BY_TREE | BY_EXPERT | {"unstructured_dpo", "kto"}),
    ("method", "loss", "ipo", BY_TREE | BY_EXPERT | {"unstructured_dpo"}),
    ("method", "outcomes", "one", {"kto"}),
    ("method", "pairs_per_task", 5, BY_TREE | BY_EXPERT | {"unstructured_dpo"}),
    ("tree", "width", 3, BY_TREE | IMITATING_TREES),
    ("explore", "tasks", 50, set(OWN_METHODS) - WITHOUT_EXPLORATION - {"eto"}),
    ("explore", "trajectories", 5, set(OWN_METHODS) - WITHOUT_EXPLORATION),
)


def test_an_axis_reaches_only_the_methods_it_concerns() -> None:
    changed: dict[tuple[str, str], set[str]] = {(group, key): set() for group, key, _, _ in AXES}
    for method in OWN_METHODS:
        config = compose_config([f"method={method}"])
        before = evaluations(config)[method].key
        for group, key, value, _ in AXES:
            other = replace(config, **{group: replace(getattr(config, group), **{key: value})})
            if evaluations(other)[method].key != before:
                changed[group, key].add(method)
    assert changed == {(group, key): concerned for group, key, _, concerned in AXES}


@pytest.mark.slow
def test_systems_run_from_end_to_end(tmp_path: Path) -> None:
    """One of each kind: whole pairs, no pairs, rounds of preferences, the best of N."""
    small = [f"store={tmp_path}/store", "debug=smoke", "evaluation.episodes=2"]
    for method, overrides in (
        ("unstructured_dpo", []),
        ("kto", ["method.outcomes=one"]),
        ("advantage", ["tree.merge=state"]),
        ("ceiling", ["method.rounds=2"]),
        ("best_of_n", ["method.samples=3"]),
    ):
        config = compose_config([*small, f"method={method}", *overrides])
        results = run(config, tmp_path / method, Progress(Console(file=io.StringIO())))
        assert set(results["systems"]) == {"sft_weak", "sft_strong", method}
        trained = ensure(config, systems(config)[method])
        assert read_report(trained).steps > 0
    best, greedy = (results["systems"][name] for name in ("best_of_n", "sft_strong"))
    for split in best:
        assert best[split]["episodes"] == greedy[split]["episodes"]
        # Of the three samples one is the greedy one.
        assert best[split]["reward"]["mean"] >= greedy[split]["reward"]["mean"]
    document = json.loads((tmp_path / "ceiling" / "stages.json").read_text())
    assert "prefer all tasks round 2" in document["stages"]
