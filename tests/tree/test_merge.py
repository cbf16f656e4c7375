"""Merging: order independence, conservation, and where nodes are split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tree.tree_examples import TASK, trajectories, trajectory
from tratree.errors import UserError
from tratree.trajectory.types import Task
from tratree.tree.forest_file import save_trees
from tratree.tree.merge import build_tree, build_trees
from tratree.tree.similarity import CharacterNgrams, ExactText

MERGES = st.fixed_dictionaries(
    {
        "xi_sim": st.sampled_from([0.0, 0.5, 0.9, 0.97, 1.0]),
        "action_key": st.sampled_from([str, str.casefold]),
        "similarity": st.sampled_from([ExactText(), CharacterNgrams()]),
    }
)


@settings(max_examples=60)
@given(st.data(), trajectories(), MERGES)
def test_order_changes_no_byte(tmp_path_factory, data, given_trajectories, merge):
    folder = tmp_path_factory.mktemp("order")
    save_trees(folder / "a.npz", [build_tree(given_trajectories, **merge)])
    shuffled = data.draw(st.permutations(given_trajectories))
    save_trees(folder / "b.npz", [build_tree(shuffled, **merge)])
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()


@given(trajectories(), MERGES)
def test_nothing_is_lost_or_counted_twice(given_trajectories, merge):
    tree = build_tree(given_trajectories, **merge)
    assert sorted(map(repr, tree.trajectories)) == sorted(map(repr, given_trajectories))
    assert tree.visits[0] == len(given_trajectories)
    for node in range(len(tree.parent)):
        children = tree.children(node)
        assert tree.visits[node] == tree.terminal_count[node] + tree.visits[children].sum()
        scores = tree.terminal_score_sum[node] + tree.value_sum[children].sum()
        assert tree.value_sum[node] == scores
        assert [tree.parent[child] for child in children] == [node] * len(children)
    assert sorted(c for n in range(len(tree.parent)) for c in tree.children(n)) == list(
        range(1, len(tree.parent))
    )


@given(trajectories(), MERGES)
def test_every_trajectory_is_a_path(given_trajectories, merge):
    tree = build_tree(given_trajectories, **merge)
    through = np.zeros(len(tree.parent), int)
    for index, walked in enumerate(tree.trajectories):
        nodes = tree.trajectory_nodes(index)
        assert nodes == tree.path(nodes[-1])
        assert len(nodes) == len(walked.steps) + 1
        for node, step in zip(nodes[1:], walked.steps, strict=True):
            assert tree.actions[tree.action_id[node]] == merge["action_key"](step.action)
            assert tree.representative[node] <= index
        through[list(nodes)] += 1
    assert np.array_equal(through, tree.visits)


@given(trajectories(), MERGES)
def test_siblings_of_one_action_are_not_alike(given_trajectories, merge):
    tree = build_tree(given_trajectories, **merge)
    shown: dict[int, set[str]] = {}
    for index, walked in enumerate(tree.trajectories):
        for node, step in zip(tree.trajectory_nodes(index)[1:], walked.steps, strict=True):
            shown.setdefault(node, set()).add(step.observation)
    for node in range(len(tree.parent)):
        children = tree.children(node)
        for one in children:
            for other in children:
                if one < other and tree.action_id[one] == tree.action_id[other]:
                    texts = sorted(shown[one]), sorted(shown[other])
                    assert not set(texts[0]) & set(texts[1])
                    (cosines,) = merge["similarity"].cosines([[*texts[0], *texts[1]]])
                    across = cosines[: len(texts[0]), len(texts[0]) :]
                    assert across.max() < merge["xi_sim"]


def test_observations_merge_along_a_chain():
    words = ["one two three four", "one two three five", "one two six five"]
    vectors = CharacterNgrams().encode(words).astype(float)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    threshold = (min(near, vectors[1] @ vectors[2]) + far) / 2
    assert far < threshold < near

    def nodes_of(texts: list[str]) -> int:
        attempts = [trajectory([["", "look", text]], 0) for text in texts]
        return len(build_tree(attempts, similarity=CharacterNgrams(), xi_sim=threshold).parent)

    assert nodes_of(words) == 2
    assert nodes_of([words[0], words[2]]) == 3


class Records:
    """Notes what it is asked to compare; nothing is alike."""

    def __init__(self):
        self.asked = []

    def cosines(self, groups):
        self.asked.append(groups)
        return ExactText().cosines(groups)


def test_equal_texts_are_never_compared():

    steps = [["", "look", "A room."], ["", "open door", "A hall."]]
    other = [["", "look", "A room."], ["", "wait", "Time passes."]]
    similarity = Records()
    build_tree([trajectory(steps, 1), trajectory(other, 0)], similarity=similarity)
    assert not any(similarity.asked)


def test_all_tasks_are_compared_at_once_level_by_level():
    def attempts(name: str) -> list:
        task = replace(TASK, task_id=name)
        seen = [[["", "look", text], ["", "wait", f"{text} {name}"]] for text in ("dark", "light")]
        return [trajectory(steps, 0, task=task) for steps in seen]

    class AllAlike(Records):
        def cosines(self, groups):
            return [np.ones_like(unit) for unit in super().cosines(groups)]

    similarity, finished = AllAlike(), []
    tasks = [attempts("one"), attempts("two"), attempts("three")[:1]]
    trees = build_trees(tasks, similarity=similarity, report=finished.append)
    assert similarity.asked[:2] == [
        [["dark", "light"]] * 2,
        [["dark one", "light one"], ["dark two", "light two"]],
    ]
    assert not any(similarity.asked[2:])
    assert [len(tree.parent) for tree in trees] == [3, 3, 3]
    assert finished[-1] == 3


@settings(max_examples=30)
@given(st.lists(trajectories(), max_size=3), MERGES)
def test_trees_grown_together_are_those_grown_alone(tmp_path_factory, tasks, merge):
    folder = tmp_path_factory.mktemp("together")
    save_trees(folder / "together.npz", build_trees(tasks, **merge))
    save_trees(folder / "alone.npz", [build_tree(attempts, **merge) for attempts in tasks])
    assert (folder / "together.npz").read_bytes() == (folder / "alone.npz").read_bytes()


@given(trajectories(), MERGES)
def test_every_thought_is_in_its_node(given_trajectories, merge):
    tree = build_tree(given_trajectories, **merge)
    thoughts = [set() for _ in tree.parent]
    for index, walked in enumerate(tree.trajectories):
        for node, step in zip(tree.trajectory_nodes(index)[1:], walked.steps, strict=True):
            thoughts[node].add(step.thought)
            assert step in tree.steps(node)
    for node in range(1, len(tree.parent)):
        assert len(tree.steps(node)) == tree.visits[node]
        assert tree.steps(node)[0] == tree.step(node)
        assert set(tree.thoughts(node)) == thoughts[node]
        assert len(tree.thoughts(node)) == len(thoughts[node])


def test_every_attempt_is_kept_in_full():
    """The reference code kept one attempt per task and cut failures to the expert's length."""
    long_failure = [["", f"wait {n}", f"Minute {n}."] for n in range(60)]
    attempts = [trajectory(long_failure[: 10 * n], 0, sample=n) for n in range(7)]
    tree = build_tree(attempts, similarity=ExactText())
    assert len(tree.trajectories) == 7
    assert tree.depth.max() == 60
    assert tree.terminal_count.sum() == 7


def test_own_rule_of_equal_actions():
    attempts = [
        trajectory([["", "put mug in/on desk", "Done."]], 1),
        trajectory([["", "move mug to desk", "Done."]], 1, sample=1),
    ]
    renamed = {"put mug in/on desk": "move mug to desk"}
    tree = build_tree(
        attempts,
        similarity=ExactText(),
        action_key=lambda action: renamed.get(action, action),
    )
    assert tree.actions == ("move mug to desk",)
    assert tree.step(1).action == "put mug in/on desk"


FINE = trajectory([["", "look", "A room."]], 1)


@pytest.mark.parametrize("tasks", [[FINE], {"task-1": [FINE]}])
def test_trajectories_that_are_not_grouped_are_one_line(tasks):
    with pytest.raises(UserError, match="group them"):
        build_trees(tasks, similarity=ExactText())


@pytest.mark.parametrize(
    ("attempts", "arguments", "message"),
    [
        ([], {}, "at least one trajectory"),
        ([FINE, replace(FINE, task=Task("other", "train", "pick", "x"))], {}, "task-1 and other"),
        ([FINE, replace(FINE, task=replace(TASK, instruction="x"))], {}, "one task"),
        ([FINE, replace(FINE, first_observation="another")], {}, "different observations"),
        ([replace(FINE, score=-0.01)], {}, "-0.01"),
        ([replace(FINE, score=float("nan"))], {}, "nan"),
        ([FINE], {"xi_sim": 1.5}, "xi_sim=1.5"),
    ],
)
def test_bad_input_is_one_line(attempts, arguments, message):
    with pytest.raises(UserError, match=message) as raised:
        build_tree(attempts, similarity=ExactText(), **arguments)
    assert "\n" not in str(raised.value)


def test_the_thought_can_be_compared_as_well():
    attempts = [
        trajectory([("a mug may be here", "look", "a desk")], 1.0),
        trajectory([("nothing to lose", "look", "a desk")], 0.0, sample=1),
    ]
    nodes = [
        len(build_trees([attempts], similarity=ExactText(), **how)[0].parent)
        for how in ({}, {"shown": lambda step: f"{step.observation} {step.thought}"})
    ]
    assert nodes == [2, 3]
