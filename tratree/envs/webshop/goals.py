"""The agent's goals: what it is asked to buy."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tratree.envs.webshop.catalogue import (
    HUMAN_INSTRUCTIONS_FILE,
    Product,
    read_json,
    text,
    texts,
)
from tratree.envs.webshop.prices import NO_BOUND, price_bound
from tratree.errors import UserError

_SHUFFLE_SEED = 233  # the original's: a goal has the same number as there


@dataclass(frozen=True, slots=True)
class WantedOption:
    """An option value that a goal asks for.

    Attributes:
        group: The option group, such as color; empty if the goal does not name it.
        value: The value.
    """

    group: str
    value: str


@dataclass(frozen=True, slots=True)
class Goal:
    """An instruction and its meaning; an agent sees only the instruction.

    Attributes:
        instruction: The wish in words.
        product: The product that the goal was made from.
        attributes: The wanted attributes; at least one.
        options: The wanted options.
        price_bound: Highest price, in dollars.
    """

    instruction: str
    product: Product
    attributes: tuple[str, ...]
    options: tuple[WantedOption, ...]
    price_bound: float


def synthetic_goals(products: Sequence[Product], seed: int) -> list[Goal]:
    """Return a goal for each product with an instruction and each combination of its options."""
    return _shuffled(_synthetic(products, seed))


def human_goals(products: Sequence[Product], folder: Path, seed: int) -> list[Goal]:
    """Return a goal for each instruction of ``items_human_ins.json`` that names an attribute.

    People wrote them. `seed` draws the price bounds.

    Raises:
        UserError: If the file is missing or damaged.
    """
    path = folder / f"{HUMAN_INSTRUCTIONS_FILE}.json"
    written = read_json(path, dict)
    goals: list[Goal] = []
    for product in products:
        try:
            goals += _human(product, written.get(product.asin) or (), seed)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is not in WebShop's format at product {product.asin} "
                f"({type(error).__name__}: {error}): correct it or download the file again"
            ) from error
    return _shuffled(goals)


def _synthetic(products: Sequence[Product], seed: int) -> Iterator[Goal]:
    for product in products:
        if not product.instruction:
            continue
        bound = price_bound(product, seed)
        groups = sorted(product.options)
        for values in itertools.product(*(product.options[group] for group in groups)):
            options = tuple(map(WantedOption, groups, values))
            wish = ", and ".join(f"{option.group}: {option.value}" for option in options)
            instruction = f"{product.instruction} with {wish}" if wish else product.instruction
            yield Goal(
                instruction + _bound_text(bound),
                product,
                product.instruction_attributes,
                options,
                bound,
            )


def _human(product: Product, written: Sequence[Mapping[str, Any]], seed: int) -> Iterator[Goal]:
    for number, record in enumerate(written):
        attributes = texts(record["instruction_attributes"], "instruction_attributes")
        if not attributes:
            continue
        bound = price_bound(product, seed, number)
        yield Goal(
            text(record["instruction"], "instruction").strip(".") + _bound_text(bound),
            product,
            attributes,
            tuple(
                WantedOption("", value)
                for value in texts(record["instruction_options"], "instruction_options")
            ),
            bound,
        )


def _bound_text(bound: float) -> str:
    return "" if bound == NO_BOUND else f", and price lower than {bound:.2f} dollars"


def _shuffled(goals: Iterable[Goal]) -> list[Goal]:
    order = list(goals)
    random.Random(_SHUFFLE_SEED).shuffle(order)
    return order
