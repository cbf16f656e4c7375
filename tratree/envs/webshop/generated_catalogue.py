"""Making a catalogue in the format of WebShop's files.

Products come in families of near-duplicates: one brand, one kind, one attribute in the title. The
members of a family differ in price and in what only their own pages tell: options and the other
attributes. So a search for the instruction finds the right family, but not the right member.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tratree.envs.webshop.assortment import BRANDS, RANGES, Range
from tratree.envs.webshop.catalogue import (
    ATTRIBUTES_FILE,
    HUMAN_INSTRUCTIONS_FILE,
    PRODUCTS_FILE,
)
from tratree.errors import UserError

_FAMILY = 5
_ATTRIBUTES, _VALUES = 3, 3
_CHANGE = 0.5
_ASIN = 10
_DOLLARS = range(5, 100, 10)
_SYLLABLES = [consonant + vowel for consonant in "BDKLMNPRST" for vowel in "AEIOU"]
_HUMAN_WORDINGS = (
    "i need {attributes} {kind} in {options}.",
    "i am looking for {kind} with {attributes}, and i want {options}.",
    "find {options} {kind} with {attributes}.",
)


def generate_catalogue(folder: Path, count: int, seed: int) -> None:
    """Write a catalogue into `folder`: products, their attributes, and instructions.

    Args:
        folder: Must exist; files of an earlier catalogue are replaced.
        count: Number of products, at least 1.
        seed: Any integer.

    Raises:
        UserError: If the folder can't be written.
    """
    products, annotations, instructions = [], {}, {}
    for number, asin in enumerate(_identifiers(count, seed)):
        design = _design(number, seed)
        rng = random.Random(f"instructions {seed} {number}")
        products.append({"asin": asin, **_record(design)})
        annotations[asin] = _annotation(design, rng)
        instructions[asin] = [_human_instruction(design, rng, text) for text in _HUMAN_WORDINGS]
    random.Random(f"order {seed}").shuffle(products)
    files = {
        PRODUCTS_FILE: products,
        ATTRIBUTES_FILE: annotations,
        HUMAN_INSTRUCTIONS_FILE: instructions,
    }
    try:
        for stem, content in files.items():
            draft = folder / f"{stem}.draft"
            draft.write_text(json.dumps(content), encoding="utf-8")
            draft.rename(folder / f"{stem}.json")
    except OSError as error:
        raise UserError(f"can't write a catalogue into {folder}: {error.strerror}") from error


class _Design:
    """The design of a generated product; drawn from `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self.range: Range = rng.choice(RANGES)
        self.brand = rng.choice(BRANDS)
        self.kind = rng.choice(self.range.kinds)
        self.attributes = rng.sample(self.range.attributes, _ATTRIBUTES)
        self.options = {group: self._values(group, rng) for group in self.range.options}
        self.dollars = rng.choice(_DOLLARS)

    def vary(self, rng: random.Random) -> None:
        """Draw again some of what is not in the title."""
        if rng.random() < _CHANGE:
            title, *_ = self.attributes
            others = [attribute for attribute in self.range.attributes if attribute != title]
            self.attributes = [title, *rng.sample(others, _ATTRIBUTES - 1)]
        for group in self.options:
            if rng.random() < _CHANGE:
                self.options[group] = self._values(group, rng)
        self.dollars = rng.choice(_DOLLARS)

    def wanted(self, rng: random.Random) -> list[str]:
        """Draw what an instruction asks for: the title's attribute and another one."""
        title, *others = self.attributes
        return rng.sample([title, rng.choice(others)], 2)

    def _values(self, group: str, rng: random.Random) -> list[str]:
        values = self.range.options[group]
        return sorted(rng.sample(values, _VALUES), key=values.index)


def _design(number: int, seed: int) -> _Design:
    family, member = divmod(number, _FAMILY)
    design = _Design(random.Random(f"family {seed} {family}"))
    if member:
        design.vary(random.Random(f"member {seed} {number}"))
    return design


def _identifiers(count: int, seed: int) -> list[str]:
    """Return different ASINs: syllables for the family, digits for the member.

    Catalogues of one size have the same ones; which product has which depends on the seed.
    """
    families, base = -(-count // _FAMILY), len(_SYLLABLES)
    length = 2
    while base**length < families:
        length += 1
    rng = random.Random(f"asin {seed}")
    asins = []
    for code in rng.sample(range(families), families):
        letters = "".join(_SYLLABLES[code // base**place % base] for place in range(length))
        for member in rng.sample(range(1, _FAMILY + 1), _FAMILY):
            asins.append(f"B0{letters}{member:0{_ASIN - len('B0') - len(letters)}d}")
    return asins[:count]


def _record(design: _Design) -> dict[str, Any]:
    return {
        "name": f"{design.brand} {design.kind} with {design.attributes[0]}",
        "full_description": f"{design.kind} by {design.brand}",
        "small_description": [f"made by {design.brand}", *sorted(design.attributes)],
        "pricing": f"${design.dollars}.00",
        "customization_options": {
            group: [{"value": value} for value in values]
            for group, values in design.options.items()
        },
        "images": [""],
        "product_category": f"{design.range.path} › {design.kind}",
        "average_rating": "",
        "category": design.range.category,
        "query": design.kind,
        "page": 1,
    }


def _annotation(design: _Design, rng: random.Random) -> dict[str, Any]:
    wanted = design.wanted(rng)
    return {
        "attributes": design.attributes,
        "instruction": f"Find me {', '.join(wanted)} {design.kind}",
        "instruction_attributes": wanted,
    }


def _human_instruction(design: _Design, rng: random.Random, wording: str) -> dict[str, Any]:
    wanted = design.wanted(rng)
    options = [rng.choice(values) for values in design.options.values()]
    return {
        "instruction": wording.format(
            attributes=" and ".join(wanted), kind=design.kind, options=" and ".join(options)
        ),
        "instruction_attributes": wanted,
        "instruction_options": options,
    }
