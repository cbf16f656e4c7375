"""Price bounds, goals and splits."""

import json
from dataclasses import replace

import pytest

from tests.envs.webshop.shops import make_product
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.goals import Goal, WantedOption, human_goals, synthetic_goals
from tratree.envs.webshop.prices import NO_BOUND, price_bound, purchase_price
from tratree.envs.webshop.splits import (
    distinct_splits,
    eto_splits,
    official_splits,
    shared_goals,
)
from tratree.errors import UserError
from tratree.external_data import external_data


def test_a_price_in_a_range_follows_from_seed_and_product():
    product = make_product(prices=(10.0, 20.0))
    drawn = {purchase_price(product, seed) for seed in range(50)}
    assert len(drawn) == 50
    assert all(10 <= price <= 20 for price in drawn)
    assert purchase_price(product, 7) == purchase_price(make_product(prices=(10.0, 20.0)), 7)
    assert purchase_price(product, 7) != purchase_price(replace(product, asin="B2"), 7)
    assert purchase_price(make_product(prices=(12.5,)), 7) == 12.5


@pytest.mark.parametrize(
    ("price", "bounds"),
    [
        (25.0, {40.0, 50.0, 60.0}),
        (30.0, {50.0, 60.0, 70.0}),
        (0.0, {20.0, 30.0, 40.0}),
        (965.0, {980.0, 990.0}),
        (975.0, {990.0}),
        (985.0, {NO_BOUND}),
        (2000.0, {NO_BOUND}),
    ],
)
def test_bounds_are_the_larger_of_two_of_four_tens(price, bounds):
    product = make_product(prices=(price,))
    assert {price_bound(product, seed) for seed in range(200)} == bounds


def test_synthetic_goals_combine_the_options():
    goals = synthetic_goals([make_product(), make_product(asin="B2", instruction="")], seed=0)
    bound = price_bound(make_product(), 0)
    assert sorted(goal.instruction for goal in goals) == [
        f"Find me non slip sandals with color: {color}, and size: {size}, "
        f"and price lower than {bound:.2f} dollars"
        for color in ("navy", "red")
        for size in ("7", "8")
    ]
    assert all(goal.attributes == ("non slip",) for goal in goals)
    (one,) = [goal for goal in goals if "color: navy, and size: 8" in goal.instruction]
    assert one.options == (WantedOption("color", "navy"), WantedOption("size", "8"))


def test_goals_without_options_or_bound():
    product = make_product(options={}, prices=(2000.0,))
    (goal,) = synthetic_goals([product], seed=0)
    assert goal.instruction == "Find me non slip sandals"
    assert goal.options == ()


def test_human_goals(tmp_path):
    written = {
        "instruction": "i want sandals.",
        "instruction_attributes": ["non slip"],
        "instruction_options": ["red"],
    }
    skipped = {**written, "instruction_attributes": []}
    path = tmp_path / "items_human_ins.json"
    path.write_text(json.dumps({"B000000001": [written, skipped, written], "B2": [written]}))
    goals = human_goals([make_product()], tmp_path, seed=0)
    assert len(goals) == 2
    for goal in goals:
        assert goal.options == (WantedOption("", "red"),)
        text = f"i want sandals, and price lower than {goal.price_bound:.2f} dollars"
        assert goal.instruction == text
    path.write_text(json.dumps({"B000000001": [{"instruction": "x"}]}))
    with pytest.raises(UserError, match=r"items_human_ins.json is not in WebShop's format"):
        human_goals([make_product()], tmp_path, seed=0)


def test_official_goals_have_the_numbers_of_the_original(official):
    goals = synthetic_goals(read_products(official, 1000), seed=0)
    assert len(goals) == 6910
    assert goals[6148].instruction.startswith(
        "Find me men's loafers & slip-ons with rubber outsole, rubber sole with color: white, "
        "and size: 9.5, and price lower than "
    )
    other = synthetic_goals(read_products(official, 1000), seed=1)
    pairs = list(zip(goals, other, strict=True))
    assert all(one.product.asin == two.product.asin for one, two in pairs)
    assert sum(one.price_bound != two.price_bound for one, two in pairs) > 1000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("find red hats, and price lower than 30.00 dollars", "find red hats", True),
        ("find red hats, and price lower than 30.00 dollars", "Find  red hats!", True),
        ("i want a hat under $30", "i want a hat under 50 dollars", True),
        ("i want a hat, with price less than 30", "i want a hat", True),
        ("a hat for no more than 60 dollars", "a hat up to $70", True),
        ("a tent for up to 4 people", "a tent for up to 6 people", False),
        ("find hats with size: 3", "find hats with size: 4", False),
        ("find hats with size: 3", "find hats", False),
        ("glasses with power: +2.50", "glasses with power: -2.50", False),
        ("a bag that weighs less than 5", "a bag that weighs less than 7", False),
        ("a bag under 5 pounds", "a bag under 7 pounds", False),
    ],
)
def test_goals_that_are_the_same_but_for_the_price(one, other, same):
    goals = [Goal(text, make_product(), ("a",), (), 0.0) for text in (one, other)]
    splits = {"train": [0], "test": [1]}
    assert shared_goals(goals, splits, "train") == {"test": int(same)}
    distinct = distinct_splits(goals, splits, "train")
    assert distinct == {"train": [] if same else [0], "test": [1]}


def test_official_splits():
    splits = official_splits(1600)
    assert (list(splits["test"]), list(splits["dev"]), list(splits["train"])) == (
        list(range(500)),
        list(range(500, 1500)),
        list(range(1500, 1600)),
    )
    assert list(official_splits(300)["train"]) == []


def test_eto_splits_are_the_published_lists():
    folder = external_data("eto/webshop")
    if folder is None:
        pytest.skip("the external data have no eto/webshop folder (TRATREE_DATA)")
    splits = eto_splits(folder, 12087)
    assert {name: len(numbers) for name, numbers in splits.items()} == {"train": 1823, "test": 200}
    with pytest.raises(UserError, match=r"there are 6910: .*env.goals=human"):
        eto_splits(folder, 6910)


def test_damaged_index_lists(tmp_path):
    with pytest.raises(UserError, match=r"can't read .*train_indices.json"):
        eto_splits(tmp_path, 10)
    (tmp_path / "train_indices.json").write_text('["a"]')
    with pytest.raises(UserError, match="names goals that do not exist"):
        eto_splits(tmp_path, 10)
