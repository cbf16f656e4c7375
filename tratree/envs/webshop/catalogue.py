"""Products, and reading them from files in WebShop's format."""

from __future__ import annotations

import json
import math
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
_AMOUNT = r"\d{1,3}(?:[\s'’]\d{3})+(?!\d)(?:[.,]\d+)?|\d[\d.,]*"


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
        attributes: Attributes that it is said to have, such as "machine wash".
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

    Like the original, it passes over identifiers that are repeated, missing or too long. Where a
    text is expected, null is none, and a list is joined; a missing price is 100 dollars.

    Args:
        folder: Holds ``items_shuffle.json`` and ``items_ins_v2.json``; files for `count` products,
            such as ``items_shuffle_1000.json``, are preferred.
        count: Number of records to read; None reads all.

    Raises:
        UserError: If a file or a field is missing or damaged.
    """
    path = file_for(folder, PRODUCTS_FILE, count)
    records = read_json(path, list)[:count]
    attributes = read_json(file_for(folder, ATTRIBUTES_FILE, count), dict)
    products: dict[str, Product] = {}
    for number, record in enumerate(records):
        try:
            asin = record["asin"]
            if asin is None or asin == "nan" or len(asin) > _LONGEST_ASIN or asin in products:
                continue
            products[asin] = _product(record, attributes.get(asin, {}))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            asin = record.get("asin") if isinstance(record, dict) else "unknown"
            raise UserError(
                f"{path}: product {number} is not in WebShop's format "
                f"({type(error).__name__}: {error}, asin {asin}); correct it, or download the file "
                "again"
            ) from error
    return list(products.values())


def read_json(path: Path, kind: type) -> Any:
    """Read a JSON file whose outermost value is a list or an object.

    Raises:
        UserError: If it is missing or damaged.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"can't read {path} ({error.strerror}): download it first") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}): download it again") from error
    if not isinstance(data, kind):
        raise UserError(f"{path} holds no JSON {kind.__name__}: download it again")
    return data


def file_for(folder: Path, stem: str, count: int | None) -> Path:
    """Return the file called `stem`: the one made for `count` products where it exists."""
    for_count = folder / f"{stem}_{count}.json"
    return for_count if for_count.exists() else folder / f"{stem}.json"


def _product(record: Mapping[str, Any], annotation: Any) -> Product:
    bullet_points = record["small_description"]
    annotation = annotation or {}
    return Product(
        asin=record["asin"],
        title=text(record["name"], "name"),
        description=text(record["full_description"], "full_description"),
        bullet_points=texts(bullet_points, "small_description") or ("",),
        prices=read_prices(record.get("pricing")),
        options=_options(record["customization_options"]),
        attributes=texts(annotation.get("attributes"), "attributes") or ("DUMMY_ATTR",),
        category=text(record["category"], "category"),
        query=text(record["query"], "query").lower().strip(),
        product_category=text(record["product_category"], "product_category"),
        instruction=text(annotation.get("instruction"), "instruction"),
        instruction_attributes=texts(
            annotation.get("instruction_attributes"), "instruction_attributes"
        ),
    )


def read_prices(pricing: Any) -> tuple[float, ...]:
    """Return one price, or the lowest and the highest, in dollars; 100 where none is told.

    Args:
        pricing: A text with amounts in any currency, which counts as dollars; a number; or a list
            of such.

    Raises:
        TypeError: If it is something else.
    """
    told = [price for price in _told(pricing) if 0 <= price < math.inf]
    return tuple(told[:2]) or (_UNKNOWN_PRICE,)


def _told(pricing: Any) -> list[float]:
    if pricing is None:
        return []
    if isinstance(pricing, list):
        return [price for each in pricing for price in _told(each)]
    if isinstance(pricing, str):
        dollars = re.findall(rf"\$\s*({_AMOUNT})", pricing)
        parts = re.split(r"-|–|\bto\b", pricing)
        amounts = dollars or [found[0] for part in parts if (found := re.search(_AMOUNT, part))]
        return [price for price in map(_amount, amounts) if price is not None]
    if isinstance(pricing, bool) or not isinstance(pricing, int | float):
        raise TypeError(f"pricing has a {type(pricing).__name__} for a price")
    return [float(pricing)]


def _amount(text: str) -> float | None:
    """Return an amount such as ``1.299,00``, ``1 299,00`` or ``1,299.00``; None if it is none."""
    digits = re.sub(r"[\s'’]", "", text).rstrip(".,")
    comma_is_decimal = re.fullmatch(r"\d+,\d{1,2}|\d{1,3}(\.\d{3})+,\d+", digits)
    if comma_is_decimal:
        digits = digits.replace(".", "").replace(",", ".")
    try:
        return float(digits.replace(",", ""))
    except ValueError:
        return None


def _options(groups: Any) -> dict[str, tuple[str, ...]]:
    if groups and not isinstance(groups, dict):
        raise TypeError(f"customization_options is a {type(groups).__name__}")
    return {
        name.lower(): tuple(
            _option_value(value)
            for choice in (choices if isinstance(choices, list) else [choices])
            if (value := _choice(choice)) is not None
        )
        for name, choices in (groups or {}).items()
        if choices is not None
    }


def _choice(choice: Any) -> str | None:
    value = choice["value"] if isinstance(choice, dict) else choice
    return None if value is None else text(value, "customization_options")


def _option_value(text: str) -> str:
    return text.strip().replace("/", " | ").lower()


def text(value: Any, field: str) -> str:
    """Return the text of a field; of a list its parts in a line, of null nothing."""
    return " ".join(texts(value, field))


def texts(value: Any, field: str) -> tuple[str, ...]:
    """Return the texts of a field, which may be one, a list, or null.

    Raises:
        TypeError: If it holds something else.
    """
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(text for each in value for text in texts(each, field))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (str(value),)
    if not isinstance(value, str):
        raise TypeError(f"{field} has a {type(value).__name__} for a text")
    return (value,)
