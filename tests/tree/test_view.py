"""The page of trees: its data, its safety, its bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from tests.tree.tree_examples import trajectories, trajectory
from tests.tree.view_examples import ATTACKS, attacked_tree, same_steps_in_many_tasks, small_graph
from tratree.errors import UserError
from tratree.tree.divergence import find_pairs
from tratree.tree.information_states import by_history
from tratree.tree.mcts import search_paths
from tratree.tree.merge import build_tree
from tratree.tree.similarity import CharacterNgrams, ExactText
from tratree.tree.types import TrajectoryTree
from tratree.tree.view import render


class _Page(HTMLParser):
    """An HTML parser's view of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.contents.setdefault(self.tags[-1][0] if self.tags else "", []).append(data)


def page_of(trees: list[TrajectoryTree], **names: str) -> _Page:
    return _Page(render(trees, search_paths(trees), **names))


def data_of(page: _Page) -> dict:
    return json.loads(page.contents["script"][0])


@settings(max_examples=30)
@given(trajectories())
def test_the_data_are_those_of_the_tree(given_trajectories):
    tree = build_tree(given_trajectories, similarity=CharacterNgrams())
    path = search_paths([tree])[0]
    data = data_of(page_of([tree]))
    (shown,) = data["trees"]
    assert shown["parent"] == tree.parent.tolist()
    assert shown["visits"] == tree.visits.tolist()
    assert shown["score"] == pytest.approx(tree.mean_score.tolist(), abs=1e-6)
    assert shown["terminal_count"] == tree.terminal_count.tolist()
    assert shown["path"] == list(path.nodes)
    texts = data["texts"]
    steps = [step for t in tree.trajectories for step in t.steps]
    for name in ("thought", "action", "observation"):
        shown_texts = [texts[number] for number in shown[f"step_{name}"]]
        assert shown_texts == [getattr(step, name) for step in steps]
    parting = {pair.prefix[-1] for pair in find_pairs(tree)}
    assert {node for node, mark in enumerate(shown["divergence"]) if mark == 2} == parting
    assert len(texts) == len(set(texts))


def test_graphs_say_which_nodes_are_in_one_state():
    graph = small_graph()
    (shown,) = data_of(page_of([graph]))["trees"]
    assert shown["state"] == graph.state.tolist() == [0, 1, 2, 3, 2, 5]
    assert shown["path"] == [0, 1, 2, 5]
    (plain,) = data_of(page_of([by_history(graph)]))["trees"]
    assert "state" not in plain


def test_equal_trees_give_equal_pages():
    attempts = [
        trajectory([["", "look", "A room."]], score, sample=n) for n, score in enumerate((1, 0))
    ]
    pages = [
        render([tree], search_paths([tree]), title="run", note="note")
        for tree in (
            build_tree(order, similarity=ExactText()) for order in (attempts, attempts[::-1])
        )
    ]
    assert pages[0] == pages[1]


def test_texts_are_never_markup():
    harmless = page_of([build_tree([trajectory([], 1)], similarity=ExactText())])
    attacked = page_of([attacked_tree()], title=ATTACKS[0], note=ATTACKS[2])
    assert [tag for tag, _ in attacked.tags] == [tag for tag, _ in harmless.tags]
    (shown,) = data_of(attacked)["trees"]
    assert [data_of(attacked)["texts"][number] for number in shown["task"]] == list(ATTACKS[:4])
    assert attacked.contents["title"][0] == ATTACKS[0]


def test_only_its_own_style_and_script_may_run_and_nothing_is_loaded():
    text = render([attacked_tree()], search_paths([attacked_tree()]))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    for kind, pattern in (
        ("style", r"<style>(.*?)</style>"),
        ("script", r"<script>(.*?)</script>"),
    ):
        (content,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
        assert "http" not in content.replace("http://www.w3.org/2000/svg", "")
    for tag, attributes in _Page(text).tags:
        assert tag not in ("img", "iframe", "object", "embed", "base")
        assert not {"src", "style", "action"} & attributes.keys()
        assert all(not name.startswith("on") for name in attributes)
        assert attributes.get("href", "data:,") == "data:,"


def test_every_distinct_text_is_stored_once():
    """The page grows by a few numbers a node, not by its texts."""
    one, many = (
        len(render(trees, search_paths(trees)))
        for trees in (same_steps_in_many_tasks(1), same_steps_in_many_tasks(101))
    )
    assert (many - one) / (100 * 20) < 60


def test_no_tree_and_missing_paths_are_told():
    tree = build_tree([trajectory([], 1)], similarity=ExactText())
    with pytest.raises(UserError, match="no trees to show"):
        render([], [])
    with pytest.raises(UserError, match="one path for each"):
        render([tree], [])
