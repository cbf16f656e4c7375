"""Products, and reading them from files in WebShop's format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tratree.errors import UserError

PRODUCTS_FILE, ATTRIBUTES_FILE = "items_shuffle", "items_ins_v2"
HUMAN_INSTRUCTIONS_FILE = "items_human_ins"

_UNKNOWN_PRICE = 100.0
_LONGEST_ASIN = 10


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Attributes:
        asin: Its identifier, unique in a catalogue.
        title: Its name as shown.
        description: The text of page Description; may be empty.
        bullet_points: The lines of page Features; at least one, may be empty.
        prices: One price, or the lowest and the highest of its variants, in dollars.
        options: For each group, such as color, the values to choose from; all lower-case.
        attributes: What it is said to be, such as "machine wash".
        category: One of WebShop's five, such as fashion.
        query: The search that found it on the original shop, lower-case.
        product_category: Its path in the shop's tree, parts joined by ›.
        instruction: A generic instruction to find it, options and price apart; may be empty.
        instruction_attributes: The attributes that this instruction names.
    """

    asin: str
    title: str
    description: str
    bullet_points: tuple[str, ...]
    prices: tuple[float, ...]
    options: Mapping[str, tuple[str, ...]]
    attributes: tuple[str, ...]
    category: str
    query: str
    product_category: str
    instruction: str
    instruction_attributes: tuple[str, ...]

    @property
    def price_tag(self) -> str:
        """The price as shown: ``$7.5``, or ``$7.5 to $10.0``."""
        return " to ".join(f"${price}" for price in self.prices)


def read_products(folder: Path, count: int | None) -> list[Product]:
    """Read the first `count` records of a catalogue, or all of them.

    Like the original, it passes over identifiers that are repeated, missing or too long.

    Args:
        folder: Holds ``items_shuffle.json`` and ``items_ins_v2.json``; files for `count` products,
            such as ``items_shuffle_1000.json``, are preferred.
        count: How many records to read; None reads all.

    Raises:
        UserError: If a file or a field is missing or damaged.
    """
    path = _path(folder, PRODUCTS_FILE, count)
    records = read_json(path, list)[:count]
    attributes = read_json(_path(folder, ATTRIBUTES_FILE, count), dict)
    products: dict[str, Product] = {}
    for number, record in enumerate(records):
        try:
            asin = record["asin"]
            if asin == "nan" or len(asin) > _LONGEST_ASIN or asin in products:
                continue
            products[asin] = _product(record, attributes.get(asin, {}))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: product {number} is not in WebShop's format "
                f"({type(error).__name__}: {error}); download the file again"
            ) from error
    return list(products.values())


def read_json(path: Path, kind: type) -> Any:
    """Read a JSON file whose outermost value is of a kind.

    Raises:
        UserError: If it is missing or damaged.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"can't read {path} ({error.strerror}): download it first") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}): download it again") from error
    if not isinstance(data, kind):
        raise UserError(f"{path} holds no JSON {kind.__name__}: download it again")
    return data


def _path(folder: Path, stem: str, count: int | None) -> Path:
    for_count = folder / f"{stem}_{count}.json"
    return for_count if for_count.exists() else folder / f"{stem}.json"


def _product(record: Mapping[str, Any], annotation: Mapping[str, Any]) -> Product:
    bullet_points = record["small_description"]
    return Product(
        asin=record["asin"],
        title=record["name"],
        description=record["full_description"] or "",
        bullet_points=tuple(bullet_points if isinstance(bullet_points, list) else [bullet_points]),
        prices=_prices(record.get("pricing")),
        options={
            name.lower(): tuple(_option_value(choice["value"]) for choice in choices)
            for name, choices in (record["customization_options"] or {}).items()
            if choices is not None
        },
        attributes=tuple(annotation.get("attributes", ("DUMMY_ATTR",))),
        category=record["category"],
        query=record["query"].lower().strip(),
        product_category=record["product_category"],
        instruction=annotation.get("instruction") or "",
        instruction_attributes=tuple(annotation.get("instruction_attributes") or ()),
    )


def _prices(pricing: str | list[float] | None) -> tuple[float, ...]:
    if not pricing:
        return (_UNKNOWN_PRICE,)
    if isinstance(pricing, str):
        pricing = [float(re.sub(r"[^\d.]", "", price)) for price in pricing.split("$")[1:]]
    return tuple(float(price) for price in pricing[:2])


def _option_value(text: str) -> str:
    return text.strip().replace("/", " | ").lower()
