"""The reward of a purchase (Yao et al., 2022, equation 1, as the original computes it)."""

from __future__ import annotations

from collections.abc import Mapping

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from tratree.envs.webshop.catalogue import Product
from tratree.envs.webshop.colours import COLOURS, fold_colour
from tratree.envs.webshop.goals import Goal, WantedOption
from tratree.envs.webshop.nouns import Tagger

_SIMILAR = 85


def reward(
    product: Product, options: Mapping[str, str], price: float, goal: Goal, nouns: Tagger
) -> float:
    """Return the reward of a purchase in [0, 1].

    It is the share of wanted attributes, wanted options and the price bound that are met, times
    `type_factor`.

    Args:
        product: Product that is bought.
        options: The chosen value of each option group.
        price: Price that is paid, in dollars.
        goal: Goal that was asked for.
        nouns: Finds the nouns of a title.
    """
    met = attributes_met(product, goal) + options_met(options, goal) + (price <= goal.price_bound)
    wanted = len(goal.attributes) + len(goal.options) + 1
    return met / wanted * type_factor(product, goal.product, nouns)


def type_factor(product: Product, wanted: Product, nouns: Tagger) -> float:
    """Judge whether a product is of the wanted kind: 1.0, 0.5, 0.1 or 0.0.

    It depends on the nouns of the wanted title that the product's title has: none give 0.0, less
    than a tenth 0.1. Otherwise it is 1.0 if they are more than a fifth, or both products were
    found by the same query, or their category paths share two parts; else 0.5.
    """
    wanted_nouns = nouns(wanted.title)
    shared = set(nouns(product.title)) & set(wanted_nouns)
    share = len(shared) / len(wanted_nouns) if wanted_nouns else 0.2
    if share == 0:
        return 0.0
    if share < 0.1:
        return 0.1
    same_kind = (
        share > 0.2
        or product.query == wanted.query
        or len(_path_parts(product) & _path_parts(wanted)) >= 2
    )
    return 1.0 if same_kind else 0.5


def attributes_met(product: Product, goal: Goal) -> int:
    """Count the wanted attributes that the product's attributes, title or texts have."""
    texts = (product.title, " ".join(product.bullet_points), product.description)
    return sum(
        any(_similar(own, wanted) for own in product.attributes)
        or any(wanted in text.lower() for text in texts)
        for wanted in goal.attributes
    )


def options_met(options: Mapping[str, str], goal: Goal) -> int:
    """Count the wanted options that a chosen value is similar to, colours folded."""
    return sum(
        any(option_similar(value, wanted) for value in options.values()) for wanted in goal.options
    )


def option_similar(value: str, wanted: WantedOption) -> bool:
    """Return whether a chosen value counts as a wanted option."""
    return _similar(fold_colour(value), _option_text(wanted))


def _path_parts(product: Product) -> set[str]:
    return {part.strip() for part in product.product_category.split("›")}


def _option_text(wanted: WantedOption) -> str:
    """Return what chosen values are compared with.

    The original compares with the printed pair of group and value, and folds it only if the whole
    value is a colour. So a value such as ``r.brown2070``, which is folded when chosen, never
    counts as met (``experiments/webshop_oracle``).
    """
    if not wanted.group:
        return fold_colour(wanted.value)
    pair = (wanted.group, wanted.value)
    return next((colour for colour in COLOURS if colour in pair), str(pair))


def _similar(text: str, wanted: str) -> bool:
    ratio = fuzz.token_set_ratio(_plain(text), _plain(wanted))
    return round(ratio) > _SIMILAR


def _plain(text: str) -> str:
    return default_process(text.encode("ascii", "ignore").decode())
