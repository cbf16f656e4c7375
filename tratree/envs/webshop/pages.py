"""The pages of the shop: where their links lead, and their text.

A page is all that an episode has for a state, and it never changes: a click leads to another page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tratree.envs.webshop.catalogue import Product
from tratree.envs.webshop.settings import WebShopSettings

_BACK, _PREVIOUS, _NEXT, _BUY = "Back to Search", "< Prev", "Next >", "Buy Now"
_DETAILS = ("Description", "Features", "Reviews")
_ATTRIBUTES = "Attributes"
SEPARATOR = " [SEP] "


@dataclass(frozen=True)
class PageStyle:
    """The parts that pages show.

    Attributes:
        results: Products on a page of search results.
        repeat_instruction: Whether every page shows the instruction, or only the first.
        attributes_button: Whether a product has a page that lists its attributes.
    """

    results: int
    repeat_instruction: bool
    attributes_button: bool = False


PAGE_STYLES = {
    "official": PageStyle(results=10, repeat_instruction=True),
    "compact": PageStyle(results=5, repeat_instruction=False),
}


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        kind: ``search`` (where an episode starts), ``results``, ``item``, the button that opened
            a page of details, such as ``Features``, or ``done``.
        found: The products found by the last search, best first.
        number: Number of the page of results that was shown last, from 1.
        product: The product that was opened.
        options: Its chosen options by group.
    """

    kind: str = "search"
    found: tuple[Product, ...] = ()
    number: int = 1
    product: Product | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def page_style(settings: WebShopSettings) -> PageStyle:
    """Return the style that the settings name."""
    return replace(PAGE_STYLES[settings.pages], attributes_button=settings.attributes_button)


def links(page: Page, style: PageStyle) -> dict[str, Page]:
    """Return what can be clicked on a page, as shown, and the page it leads to.

    Of links that differ only in case, the last is meant.
    """
    if page.kind in ("search", "done"):
        return {}
    targets = {_BACK: Page()}
    if page.kind == "results":
        if page.number > 1:
            targets[_PREVIOUS] = replace(page, number=page.number - 1)
        targets[_NEXT] = replace(page, number=page.number + 1)
        for product in _shown(page, style):
            targets[product.asin] = replace(page, kind="item", product=product)
    elif page.product is not None and page.kind == "item":
        for group, values in page.product.options.items():
            for value in values:
                targets[value] = replace(page, options={**page.options, group: value})
        targets[_PREVIOUS] = Page("results", page.found, page.number)
        for button in _buttons(style):
            targets[button] = replace(page, kind=button)
        targets[_BUY] = replace(page, kind="done")
    else:
        targets[_PREVIOUS] = replace(page, kind="item")
    return targets


def text(page: Page, instruction: str, style: PageStyle, reward: float = 0.0) -> str:
    """Return a page as the agent sees it; `reward` is on page ``done``."""
    if page.kind == "search":
        parts = ["WebShop", "Instruction:", instruction, "Search"]
    elif page.kind == "done":
        parts = _done_parts(page, reward)
    else:
        parts = ["Instruction:", instruction] if style.repeat_instruction else []
        parts += [_BACK, *_main_parts(page, style)]
    return SEPARATOR.join(part.strip() for part in parts)


def _main_parts(page: Page, style: PageStyle) -> list[str]:
    product = page.product
    if product is None:
        parts = [f"Page {page.number} (Total results: {len(page.found)})"]
        parts += [_PREVIOUS, _NEXT] if page.number > 1 else [_NEXT]
        for found in _shown(page, style):
            parts += [found.asin, found.title, found.price_tag]
        return parts
    if page.kind == "item":
        options = [part for group in product.options.items() for part in (group[0], *group[1])]
        return [
            _PREVIOUS,
            *options,
            product.title,
            f"Price: {product.price_tag}",
            "Rating: N.A.",
            *_buttons(style),
            _BUY,
        ]
    details = {
        "Description": [product.description] if product.description else [],
        "Features": list(product.bullet_points),
        "Reviews": [],
        _ATTRIBUTES: [
            *product.attributes,
            product.category,
            product.query,
            product.product_category,
        ],
    }
    return [_PREVIOUS, *details[page.kind]]


def _done_parts(page: Page, reward: float) -> list[str]:
    """Return the original's last page; what it hides from the agent is None or left out."""
    assert page.product is not None
    chosen = ("Purchased", "asin", page.product.asin, "options", json.dumps(dict(page.options)))
    unknown = ("attrs", "None", "category", "None", "query", "None", "product category", "None")
    goal = ("Target", "asin", "options", "attrs", "price upper", "instuction text", "category")
    return [
        *("Thank you for shopping with us!", "Your code:", "None"),
        *("(Paste it in your MTurk interface.)", *chosen, *unknown),
        *(*goal, "product category", "query", "Goal", "None", "Reward"),
        *("Your score (min 0.0, max 1.0)", str(reward), "Reward Details", "None"),
    ]


def _shown(page: Page, style: PageStyle) -> tuple[Product, ...]:
    return page.found[(page.number - 1) * style.results : page.number * style.results]


def _buttons(style: PageStyle) -> tuple[str, ...]:
    return (*_DETAILS, _ATTRIBUTES) if style.attributes_button else _DETAILS
