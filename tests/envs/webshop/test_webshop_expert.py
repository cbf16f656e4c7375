"""The expert against simpler buyers, and what it knows."""

from statistics import mean

import pytest

from tests.envs.webshop.shops import buy_first_hit, buy_like_an_oracle, open_shop
from tratree.envs.base import StepResult, play_expert
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.colours import fold_colour
from tratree.envs.webshop.expert import CarefulBuyer
from tratree.envs.webshop.goals import human_goals, synthetic_goals
from tratree.envs.webshop.reward import option_similar
from tratree.envs.webshop.wish import read_instruction


@pytest.mark.parametrize("pages", ["compact", "official"])
def test_a_careful_buyer_beats_the_first_hit(generated, pages):
    env = open_shop(generated, pages=pages)
    tasks = env.tasks("all")[:150]
    played = [play_expert(env, task) for task in tasks]
    assert mean(t.score for t in played) > 0.9
    assert mean(t.success for t in played) > 0.65
    assert mean(buy_first_hit(env, task).score for task in tasks) < 0.55
    assert all(t.finished for t in played)


def test_human_instructions(generated):
    goals = human_goals(read_products(generated, None), generated, 0)
    env = open_shop(generated, goals=goals)
    played = [play_expert(env, task) for task in env.tasks("all")[:150]]
    assert mean(t.score for t in played) > 0.85


def test_official_catalogue(official):
    env = open_shop(official)
    tasks = env.tasks("all")[:150]
    played = [play_expert(env, task) for task in tasks]
    assert mean(t.score for t in played) > 0.8
    assert mean(buy_first_hit(env, task).score for task in tasks) < 0.6


def test_an_oracle_meets_every_generated_goal(generated):
    goals = synthetic_goals(read_products(generated, None), 0)[::30]
    env = open_shop(generated, goals=goals)
    bought = [buy_like_an_oracle(env, t, g) for t, g in zip(env.tasks("all"), goals, strict=True)]
    assert all(result.success for result in bought)


def test_only_colours_folded_on_one_side_stop_an_oracle_on_official_goals(official):
    """As in the original: ``experiments/webshop_oracle``."""
    goals = synthetic_goals(read_products(official, 1000), 0)
    can_be_met = [all(option_similar(o.value, o) for o in goal.options) for goal in goals]
    assert (len(goals), sum(can_be_met)) == (6910, 6452)
    env = open_shop(official, goals=goals[::10])
    for task, goal, met in zip(env.tasks("all"), goals[::10], can_be_met[::10], strict=True):
        assert buy_like_an_oracle(env, task, goal).success == met
        assert met or any(fold_colour(o.value) != o.value for o in goal.options)


def test_the_expert_reads_only_instruction_pages_and_actions(generated):
    env = open_shop(generated, pages="compact")
    task = env.tasks("all")[0]
    expected = [(s.thought, s.action) for s in play_expert(env, task).steps]
    result = env.reset(task)
    expert = CarefulBuyer(task.instruction, env.admissible, env.max_steps)
    played = []
    while not result.finished:
        played.append(expert(StepResult(result.observation)))
        result = env.step(played[-1][1])
    assert played == expected


def test_thoughts_are_short_and_of_few_kinds(generated):
    env = open_shop(generated, pages="compact")
    thoughts = {s.thought for task in env.tasks("all")[:200] for s in play_expert(env, task).steps}
    assert max(len(thought.split()) for thought in thoughts) <= 2
    kinds = {thought.split()[0] for thought in thoughts}
    assert kinds <= {"search", "compare", "check", "good", "no", "go", "choose", "buy"}


@pytest.mark.parametrize("max_steps", [5, 6, 7, 10, 15])
def test_it_finishes_in_time(generated, max_steps):
    env = open_shop(generated, pages="compact")
    env.max_steps = max_steps
    assert all(play_expert(env, task).finished for task in env.tasks("all")[:40])


@pytest.mark.parametrize(
    ("instruction", "words", "options", "bound"),
    [
        (
            "Find me non slip, high heel boots with color: light blue, and size: 7, "
            "and price lower than 40.00 dollars",
            ["non", "slip", "high", "heel", "boots"],
            {"color": "light blue", "size": "7"},
            40.0,
        ),
        (
            "Find me easy carry containers with rose gold with color: 01#with gold",
            ["easy", "carry", "containers", "rose", "gold"],
            {"color": "01#with gold"},
            float("inf"),
        ),
        (
            "i need a men's t-shirt, and price lower than 120.00 dollars",
            ["men's", "t-shirt"],
            {},
            120.0,
        ),
        ("", [], {}, float("inf")),
    ],
)
def test_reading_instructions(instruction, words, options, bound):
    wish = read_instruction(instruction)
    assert list(wish.words) == words
    assert wish.options == options
    assert wish.bound == bound


def test_choices():
    groups = {"color": ("red", "blue"), "size": ("7", "7.5", "large")}
    named = read_instruction("Find me boots with color: blue, and size: 7.5")
    assert named.choices(groups) == ["blue", "7.5"]
    near = read_instruction("Find me boots with color: dark blue, and size: 9")
    assert near.choices(groups) == ["blue"]
    free = read_instruction("i want blue boots in size 7.5")
    assert free.choices(groups) == ["blue", "7.5"]
