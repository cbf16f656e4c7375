"""The range of the generated catalogue: kinds of products, their attributes and options.

The words are few and come again and again, so that a small model can learn them all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Kinds of products that share attributes and options.

    Attributes:
        category: One of WebShop's five.
        path: Place of the kinds in the shop's tree.
        kinds: Their names; the query that finds them, too.
        attributes: Attributes that such products can have; no two are similar enough to
            count as equal.
        options: For each option group, the values that such products can come in.
    """

    category: str
    path: str
    kinds: tuple[str, ...]
    attributes: tuple[str, ...]
    options: dict[str, tuple[str, ...]]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


_COLOURS = _names("black, white, red, blue, green, brown")
_BOTTLES = _names("mini, small, medium, large, double, family")
_STYLES = _names("classic, modern, retro, sport, travel, studio")
_TASTES = _names("chocolate, vanilla, caramel, lemon, coconut, cherry")

BRANDS = _names("kalo, miro, tavi, zoru, nexa, lumo, vexi, sola")

RANGES = (
    Range(
        "fashion",
        "Clothing, Shoes & Jewelry › Shoes",
        _names("sandals, loafers, boots"),
        _names(
            "rubber sole, leather sole, non slip, memory foam, "
            "arch support, ankle strap, open toe, high heel"
        ),
        {"color": _COLOURS, "size": _names("6, 7, 8, 9, 10, 11")},
    ),
    Range(
        "fashion",
        "Clothing, Shoes & Jewelry › Clothing",
        _names("hoodies, dresses, shorts"),
        _names(
            "machine wash, hand wash, long sleeve, quick drying, "
            "slim fit, loose fit, high waist, soft material"
        ),
        {"color": _COLOURS, "size": _names("mini, small, medium, large, tall, wide")},
    ),
    Range(
        "garden",
        "Home & Kitchen › Furniture",
        _names("ottomans, chairs, beds"),
        _names(
            "solid wood, faux leather, easy assemble, easy clean, "
            "heavy duty, storage space, memory foam, high density"
        ),
        {"color": _COLOURS, "style": _STYLES},
    ),
    Range(
        "grocery",
        "Grocery & Gourmet Food › Snack Foods",
        _names("cookies, chips, granola"),
        _names(
            "gluten free, sugar free, dairy free, plant based, "
            "high protein, low fat, non gmo, natural ingredients"
        ),
        {"flavor name": _TASTES, "size": _BOTTLES},
    ),
    Range(
        "beauty",
        "Beauty & Personal Care › Skin & Hair",
        _names("lotions, shampoos, masks"),
        _names(
            "paraben free, cruelty free, long lasting, easy apply, "
            "tea tree, argan oil, dry hair, natural ingredients"
        ),
        {"scent": _TASTES, "size": _BOTTLES},
    ),
    Range(
        "electronics",
        "Electronics › Audio",
        _names("headphones, speakers, radios"),
        _names(
            "fast charging, long lasting, noise cancelling, water resistant, "
            "easy carry, plug play, heavy duty, stereo sound"
        ),
        {"color": _COLOURS, "style": _STYLES},
    ),
)
