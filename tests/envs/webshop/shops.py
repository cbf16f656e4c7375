"""Environments and buyers for the tests of WebShop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tratree.envs.base import StepResult
from tratree.envs.webshop.catalogue import Product, read_products
from tratree.envs.webshop.environment import WebShopEnv
from tratree.envs.webshop.goals import Goal, synthetic_goals
from tratree.envs.webshop.nouns import lexicon_nouns
from tratree.envs.webshop.pages import SEPARATOR
from tratree.envs.webshop.settings import WebShopSettings
from tratree.trajectory.types import Task


def open_shop(
    folder: Path,
    *,
    goals: Sequence[Goal] | None = None,
    pages: str = "official",
    attributes_button: bool = False,
    price_seed: int = 0,
) -> WebShopEnv:
    """Open the catalogue of up to 1,000 products in `folder`, all goals in one split."""
    products = read_products(folder, 1000)
    goals = synthetic_goals(products, price_seed) if goals is None else goals
    return WebShopEnv(
        products,
        goals,
        {"all": range(len(goals))},
        WebShopSettings(
            name="webshop", pages=pages, attributes_button=attributes_button, price_seed=price_seed
        ),
        lexicon_nouns,
    )


def make_product(**fields: Any) -> Product:
    """Return a product; what is not given is filled in."""
    defaults: dict[str, Any] = {
        "asin": "B000000001",
        "title": "Kalo Sandals with Rubber Sole",
        "description": "Sandals for the beach.",
        "bullet_points": ("Non slip", "For Summer"),
        "prices": (25.0,),
        "options": {"color": ("red", "navy"), "size": ("7", "8")},
        "attributes": ("rubber sole", "non slip"),
        "category": "fashion",
        "query": "sandals",
        "product_category": "Clothing › Shoes › Sandals",
        "instruction": "Find me non slip sandals",
        "instruction_attributes": ("non slip",),
    }
    return Product(**{**defaults, **fields})


def buy_like_an_oracle(env: WebShopEnv, task: Task, goal: Goal) -> StepResult:
    """Buy the product that the goal was made from, with the wanted options."""
    env.reset(task)
    result = env.step(f"search[{goal.product.title}]")
    while goal.product.asin not in result.observation.split(SEPARATOR):
        result = env.step("click[Next >]")
    env.step(f"click[{goal.product.asin}]")
    for option in goal.options:
        assert env.step(f"click[{option.value}]").valid
    return env.step("click[Buy Now]")


def buy_first_hit(env: WebShopEnv, task: Task) -> StepResult:
    """Search for the instruction and buy what comes first, as it is."""
    env.reset(task)
    parts = env.step(f"search[{task.instruction}]").observation.split(SEPARATOR)
    env.step(f"click[{parts[parts.index('Next >') + 1]}]")
    return env.step("click[Buy Now]")


def raw_product(**fields: Any) -> Mapping[str, Any]:
    """Return a record of ``items_shuffle.json``; what is not given is filled in."""
    return {
        "asin": "B000000001",
        "name": "Sandals",
        "full_description": "",
        "small_description": ["Non slip"],
        "pricing": "$25.00",
        "customization_options": "",
        "category": "fashion",
        "query": " Sandals ",
        "product_category": "Shoes › Sandals",
        **fields,
    }
