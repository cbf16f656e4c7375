"""MCTS against a plain reference, and what its paths promise."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tree.tree_examples import trajectories, trajectory
from tratree.errors import UserError
from tratree.trajectory.types import Trajectory
from tratree.tree import mcts
from tratree.tree.mcts import search, search_paths
from tratree.tree.merge import build_tree
from tratree.tree.paths import path_trajectory
from tratree.tree.similarity import CharacterNgrams, ExactText
from tratree.tree.types import TrajectoryTree


@dataclass
class ReferenceNode:
    """A node of the reference; ending somewhere is a child without children."""

    number: int
    terminal_score: float | None = None
    children: list[ReferenceNode] = field(default_factory=list)
    visits: int = 0
    value: float = 0.0

    def length(self) -> int:
        if not self.children:
            return 0
        return 1 + min(self.children, key=ReferenceNode.rank).length()

    def rank(self) -> tuple[float, int, int]:
        mean = self.value / self.visits if self.visits else -math.inf
        return (-mean, -self.visits, self.length())


def reference_search(tree: TrajectoryTree, iterations: int, exploration: float) -> ReferenceNode:
    def grow(number: int) -> ReferenceNode:
        node = ReferenceNode(number, children=[grow(child) for child in tree.children(number)])
        if tree.terminal_count[number]:
            score = tree.terminal_score_sum[number] / tree.terminal_count[number]
            node.children.append(ReferenceNode(number, terminal_score=score))
        return node

    root = grow(0)
    for _ in range(iterations):
        walked = [root]
        while walked[-1].children:
            siblings = walked[-1].children
            unvisited = [child for child in siblings if child.visits == 0]
            total = sum(child.visits for child in siblings)
            walked.append(
                unvisited[0]
                if unvisited
                else max(
                    siblings,
                    key=lambda child: (
                        child.value / child.visits
                        + exploration * math.sqrt(math.log(total) / child.visits)
                    ),
                )
            )
        for node in walked:
            node.visits += 1
            node.value += walked[-1].terminal_score
    return root


@settings(max_examples=60)
@given(
    st.lists(trajectories(), min_size=1, max_size=3),
    st.sampled_from([1, 2, 7, 60]),
    st.sampled_from([0.0, 0.5, 1.41]),
)
def test_equals_the_reference(forest, iterations, exploration):
    trees = [build_tree(attempts, similarity=CharacterNgrams()) for attempts in forest]
    arguments = {"iterations": iterations, "exploration": exploration}
    counted = search(trees, **arguments)
    paths = search_paths(trees, **arguments)
    for tree, counts, path in zip(trees, counted, paths, strict=True):
        root = reference_search(tree, iterations, exploration)
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node.terminal_score is None:
                assert counts.visits[node.number] == node.visits
                assert counts.value_sum[node.number] == node.value
                waiting += node.children
            else:
                assert counts.end_visits[node.number] == node.visits
        node, walked = root, [0]
        while node.children:
            node = min(node.children, key=ReferenceNode.rank)
            if node.terminal_score is None:
                walked.append(node.number)
        assert path.nodes == tuple(walked)
        assert path.value == node.terminal_score


@given(trajectories(scores=(0.0, 0.1, 0.3, 0.7)))
def test_a_path_leads_from_the_root_to_an_end(attempts):
    tree = build_tree(attempts, similarity=CharacterNgrams())
    (path,) = search_paths([tree], iterations=50)
    assert path.nodes == tree.path(path.nodes[-1])
    assert tree.terminal_count[path.nodes[-1]] > 0
    assert path.value == pytest.approx(tree.terminal_mean[path.nodes[-1]])


def test_actions_follow_the_observation_they_answer():
    """The reference code paired each action with the state before: off by one."""

    def play(answers: list[int], score: float, sample: int) -> Trajectory:
        steps = []
        for number, answer in enumerate(answers, start=1):
            steps.append(["", f"say {answer}", f"You said {answer}. Say {number + 1}."])
        return trajectory(steps, score, sample=sample, first_observation="Say 1.")

    attempts = [play([1, 2, 3], 1, 0), play([1, 9, 9], 0, 1), play([7, 7], 0, 2)]
    tree = build_tree(attempts, similarity=ExactText())
    (path,) = search_paths([tree])
    found = path_trajectory(tree, path.nodes)
    shown = [found.first_observation, *(step.observation for step in found.steps)]
    assert [step.action for step in found.steps] == ["say 1", "say 2", "say 3"]
    for before, step in zip(shown[:-1], found.steps, strict=True):
        assert before.endswith(f"{step.action[len('say ') :]}.")


def test_a_thousand_iterations_find_a_rare_success():
    attempts = [
        trajectory([["", f"open box {a}", ""], ["", f"take toy {b}", ""]], a == 3 and b == 2)
        for a in range(5)
        for b in range(5)
    ]
    (path,) = search_paths([build_tree(attempts, similarity=ExactText())])
    assert path.value == 1


def test_ties_go_to_the_shorter_path():
    attempts = [
        trajectory([["", "a", "x"], ["", "b", "y"], ["", "c", "z"]], 1),
        trajectory([["", "d", "x"], ["", "e", "y"]], 1),
    ]
    tree = build_tree(attempts, similarity=ExactText())
    (path,) = search_paths([tree], iterations=2)
    assert [tree.step(node).action for node in path.nodes[1:]] == ["d", "e"]


def test_no_trees():
    assert search_paths([]) == []


@pytest.mark.parametrize("arguments", [{"iterations": 0}, {"exploration": -1.0}])
def test_bad_settings(arguments):
    with pytest.raises(UserError, match="MCTS"):
        search_paths([], **arguments)


def test_works_where_nothing_can_be_cached(tmp_path):
    """A read-only installation and no home folder leave numba no place for its cache."""
    for module in (mcts, sys.modules["tratree.tree.greedy"]):
        source = Path(module.__file__)
        text = source.read_text().replace("from tratree.tree.greedy", "from greedy")
        (tmp_path / source.name).write_text(text)
    (tmp_path / "__pycache__").write_text("a file where the folder should be")
    homeless = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/none", "NUMBA_CACHE_DIR": ""}
    result = subprocess.run(
        [sys.executable, "-c", "import mcts; print(mcts.search_paths([]), mcts.__file__)"],
        cwd=tmp_path,
        env={**os.environ, **homeless},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert str(tmp_path) in result.stdout
