"""The page of a run: what it says of a finished one, and of what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.report.run_examples import begun_run, episode, finished_run
from tratree.report.colours import INK, style_of
from tratree.report.html import svg
from tratree.report.run_page import render
from tratree.report.run_page.compared_episodes import episodes_data, parting_step
from tratree.report.tree_figure import draw_tree
from tratree.tree.mcts import search_paths


def test_a_finished_run_has_all_parts() -> None:
    page = render(finished_run(), viewer="trees.html")
    for said in (
        *("<h1>alfworld, mcts, seed 7</h1>", "Run folder my run, finished", "50.0 [25.0, 75.0]"),
        *("Learning curves of sft weak", "loss per token, nats", "1 tree of 1 trajectory"),
        *("python train.py method=mcts", "abc123 with changes", "torch 2.13.0", "name: alfworld"),
        *("evaluate/mcts", "<a href='trees.html#tree=easy'>easy</a>"),
        *("Against sft_strong, task by task", "<td class='number'>+25.0 [-12.5, +50.0]</td>"),
        *("<td class='number'>0.0600</td>", "Reward by kind of task", "<td>pick</td>"),
    ):
        assert said in page, said
    assert 'class="missing"' not in page


def test_a_system_has_one_colour_in_all_figures_and_beside_its_episodes() -> None:
    page = render(finished_run())
    for system in ("sft_weak", "sft_strong", "mcts"):
        colours = f"light-dark({style_of(system).light}, {style_of(system).dark})"
        assert f"stroke: {colours}" in page
        assert f'"{colours}"' in page


def test_the_path_of_mcts_is_outlined() -> None:
    tree = finished_run().trees[0]
    [path] = search_paths([tree])
    plain, outlined = svg(draw_tree(tree)), svg(draw_tree(tree, path.nodes))
    assert f"stroke: {INK}; stroke-width" not in plain
    assert outlined.count(f"stroke: {INK}; stroke-width") == len(path.nodes) - 1


def test_without_a_viewer_nothing_links_to_it() -> None:
    page = render(finished_run())
    assert "See all trees" not in page
    assert "#tree=" not in page


def test_equal_runs_give_equal_bytes() -> None:
    assert render(finished_run()) == render(finished_run())


def test_what_is_missing_is_said() -> None:
    page = render(begun_run())
    for said in (
        *("Run folder my run, not finished", "No fine-tuning has made"),
        "No system has been evaluated yet",
        *("No trees: the store does not hold them.", "No episode has been evaluated yet"),
        *("Commit: not known.", "was not started from the command line", "missing"),
    ):
        assert said in page, said


def test_systems_that_are_not_evaluated_yet_are_named() -> None:
    whole = finished_run()
    systems = {name: whole.systems[name] for name in ("sft_weak", "sft_strong")}
    page = render(replace(whole, systems=systems, gap=None))
    assert "Not evaluated yet: mcts." in page
    assert "PGR is measured" not in page


def test_episodes_that_differ_come_first() -> None:
    data = episodes_data(finished_run().episodes)
    names = [data["texts"][shown["task"][0]] for shown in data["episodes"]]
    assert names == ["hard", "easy", "same"]
    assert [shown["differs"] for shown in data["episodes"]] == [True, False, False]
    assert [shown["parts"] for shown in data["episodes"]] == [1, 0, None]
    assert len(data["texts"]) == len(set(data["texts"]))


def test_an_episode_that_one_system_has_not_played_yet() -> None:
    played = {"weak": [episode("a", "look", score=0.0)], "strong": []}
    [shown] = episodes_data(played)["episodes"]
    assert list(shown["played"]) == [0]
    assert shown["parts"] is None


@pytest.mark.parametrize(
    ("one", "other", "parts"),
    [("ab", "ab", None), ("ab", "ac", 1), ("ab", "a", 1), ("", "a", 0), ("", "", None)],
)
def test_where_two_part(one: str, other: str, parts: int | None) -> None:
    assert parting_step([episode("t", *a, score=0.0) for a in (one, other)]) == parts


def test_a_name_that_looks_like_a_formula_is_drawn_as_it_is() -> None:
    figures = finished_run().systems["mcts"]
    record = replace(finished_run(), systems={"$x^$": figures, "$\\frac$": figures})
    assert "$x^$" in render(record)
