"""Prices that the original draws without a seed: here each follows from a seed and a name."""

from __future__ import annotations

import random

from tratree.envs.webshop.catalogue import Product

NO_BOUND = 1_000_000.0
_STEPS = [10.0 * step for step in range(1, 100)]


def purchase_price(product: Product, seed: int) -> float:
    """Return what is paid, in dollars: drawn between the lowest and the highest price."""
    if len(product.prices) == 1:
        return product.prices[0]
    return random.Random(f"price {seed} {product.asin}").uniform(*product.prices)


def price_bound(product: Product, seed: int, number: int = 0) -> float:
    """Draw what a goal allows to pay at most: the larger of two of the next four tens of dollars.

    Args:
        product: The product that the goal was made from.
        seed: The seed of `purchase_price` too.
        number: Tells apart several goals with bounds of their own.

    Returns:
        `NO_BOUND` if the price is too high to have two such tens below 1,000 dollars.
    """
    price = purchase_price(product, seed)
    higher = [step for step in _STEPS if step > price][:4]
    if len(higher) < 2:
        return NO_BOUND
    return max(random.Random(f"bound {seed} {product.asin} {number}").sample(higher, 2))
