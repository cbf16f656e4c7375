"""Count the official catalogue's goals that can be met, and under which reading of the reward.

    python experiments/webshop_oracle/run.py --data FOLDER

It buys, for every synthetic goal, the product that the goal was made from with the options that the
goal names, and counts full rewards; then it looks for any purchase at all that gives one.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tratree.envs.webshop.catalogue import Product, read_products
from tratree.envs.webshop.colours import fold_colour
from tratree.envs.webshop.goals import Goal, WantedOption, synthetic_goals
from tratree.envs.webshop.nouns import lexicon_nouns
from tratree.envs.webshop.prices import purchase_price
from tratree.envs.webshop.reward import attributes_met, option_similar, type_factor

Meets = Callable[[str, WantedOption], bool]
"""Predicate: a chosen value counts as a wanted option."""


def original(value: str, wanted: WantedOption) -> bool:
    """The original: the chosen value folded, the wanted pair hardly ever."""
    return option_similar(value, wanted)


def both_folded(value: str, wanted: WantedOption) -> bool:
    """Values are compared, both folded, as the original does it for human goals."""
    return option_similar(value, WantedOption("", wanted.value))


def as_written(value: str, wanted: WantedOption) -> bool:
    """Values are compared as they are shown."""
    return value == wanted.value


READINGS: dict[str, Meets] = {
    "original": original,
    "both folded": both_folded,
    "as written": as_written,
}


def met_by_the_oracle(goal: Goal, meets: Meets) -> bool:
    """Return whether the goal's own product with the goal's own options meets it."""
    chosen = [option.value for option in goal.options]
    options = all(any(meets(value, wanted) for value in chosen) for wanted in goal.options)
    return options and _met_but_for_options(goal, goal.product)


def met_by_any(goal: Goal, products: Sequence[Product]) -> bool:
    """Return whether some product, with one value of each of its option groups, meets it."""
    return any(
        _options_can_be_met(goal, product)
        for product in products
        if _met_but_for_options(goal, product)
    )


def _met_but_for_options(goal: Goal, product: Product) -> bool:
    return (
        purchase_price(product, 0) <= goal.price_bound
        and attributes_met(product, goal) == len(goal.attributes)
        and type_factor(product, goal.product, lexicon_nouns) == 1
    )


def _options_can_be_met(goal: Goal, product: Product) -> bool:
    reachable = {frozenset[WantedOption]()}
    for values in product.options.values():
        met_by_one = {
            frozenset(wanted for wanted in goal.options if option_similar(value, wanted))
            for value in values
        }
        reachable |= {before | more for before in reachable for more in met_by_one}
    return frozenset(goal.options) in reachable


def main() -> None:
    """Count, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="with items_shuffle_1000.json")
    arguments = parser.parse_args()
    products = read_products(arguments.data, 1000)
    goals = synthetic_goals(products, 0)
    met = {
        name: sum(met_by_the_oracle(goal, meets) for goal in goals)
        for name, meets in READINGS.items()
    }
    unmet = [goal for goal in goals if not met_by_the_oracle(goal, original)]
    by_others = sum(met_by_any(goal, products) for goal in unmet)
    folded = Counter(
        fold_colour(option.value)
        for goal in unmet
        for option in goal.options
        if not option_similar(option.value, option)
    )
    measured = {
        "goals": len(goals),
        "met_by_the_oracle": met,
        "not_met_under_the_original": len(unmet),
        "of_these_met_by_another_purchase": by_others,
        "products_of_these": len({goal.product.asin for goal in unmet}),
        "their_values_are_folded_to": dict(folded.most_common()),
    }
    print(json.dumps({"experiment": "webshop_oracle", **measured}))


if __name__ == "__main__":
    main()
