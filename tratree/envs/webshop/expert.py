"""An expert that shops from what an agent sees: it searches, compares, chooses options and buys.

It reads the instruction and the pages, never the goal behind them. Every action comes with a
thought of a few words that names the current subgoal, such as ``search``, ``compare``,
``check features``, ``no white``, ``choose white`` or ``buy``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tratree.envs.base import StepResult
from tratree.envs.webshop.actions import one_line
from tratree.envs.webshop.pages import SEPARATOR
from tratree.envs.webshop.wish import Wish, read_instruction

_RESULTS = re.compile(r"Page \d+ \(Total results: \d+\)")
_PRICE = re.compile(r"\$([\d.]+)")
_RANKS_OF_A_PRICE = 5  # places by which an offer above the bound is put back
_LONGEST_NAME = 3  # words of an attribute; prose is longer and words things otherwise
_TO_ANOTHER, _TO_FEATURES = 2, 2  # clicks: back and open; open and back


@dataclass
class _Offer:
    """The known facts about one search result.

    Attributes:
        asin: Its identifier.
        rank: Its place among the results.
        title: Its title.
        affordable: Whether its highest price is within the bound.
        lacking: Words of the wish that were not read about it.
        missing: Wanted option values that it does not have.
        choices: Its option values to choose; None before it was opened.
        checked: Whether its features were read.
    """

    asin: str
    rank: int
    title: str
    affordable: bool
    lacking: tuple[str, ...]
    missing: tuple[str, ...] = ()
    choices: list[str] | None = None
    checked: bool = False

    def steps_to_buy(self) -> int:
        """Return the steps from its page to the end."""
        return len(self.choices or ()) + 1


class CarefulBuyer:
    """Plays one episode from its reset; see `tratree.envs.base.Expert`.

    It opens the results in their order, those above the price bound later, leaves those that lack
    something as long as there are steps for it, and buys the best that it saw.

    Args:
        instruction: The goal in words.
        admissible: Returns the actions that the environment would accept now.
        max_steps: Number of steps that an episode has.
    """

    def __init__(
        self, instruction: str, admissible: Callable[[], list[str]], max_steps: int
    ) -> None:
        self._wish = read_instruction(instruction)
        self._admissible = admissible
        self._steps_left = max_steps
        self._offers: list[_Offer] = []
        self._open: _Offer | None = None
        self._decided = False

    def __call__(self, result: StepResult) -> tuple[str, str]:
        """Return the thought and the action for the latest result."""
        parts = result.observation.split(SEPARATOR)
        if any(map(_RESULTS.fullmatch, parts)):
            thought, action = self._at_results(parts)
        elif self._open is None:
            thought, action = "search", f"search[{self._wish.keywords()}]"
        elif "Buy Now" in parts:
            thought, action = self._at_item(self._open, parts)
        else:
            thought, action = self._at_features(self._open, parts)
        self._steps_left -= 1
        return thought, action

    def _at_results(self, parts: list[str]) -> tuple[str, str]:
        if not self._offers:
            self._offers = _read_offers(parts, self._wish)
        if not self._offers:
            return "search", f"search[{self._wish.keywords()}]"
        if self._decided:
            self._open = self._best()
        else:
            self._open = min(self._unopened(), key=_promise)
        return "compare", f"click[{self._open.asin}]"

    def _at_item(self, offer: _Offer, parts: list[str]) -> tuple[str, str]:
        if offer.choices is None:
            self._read_options(offer, parts)
        if not self._decided:
            if offer.missing and self._may_leave(offer):
                return f"no {offer.missing[0]}", "click[< Prev]"
            spare = self._steps_left - offer.steps_to_buy()
            if offer.lacking and not offer.checked and spare >= _TO_FEATURES:
                return "check features", "click[Features]"
            if offer.lacking and self._may_leave(offer):
                return f"no {offer.lacking[0]}", "click[< Prev]"
            self._decided = True
            best = self._best()
            if best is not offer and self._steps_left >= _TO_ANOTHER + best.steps_to_buy():
                return "go back", "click[< Prev]"
        if offer.choices:
            value = offer.choices.pop(0)
            return f"choose {value}", f"click[{value}]"
        return "buy", "click[Buy Now]"

    def _at_features(self, offer: _Offer, parts: list[str]) -> tuple[str, str]:
        offer.checked = True
        features = parts[parts.index("< Prev") + 1 :]
        is_list = all(len(feature.split()) <= _LONGEST_NAME for feature in features)
        lacking = self._wish.lacking(features) if is_list else ()
        offer.lacking = tuple(word for word in offer.lacking if word in lacking)
        return f"no {offer.lacking[0]}" if offer.lacking else "good", "click[< Prev]"

    def _read_options(self, offer: _Offer, parts: list[str]) -> None:
        offer.choices = self._wish.choices(_read_groups(parts, self._admissible()))
        wanted = self._wish.options.values()
        offer.missing = tuple(value for value in wanted if value not in offer.choices)
        read = (offer.title, *offer.choices)
        offer.lacking = tuple(w for w in offer.lacking if w in self._wish.lacking(read))

    def _may_leave(self, offer: _Offer) -> bool:
        """Say whether to look at another offer: an affordable one, with a step to spare."""
        promising = any(other.affordable for other in self._unopened())
        its_steps_to_buy = max(offer.steps_to_buy(), len(self._wish.options) + 1)
        return promising and self._steps_left >= _TO_ANOTHER + its_steps_to_buy

    def _unopened(self) -> list[_Offer]:
        return [offer for offer in self._offers if offer.choices is None]

    def _best(self) -> _Offer:
        opened = [offer for offer in self._offers if offer.choices is not None]
        return min(opened, key=lambda o: (_faults(o), o.rank))


def _promise(offer: _Offer) -> int:
    """Return where an offer that was not opened yet comes in the order of opening."""
    return offer.rank if offer.affordable else offer.rank + _RANKS_OF_A_PRICE


def _faults(offer: _Offer) -> float:
    """Count what speaks against an offer; most attributes have two words."""
    return (not offer.affordable) + len(offer.missing) + len(offer.lacking) / 2


def _read_offers(parts: list[str], wish: Wish) -> list[_Offer]:
    listed = parts[parts.index("Next >") + 1 :]
    offers: list[_Offer] = []
    for asin, title, tag in zip(listed[::3], listed[1::3], listed[2::3], strict=False):
        affordable = all(float(price) <= wish.bound for price in _PRICE.findall(tag))
        offers.append(_Offer(asin, len(offers), title, affordable, wish.lacking([title])))
    return offers


def _read_groups(parts: list[str], admissible: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the option groups of an item page: values can be clicked, names of groups cannot."""
    end = next(i for i, part in enumerate(parts) if part.startswith("Price: ")) - 1
    groups: dict[str, tuple[str, ...]] = {}
    name = ""
    for part in parts[parts.index("< Prev") + 1 : end]:
        if f"click[{one_line(part)}]" in admissible:
            groups[name] = (*groups.get(name, ()), part)
        else:
            name = part
    return groups
