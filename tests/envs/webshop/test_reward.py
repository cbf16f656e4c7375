"""The reward: examples of its rules, and properties over random purchases."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.envs.webshop.shops import make_product
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.generated_catalogue import generate_catalogue
from tratree.envs.webshop.goals import Goal, WantedOption, synthetic_goals
from tratree.envs.webshop.nouns import lexicon_nouns
from tratree.envs.webshop.reward import attributes_met, options_met, reward, type_factor


def goal_for(product=None, attributes=("non slip",), options=(), price_bound=40.0):
    return Goal("", product or make_product(), attributes, options, price_bound)


def named(**options):
    return tuple(WantedOption(group, value) for group, value in options.items())


@pytest.mark.parametrize(
    ("attribute", "met"),
    [
        ("rubber sole", True),  # an attribute
        ("sole rubber", True),  # the same tokens
        ("rubber soles", True),  # 91 % alike
        ("rubber", True),  # a part of an attribute's tokens
        ("leather sole", False),
        ("for summer", True),  # in a bullet point
        ("slip for", True),  # across two of them, which are joined by a blank
        ("beach", True),  # in the description
        ("kalo sandals", True),  # in the title
        ("kalo boots", False),
    ],
)
def test_where_attributes_are_found(attribute, met):
    assert attributes_met(make_product(), goal_for(attributes=(attribute,))) == met


@pytest.mark.parametrize(
    ("chosen", "wanted", "met"),
    [
        ({"size": "7"}, named(size="7"), 1),
        ({"size": "7"}, named(size="8"), 0),
        ({}, named(size="7"), 0),
        ({"size": "9"}, named(size="9.5"), 1),  # its tokens are among those of "size 9 5"
        ({"color": "light blue"}, named(color="blue"), 1),  # the chosen colour is folded
        ({"color": "blue"}, named(color="light blue"), 1),  # its tokens, again
        ({"color": "r.brown20"}, named(color="r.brown20"), 0),  # folded on one side only
        ({"color": "red", "size": "7"}, named(color="red", size="7"), 2),
        ({"color": "r.brown20"}, (WantedOption("", "r.brown20"),), 1),  # human goals fold both
        ({"color": "dark blue"}, (WantedOption("", "light blue"),), 1),
        ({"size": "x-large"}, (WantedOption("", "large"),), 1),
        ({"size": "small"}, (WantedOption("", "large"),), 0),
    ],
)
def test_options_are_compared_with_colours_folded(chosen, wanted, met):
    assert options_met(chosen, goal_for(options=wanted)) == met


@pytest.mark.parametrize(
    ("fields", "factor"),
    [
        ({}, 1.0),
        ({"title": "Kalo Sandals", "query": "x", "product_category": "y"}, 1.0),
        ({"title": "Other Sandals", "query": "x", "product_category": "y"}, 1.0),
        ({"title": "Boots with Zip"}, 0.0),
        ({"title": "for you"}, 0.0),
    ],
)
def test_kinds(fields, factor):
    assert type_factor(make_product(**fields), make_product(), lexicon_nouns) == factor


@pytest.mark.parametrize(
    ("same", "query", "category", "factor"),
    [
        (1, "x", "y", 0.5),  # a tenth of the nouns
        (2, "x", "y", 0.5),  # a fifth
        (3, "x", "y", 1.0),
        (1, "sandals", "y", 1.0),
        (1, "x", "Shoes › Clothing", 1.0),
        (1, "x", "Clothing › Bags", 0.5),
    ],
)
def test_kinds_by_query_and_category(same, query, category, factor):
    wanted = make_product(title="Alpha Beta Gamma Delta Zeta Theta Iota Kappa Lambda Sigma")
    nouns = wanted.title.split()
    product = make_product(title=" ".join(nouns[:same]), query=query, product_category=category)
    assert type_factor(product, wanted, lexicon_nouns) == factor
    longer = replace(wanted, title=f"{wanted.title} Omega")
    few = type_factor(replace(product, title="Alpha"), longer, lexicon_nouns)
    assert few == 0.1


def test_a_wanted_title_without_nouns():
    wanted = make_product(title="for you")
    assert type_factor(make_product(), wanted, lexicon_nouns) == 1.0
    other = make_product(query="x", product_category="y")
    assert type_factor(other, wanted, lexicon_nouns) == 0.5


def test_the_sum():
    goal = goal_for(attributes=("non slip", "high heel"), options=named(color="red", size="8"))
    product = make_product()
    chosen = {"color": "red", "size": "7"}
    assert reward(product, chosen, 40.0, goal, lexicon_nouns) == 3 / 5
    assert reward(product, chosen, 40.01, goal, lexicon_nouns) == 2 / 5
    assert reward(product, {}, 50.0, goal, lexicon_nouns) == 1 / 5


@cache
def catalogue():
    with TemporaryDirectory() as folder:
        generate_catalogue(Path(folder), 200, seed=5)
        products = read_products(Path(folder), None)
    return products, synthetic_goals(products, 0)


@st.composite
def purchases(draw):
    """Draw a product of the catalogue, some of its options, a price and a goal."""
    products, goals = catalogue()
    product = draw(st.sampled_from(products))
    options = {
        group: draw(st.sampled_from(values))
        for group, values in product.options.items()
        if draw(st.booleans())
    }
    price = draw(st.floats(0, 200))
    return product, options, price, draw(st.sampled_from(goals))


def rewarded(product, options, price, goal):
    return reward(product, options, price, goal, lexicon_nouns)


@given(purchases())
def test_bounds(purchase):
    assert 0 <= rewarded(*purchase) <= 1


@given(purchases(), st.floats(0, 200))
def test_a_lower_price_is_never_worse(purchase, lower):
    product, options, price, goal = purchase
    assume(lower <= price)
    assert rewarded(product, options, lower, goal) >= rewarded(*purchase)


@given(purchases(), st.data())
def test_one_more_attribute_adds_its_share(purchase, data):
    product, options, price, goal = purchase
    attribute = data.draw(st.sampled_from(goal.attributes))
    better = replace(product, attributes=(*product.attributes, attribute))
    gained = attributes_met(better, goal) - attributes_met(product, goal)
    assert gained in (0, 1)
    share = type_factor(product, goal.product, lexicon_nouns) / (
        len(goal.attributes) + len(goal.options) + 1
    )
    difference = rewarded(better, options, price, goal) - rewarded(*purchase)
    assert difference == pytest.approx(gained * share)


@given(purchases(), st.data())
def test_one_more_chosen_option_is_never_worse(purchase, data):
    product, options, price, goal = purchase
    groups = sorted(set(product.options) - set(options))
    assume(groups)
    group = data.draw(st.sampled_from(groups))
    more = {**options, group: data.draw(st.sampled_from(product.options[group]))}
    assert rewarded(product, more, price, goal) >= rewarded(*purchase)


@given(purchases())
def test_what_was_asked_for_is_worth_one(purchase):
    goal = purchase[3]
    options = {option.group: option.value for option in goal.options}
    assert rewarded(goal.product, options, goal.price_bound, goal) == 1
