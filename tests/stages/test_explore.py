"""Episodes that an exploration leaves out, and the stages that its settings reach."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.stages.test_methods import changed, keys
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.rollout_settings import Episode, SamplingSettings
from tratree.runs.run import open_store
from tratree.stages.explore import is_decided, undecided, within_tokens
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import explored, systems
from tratree.stages.playing import Tally
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Step, Task, Trajectory


def task(name: str) -> Task:
    return Task(name, "train", "pick", "put a mug in cabinet")


def attempt(name: str, success: bool, sample: int = 0, tokens: int = 2) -> Trajectory:
    step = Step("", f"go to {name}", "You arrive.", (1,) * tokens)
    return Trajectory(task(name), "A room.", (step,), float(success), success, success, sample)


@pytest.mark.parametrize(
    ("outcomes", "decided"),
    [([], False), ([0], False), ([0, 0, 0], False), ([1], False), ([1, 0], True), ([1, 1], True)],
)
def test_a_task_is_decided_by_both_outcomes_or_enough_successes(outcomes, decided) -> None:
    played = [attempt("a", bool(o), n) for n, o in enumerate(outcomes)]
    assert is_decided(played, enough=2) == decided


def test_only_undecided_tasks_are_tried_again() -> None:
    played = [attempt("a", True), attempt("a", False, 1), attempt("b", False), attempt("c", True)]
    episodes = [Episode(task(name), 2, SamplingSettings(1.0)) for name in "abcd"]
    assert [e.task.task_id for e in undecided(episodes, played, enough=2)] == ["b", "c", "d"]


def test_a_budget_of_tokens_cuts_in_the_order_of_episodes() -> None:
    played = [attempt(name, False, tokens=4) for name in "abc"]
    assert within_tokens(played, 12) == played
    assert within_tokens(played, 11) == played[:2]
    assert within_tokens(played, 3) == []


def test_the_live_line_counts_successes_actions_and_informative_trees() -> None:
    attempts = [attempt("a", True), attempt("a", False, 1), attempt("b", False)]
    tally = Tally(attempts, explored=True)
    tally.add(attempt("b", False, 1))
    assert str(tally) == "25% solved, 2 distinct actions, 1 task both solved and failed"
    assert str(Tally(attempts, explored=False)) == "33% solved"
    assert str(Tally([], explored=True)) == ""


def test_rounds_share_the_trajectories_and_later_explorers_are_trained() -> None:
    stages = {}

    def visit(stage) -> None:
        stages[stage.title] = stage
        for before in stage.inputs.values():
            visit(before)

    config = compose_config(["explore.rounds=3", "explore.kl_weight=0.1"])
    for stage in systems(config).values():
        visit(stage)
    rounds = [stages[f"explore round {number}"] for number in (1, 2, 3)]
    assert [r.settings["first_sample"] for r in rounds] == [0, 2, 4]
    assert [len(r.settings["sampling"]) for r in rounds] == [2, 2, 2]
    assert set(stages["explorer round 3"].inputs) == {
        *("demonstrations", "start", "earlier_0", "earlier_1")
    }
    assert stages["trees"].inputs["explored"] is rounds[2]


def test_a_divergence_reaches_the_later_rounds_only() -> None:
    two = ("explore.rounds=2",)
    reached = changed(two, ("explore.kl_weight=0.1",))
    assert reached == {"explorer round 2", "explore round 2", "trees", "paths", "imitate"}


def test_self_scores_stand_between_exploration_and_trees() -> None:
    with_self = keys("explore.score=self")
    without = keys()
    assert "self_score" in with_self
    assert with_self["explore"] == without["explore"]
    assert with_self["trees"] != without["trees"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["explore.rounds=9"], "set it to at most that"),
        (["explore.kl_weight=0.1"], r"explore\.rounds of 2 or more"),
        (["explore.score=self", "explore.stop_when_decided=2"], "set it to null"),
        (["explore.score=guess"], "one of environment, self"),
        (["evaluation.samples=4"], "temperature above 0"),
        (["rollout.engine=vllm"], "needs servers: set rollout.servers=auto"),
        (
            ["rollout.engine=vllm", "rollout.servers=[http://a]", "rollout.constraint=admissible"],
            "needs",
        ),
        (["rollout.constraint=polite"], "one of none, well_formed, admissible"),
    ],
)
def test_settings_that_contradict_each_other_are_user_errors(overrides, said) -> None:
    with pytest.raises(UserError, match=said):
        compose_config(overrides)


@pytest.mark.slow
def test_branched_trajectories_begin_as_a_failure_does(tmp_path: Path) -> None:
    options = ("debug=smoke", "explore=branching", "explore.trajectories=4", "explore.tasks=4")
    found = []
    for number, batch_size in enumerate((1, 8)):
        config = compose_config(
            [*options, f"store={tmp_path / str(number)}", f"rollout.batch_size={batch_size}"]
        )
        progress = Progress(Console(file=io.StringIO()))
        folder = open_store(config, progress).ensure(explored(config))
        found.append((folder / EPISODES).read_bytes())
        played = read_trajectories(folder / EPISODES)
    assert found[0] == found[1]
    branched = [t for t in played if t.sample >= 2]
    assert branched
    assert any(t.replayed for t in branched)
    for trajectory in branched:
        failures = [
            t for t in played if t.task == trajectory.task and t.sample < 2 and not t.success
        ]
        shared = trajectory.steps[: trajectory.replayed]
        assert any(t.steps[: trajectory.replayed] == shared for t in failures)
        assert len(trajectory.steps) > trajectory.replayed
    assert all(t.replayed == 0 for t in played if t.sample < 2)
